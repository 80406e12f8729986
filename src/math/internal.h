/* What the files of math share. */
#ifndef SHOAL_MATH_INTERNAL_H
#define SHOAL_MATH_INTERNAL_H

#include "math/math.h"

/* BLAS single-threaded, and with kernels that suit the processor. */
void blas_init(void);

#endif
