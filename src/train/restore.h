/* A network as a checkpoint holds it, with the job it was trained by. */
#ifndef SHOAL_TRAIN_RESTORE_H
#define SHOAL_TRAIN_RESTORE_H

#include "ckpt/ckpt.h"
#include "train/train.h"

typedef struct restored {
    ckpt_info info;
    job *job;
    model *model; /* sealed, with the checkpoint's values */
} restored;

/* On this rank alone. ERR_DATA for a file that holds no job, where the options do not say what it is; ERR_USAGE where both do. */
err restore_here(restored *r, const char *checkpoint, const weights_options *weights);

/* Rank 0 reads, everybody has it. Collective. */
err restore_everywhere(restored *r, const char *checkpoint, const weights_options *weights);

void restore_free(restored *r);

/* The job that a checkpoint holds, which somebody else may have written: ERR_DATA, naming the file, where it is none. */
err restore_job(job **out, const char *yaml, const char *checkpoint);

#endif
