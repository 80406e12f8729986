/* What the files of optim share: the kinds, and what they are asked. */
#ifndef SHOAL_OPTIM_INTERNAL_H
#define SHOAL_OPTIM_INTERNAL_H

#include <stddef.h>

#include "optim/optim.h"

/* ---- optimisers ---- */

enum { OPTIM_MAX_SLOTS = 3 };

/* Neighbours in the arena that are updated by one rule, values and state with them. */
typedef struct optim_piece {
    int64_t count;
    float *values;
    const float *grads;
    float *slots[OPTIM_MAX_SLOTS];
    int64_t step; /* this update's number: the first is 1 */
    double lr, weight_decay;
} optim_piece;

/* A kind of optimiser: one file, one entry of the table in table.c. `update` makes of an element what depends on nothing but that element. */
typedef struct optim_kind {
    option_kind kind;
    const char *slots[OPTIM_MAX_SLOTS];                /* names, PyTorch's; NULL: no more */
    bool (*has_slot)(const void *own, int slot);       /* NULL: always all of them. Those that lack are the last */
    err (*check)(const void *own, const char **wrong); /* as optim_check(); NULL: nothing to check */
    void (*update)(const void *own, const optim_piece *piece);
} optim_kind;

extern const optim_kind optim_sgd, optim_adamw;

/* NULL where there is none. */
const optim_kind *optim_find(const char *name);

/* ---- norm.c ---- */

/* The root of the sum of squares of x[0…count), the same on any ranks and threads; sums: room for optim_n_chunks(count) doubles. */
double optim_norm(const float *x, int64_t count, double *sums);
int optim_n_chunks(int64_t count);

void optim_scale(float *x, int64_t count, float factor);

/* ---- schedules ---- */

typedef struct schedule_moment {
    int64_t epoch;
    double t; /* from 0 at the end of the warmup to 1 at the end of the run */
} schedule_moment;

/* A kind of schedule: one file, one entry of the table in table.c. */
typedef struct schedule_kind {
    option_kind kind;
    err (*check)(const void *own, double lr, const char **wrong); /* as schedule_check(); NULL: nothing to check */
    double (*rate)(const void *own, double lr, schedule_moment now);
} schedule_kind;

extern const schedule_kind schedule_constant, schedule_step, schedule_multistep, schedule_cosine, schedule_poly;

/* ERR_USAGE where the last rate is above the first; for kinds with an option min_lr. */
err schedule_check_min_lr(double min_lr, double lr, const char **wrong);

const schedule_kind *schedule_find(const char *name);

#endif
