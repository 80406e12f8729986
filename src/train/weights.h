#ifndef SHOAL_TRAIN_WEIGHTS_H
#define SHOAL_TRAIN_WEIGHTS_H

#include "ckpt/ckpt.h"
#include "train/train.h"

/* Completes the info of a file that holds weights and no job: the job, shape and statistics of pictures, names of classes. On one rank.
 * ERR_DATA where nobody says which network it is, ERR_USAGE where nobody says how pictures were normalised. */
err weights_describe(ckpt_info *info, const char *path, const weights_options *o);

#endif
