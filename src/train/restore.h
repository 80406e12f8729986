/* A network as a checkpoint holds it, with the job it was trained by. */
#ifndef SHOAL_TRAIN_RESTORE_H
#define SHOAL_TRAIN_RESTORE_H

#include "ckpt/ckpt.h"
#include "job/job.h"

typedef struct restored {
    ckpt_info info;
    job *job;
    model *model; /* sealed, with the checkpoint's values */
} restored;

/* On this rank alone. ERR_DATA for a file that holds no job. */
err restore_here(restored *r, const char *checkpoint);

/* Rank 0 reads, everybody has it. Collective. */
err restore_everywhere(restored *r, const char *checkpoint);

void restore_free(restored *r);

#endif
