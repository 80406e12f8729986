/* optim: optimisers over slices of the parameter arena, and learning rate schedules. */
#ifndef SHOAL_OPTIM_H
#define SHOAL_OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"

typedef struct optimizer_options {
    const char *name;           /* "sgd" */
    double lr, momentum;
    bool nesterov;
    double weight_decay;        /* of weights */
    double norm_weight_decay;   /* of batch norm's weight and bias */
    double bias_weight_decay;   /* of other biases */
} optimizer_options;

typedef struct optim optim;

/* Names that `optimizer.name` may have. */
extern const char *const optim_names[];
extern const int n_optim_names;

/* Allocates the slots (zero) over the trained parameters of a sealed graph. ERR_USAGE for an unknown name, ERR_BROKEN where
 * memory is short. Not collective. */
err optim_new(optim **out, graph *g, const optimizer_options *options);
void optim_free(optim *o);

/* One update of floats [first, last) of the arena, from grads (the arena's own indices), on all threads. PyTorch's arithmetic:
 * g += wd·w; v = m·v + g; w −= lr·v, or with Nesterov w −= lr·(g + m·v). Any cut into slices gives the same bits. */
void optim_step(optim *o, const float *grads, int64_t first, int64_t last, double lr);

/* The same for a piece of the arena whose gradients are grads[0…count), on the calling thread. Different threads may update different
 * pieces at the same time. */
void optim_update(optim *o, const float *grads, int64_t first, int64_t count, double lr);

/* The state, an arena a slot (`momentum_buffer`), laid out as the values. */
int optim_n_slots(const optim *o);
const char *optim_slot_name(const optim *o, int slot);
float *optim_slot(optim *o, int slot);

/* ---- schedules: the learning rate as a function of the step ---- */

enum { SCHEDULE_MAX_MILESTONES = 32 };

typedef struct schedule_options {
    const char *name;           /* constant, step, multistep, cosine, poly */
    int step_epochs;            /* step: × gamma every so many epochs */
    double gamma;               /* step, multistep */
    int milestones[SCHEDULE_MAX_MILESTONES], n_milestones; /* multistep: epochs, rising */
    double min_lr;              /* cosine, poly: the last value */
    double power;               /* poly */
    double warmup_epochs;       /* the rate rises linearly, step by step, from warmup_decay · lr; may be a fraction */
    double warmup_decay;
} schedule_options;

extern const char *const schedule_names[];
extern const int n_schedule_names;

/* The rate of global step `step` (the first is 0). step and multistep count epochs from the beginning of the run; cosine and poly go from
 * the end of the warmup to the end of the run, a step at a time. */
double schedule_lr(const schedule_options *s, double lr, int64_t step, int64_t steps_per_epoch, int64_t epochs);

#endif
