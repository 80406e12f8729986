/* When the process must have ended: SLURM's limit of the job, or train.max_seconds; whichever comes first. Rank 0 alone looks at the clock
 * and votes. */
#ifndef SHOAL_TRAIN_DEADLINE_H
#define SHOAL_TRAIN_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

typedef struct deadline {
    double end;         /* on time_now()'s clock; INFINITY: none */
    double allotment;   /* seconds from this process's start to `end` */
    double margin;      /* seconds that the end of the process is given */
    double longest_step, save_seconds; /* measured; of saving an estimate before that */
    bool warned;        /* that an epoch does not fit */
} deadline;

/* `max_seconds` since the start of this process, 0: no limit; `checkpoint_bytes` for the first estimate. */
void deadline_init(deadline *d, double max_seconds, size_t checkpoint_bytes);

/* What was measured. */
void deadline_add_step(deadline *d, double seconds);
void deadline_add_save(deadline *d, double seconds);

/* Whether a step that begins now is the last one that leaves time for a checkpoint, where `more` seconds of other work follow it. */
bool deadline_is_near(const deadline *d, double more);

/* One warning where an epoch of `steps_per_epoch` steps, and the rest of the run too, take longer than the whole limit. */
void deadline_warn_of_epoch(deadline *d, double step_seconds, int64_t steps_per_epoch, int64_t steps_left);

#endif
