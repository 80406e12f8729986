/* What the files of optim share. */
#ifndef SHOAL_OPTIM_INTERNAL_H
#define SHOAL_OPTIM_INTERNAL_H

#include <stddef.h>

#include "optim/optim.h"

enum { OPTIM_MAX_SLOTS = 2 };

/* Neighbours in the arena that are updated by one rule, values and state with them. */
typedef struct optim_piece {
    int64_t count;
    float *values;
    const float *grads;
    float *slots[OPTIM_MAX_SLOTS];
    float lr, weight_decay;
} optim_piece;

/* A kind of optimiser: one file, one entry of the table in optim.c. */
typedef struct optim_kind {
    const char *name;
    int n_slots;
    const char *slot_names[OPTIM_MAX_SLOTS];
    void (*update)(const optimizer_options *options, const optim_piece *piece);
} optim_kind;

extern const optim_kind optim_sgd;

#endif
