/* Everything that libshoal offers. */
#ifndef SHOAL_H
#define SHOAL_H

#include <shoal/file.h>
#include <shoal/model.h>
#include <shoal/run.h>

#endif
