#ifndef SHOAL_TRAIN_BUILD_H
#define SHOAL_TRAIN_BUILD_H

#include "job/job.h"

/* The job's network for pictures of this shape: built, frozen as init.freeze says, sealed; values not set. ERR_USAGE. */
err build_model(model **out, const job *j, shape image, const float *mean, const float *std);

#endif
