/* optim: optimisers over slices of the parameter arena, and learning rate schedules. Each kind is one file, with options of its own, and
 * one entry of the table. */
#ifndef SHOAL_OPTIM_H
#define SHOAL_OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"

typedef struct optimizer_options {
    const char *name; /* of a kind; the caller's */
    double lr;
    const void *own;          /* the kind's own options; NULL: zeros */
    double weight_decay;      /* of weights */
    double norm_weight_decay; /* of batch norm's weight and bias */
    double bias_weight_decay; /* of other biases */
    double clip_grad;         /* most that the whole gradient's norm may be; 0: anything */
} optimizer_options;

typedef struct optim optim;

/* The kinds that `optimizer.name` may name; NULL behind the last. */
const option_kind *optim_kind_at(int index);

/* Whether the kind's own options suit each other. ERR_USAGE; *wrong is the key to blame, as `optimizer.nesterov`. */
err optim_check(const optimizer_options *options, const char **wrong);

/* Allocates the slots (zero) over the trained parameters of a sealed graph. ERR_USAGE for an unknown name, ERR_BROKEN where
 * memory is short. Not collective. */
err optim_new(optim **out, graph *g, const optimizer_options *options);
void optim_free(optim *o);

/* A step begins, at this learning rate. `updates` were made before it: steps that were skipped do not count, as PyTorch counts. */
void optim_begin(optim *o, int64_t updates, double lr);

/* Whether nothing can be updated before all gradients of the step are known. Then optim_clip() comes before the updates: it scales the
 * gradients (the whole arena) down to clip_grad, as torch.nn.utils.clip_grad_norm_. */
bool optim_waits(const optim *o);
void optim_clip(optim *o, float *grads);

/* The update of floats [first, last) of the arena, from grads (the arena's own indices), on all threads. Any cut into slices gives the same
 * bits. */
void optim_step(optim *o, const float *grads, int64_t first, int64_t last);

/* The same for a piece of the arena whose gradients are grads[0…count), on the calling thread. Different threads may update different
 * pieces at the same time. */
void optim_update(optim *o, const float *grads, int64_t first, int64_t count);

/* The state, an arena a slot (`momentum_buffer`), laid out as the values. */
int optim_n_slots(const optim *o);
const char *optim_slot_name(const optim *o, int slot);
float *optim_slot(optim *o, int slot);

/* ---- schedules: the learning rate as a function of the step ---- */

typedef struct schedule_options {
    const char *name;     /* of a kind; the caller's */
    const void *own;      /* the kind's own options */
    double warmup_epochs; /* the rate rises linearly, step by step, from warmup_decay · lr; may be a fraction */
    double warmup_decay;
} schedule_options;

/* The kinds that `schedule.name` may name; NULL behind the last. */
const option_kind *schedule_kind_at(int index);

/* Whether the kind's own options suit each other and the rate. ERR_USAGE; *wrong is the key to blame, as `schedule.min_lr`. */
err schedule_check(const schedule_options *s, double lr, const char **wrong);

/* The rate of global step `step` (the first is 0). Some kinds count epochs from the beginning of the run; others go from the end of the
 * warmup to the end of the run, a step at a time. */
double schedule_lr(const schedule_options *s, double lr, int64_t step, int64_t steps_per_epoch, int64_t epochs);

#endif
