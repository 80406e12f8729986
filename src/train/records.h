/* metrics.jsonl: one JSON object a line, losses with 9 significant digits. Only rank 0 writes; elsewhere a records is NULL and all calls
 * do nothing. */
#ifndef SHOAL_TRAIN_RECORDS_H
#define SHOAL_TRAIN_RECORDS_H

#include <stdint.h>

#include "launch/launch.h"
#include "train/train.h"

typedef struct records records;

typedef struct step_record {
    int64_t step, epoch; /* finished steps; the epoch they belong to, the first is 0 */
    double loss, top1, lr, images_per_s, data_s, compute_s, comm_s;
} step_record;

/* Opens DIR/metrics.jsonl for appending. ERR_IO. */
err records_open(records **out, const char *folder);
void records_close(records *r);

err records_step(records *r, const step_record *s);
err records_eval(records *r, const evaluation *e);
/* A checkpoint is whole on disk: how long training stood still for it, how long the writing took. */
err records_checkpoint(records *r, int64_t step, double stood_seconds, double write_seconds);
/* A step that went bad, as the log has it, and what was done: skip, rollback. */
err records_trouble(records *r, int64_t step, const char *action, const char *what);
err records_ranks(records *r, int64_t step, int64_t epoch, int ranks, const rank_comparison *c, const char *const *hosts);
/* Nothing where the file is empty: the run only begins. */
err records_resume(records *r, int64_t step);
err records_done(records *r, int64_t step, int64_t epoch, double seconds, const char *digest);

#endif
