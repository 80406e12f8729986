#ifndef SHOAL_TRAIN_EVALUATE_H
#define SHOAL_TRAIN_EVALUATE_H

#include "job/job.h"
#include "train/engine.h"
#include "train/quarantine.h"
#include "train/train.h"

/* Asks every few batches whether to go on; the ranks agree. */
typedef struct evaluation_watch {
    votes (*ask)(void *context);
    void *context;
    double sums[N_METRICS]; /* of the votes that ended it */
} evaluation_watch;

typedef struct evaluate_options {
    const dataset *data;
    const option_list *transforms;
    int64_t batch; /* global */
    int workers;   /* data.workers */
    quarantine *bad;
    evaluation_watch *watch; /* NULL: nobody asks it to stop */
} evaluate_options;

/* Each sample of the set exactly once, whatever the number of ranks; fills loss, top1, top5, count and left_out: a bad record is named in
 * the quarantine and counts nowhere. Collective: the same code and numbers everywhere. ERR_DATA where too many are bad, ERR_IO;
 * ERR_REQUEUE where the watch said to leave it. */
err evaluate_set(engine *e, const evaluate_options *o, evaluation *result);

/* Whether all ranks see the same samples; their fingerprint (NULL: not wanted). Collective. ERR_DATA naming `pattern`. */
err evaluate_check_same(const dataset *data, const char *pattern, uint64_t *fingerprint);

/* The shape of the set's pictures after the transforms. */
err evaluate_shape(const dataset *data, const option_list *transforms, shape *out);

#endif
