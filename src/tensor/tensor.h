/* tensor: shapes; fields, and the batches that are made of them. */
#ifndef SHOAL_TENSOR_H
#define SHOAL_TENSOR_H

#include "tensor/field.h"
#include "tensor/shape.h"

#endif
