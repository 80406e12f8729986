/* saver: writes the checkpoints of a run on a thread of its own while training goes on, or at once. One at a time. Rank 0's alone. */
#ifndef SHOAL_TRAIN_SAVER_H
#define SHOAL_TRAIN_SAVER_H

#include "ckpt/ckpt.h"

typedef struct saver saver;

/* A checkpoint to be written: last.h5, and other names for it. */
typedef struct save_order {
    ckpt_info info; /* the saver's from saver_give() on */
    bool numbered;  /* step-N.h5; then those beyond `keep` go */
    bool best;      /* best.h5 */
} save_order;

/* One that has been written, verified and renamed. */
typedef struct save_report {
    int64_t step;
    double seconds;
} save_report;

typedef struct saver_options {
    const char *folder;
    int keep;
    const ckpt_state *state; /* what is written; nobody changes it before saver_wait() */
    bool beside;             /* on a thread */
    ckpt_gate gate;          /* asked on that thread */
} saver_options;

/* Starts the thread where there is to be one. ERR_BROKEN. Strings and state must outlive the saver. */
err saver_new(saver **out, const saver_options *options);

/* Waits for what is being written. NULL is allowed. */
void saver_free(saver *s);

/* Writes, or has it written; nothing may be under way. What comes of it, saver_wait() tells. */
void saver_give(saver *s, const save_order *order);

/* Returns once nothing is under way: OK, or the first error of all that was ever written. Says so to place.h where it has to wait. */
err saver_wait(saver *s);

/* Whether something is under way; whether something could not be written. */
bool saver_is_busy(saver *s);
bool saver_has_failed(saver *s);

/* What has been written since the last call; false: nothing. */
bool saver_take_report(saver *s, save_report *report);

#endif
