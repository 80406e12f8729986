/* What the files of dist share. */
#ifndef SHOAL_DIST_INTERNAL_H
#define SHOAL_DIST_INTERNAL_H

#include <pthread.h>

#include "dist/level.h"

struct dist {
    int lanes, n_mine; /* of the job, of this rank */
    dist_format format;
    int n_levels;
    level levels[MAX_LEVELS];
    fold local;          /* this rank's lanes into its blocks, for statistics */
    void **lane_vectors; /* [local lane] */
    bool offered;        /* the lanes of the sum that follows have been added up, and shown where there is a board */
    int n_blocks;
    float **grads; /* [block] */
    int64_t grad_size;
    double wait_seconds;

    /* Buckets are handed over and summed in order, so two numbers say all; they count on from step to step. */
    int n_buckets;
    int64_t *bucket_end;  /* [bucket], floats */
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    int64_t handed, summed;
    bool stop, has_thread;
    int64_t step_start; /* buckets of earlier steps; the step's own thread's, like step_over */
    bool step_over;     /* its last bucket has been waited for */
    pthread_t thread;
};

/* The communication thread, where there is more than one rank. */
err dist_start_thread(dist *d);
void dist_stop_thread(dist *d);

#endif
