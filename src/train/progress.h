/* The progress line: redrawn on a terminal; elsewhere a plain line every few seconds. Rank 0 prints. */
#ifndef SHOAL_TRAIN_PROGRESS_H
#define SHOAL_TRAIN_PROGRESS_H

#include <stdint.h>

typedef struct progress {
    int64_t steps_per_epoch, last_step, first_step; /* of the run; where this process began */
    double started, last_line;
    double loss_sum, loss_count; /* of the epoch so far */
    int64_t epoch;
} progress;

typedef struct progress_step {
    int64_t step;    /* finished steps */
    double loss, top1, count; /* means over the batch; its samples */
    double lr, images_per_s, data_s;
} progress_step;

void progress_start(progress *p, int64_t first_step, int64_t last_step, int64_t steps_per_epoch);
void progress_report(progress *p, const progress_step *s);

#endif
