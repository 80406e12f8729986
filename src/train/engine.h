/* engine: a network that is ready to run on this rank: its graph_run, and dist for meeting the other ranks. Training, evaluation and the
 * benchmark are loops around it. */
#ifndef SHOAL_TRAIN_ENGINE_H
#define SHOAL_TRAIN_ENGINE_H

#include "data/data.h"
#include "dist/dist.h"
#include "graph/graph.h"
#include "nn/nn.h"
#include "optim/optim.h"

/* What is summed over a batch, as the loss op gives it; and the votes of ranks, which ride along, so that all know at once. */
enum {
    METRIC_WEIGHT,
    METRIC_LOSS,
    METRIC_TOP1,
    METRIC_TOP5,
    METRIC_COUNT,
    VOTE_BAD,
    VOTE_NEWS,
    VOTE_STOP,
    VOTE_LATE,
    VOTE_SAVE,
    VOTE_MUTE,
    VOTE_FAILED,
    N_METRICS
};

typedef struct votes {
    bool bad;  /* the batch cannot be used */
    bool news; /* it met bad records that nobody knows yet */
    bool stop; /* a signal asks this rank to stop */
    bool late; /* the time limit is near */
    bool save; /* it is time for a checkpoint */
    bool mute; /* what it says can no longer be written */
    bool failed; /* a checkpoint could not be written */
} votes;

/* What of a step was no number. Then nothing of the step has changed the state, but for TROUBLE_WEIGHTS. */
typedef enum trouble {
    TROUBLE_NONE,
    TROUBLE_LOSS,
    TROUBLE_GRADIENTS,
    TROUBLE_STATISTICS, /* running ones, as the step would have left them */
    TROUBLE_WEIGHTS,    /* after the update */
} trouble;

typedef struct guard guard;

typedef struct engine {
    model *model; /* the caller's */
    int all_lanes; /* of all ranks */
    lane_range lanes;
    int n_lanes; /* this rank's */
    graph_run *run;
    dist *dist;
    float **grads;      /* [block] */
    double **lane_sums; /* [lane][N_METRICS] */
    optim *optim;       /* the caller's */
    guard *guard;       /* NULL: updates are not looked at */
    /* Of this rank since engine_new; waits for others not included. On a single rank the updates of large parameters, made with their
     * gradients (graph_hooks.sink), count as backward. */
    double forward_seconds, backward_seconds, optimizer_seconds;
} engine;

typedef struct engine_options {
    int lanes;
    int64_t batch; /* largest global batch */
    bool training;
    optim *optim;   /* where training */
    bool guarded;   /* nothing is updated before all gradients are known and finite; the same bits, a little slower */
    bool recompute; /* see graph_run_options */
    norm_scope norm;
    dist_format gradients; /* how they travel */
    uint64_t seed;
} engine_options;

/* Plans and allocates everything; agrees on it with the other ranks. Collective: the same code everywhere. */
err engine_new(engine **out, model *m, const engine_options *options);
void engine_free(engine *e); /* collective; NULL is allowed */

/* Training forward of a batch on all ranks, then the metrics' sums over all of it, and the votes', in sums[N_METRICS]. Collective. */
void engine_forward(engine *e, const batch *b, votes mine, double *sums);

/* Forward for evaluation without meeting the others: adds this rank's lanes to lane_totals[lane][N_METRICS]. */
void engine_evaluate(engine *e, const batch *b, double *const *lane_totals);

/* The mean loss that the sums tell of; 0 where no sample has a weight. */
double engine_loss(const double *sums);

/* The votes' sums alone: sums[VOTE_…]; the rest of sums[N_METRICS] is 0. Collective. */
void engine_vote(engine *e, votes mine, double *sums);

/* lane_totals added up over all lanes of all ranks. Collective. */
void engine_sum(engine *e, double *const *lane_totals, double *sums);

/* N_METRICS zeros for each of this rank's lanes; free with engine_free_totals(). */
double **engine_new_totals(const engine *e);
void engine_free_totals(const engine *e, double **lane_totals);

/* Backward, and the update of each bucket as soon as its exchange is over; then the running statistics. `updates` and `lr` are as in
 * optim_begin(). Says what was not finite, the same
 * on all ranks, where the engine is guarded; otherwise always TROUBLE_NONE. Collective. */
trouble engine_backward(engine *e, int64_t updates, double lr);

/* Runs the batch's forward, and where wanted its backward, once more, and looks for the first value on any rank that is not finite; the
 * same on all ranks. Updates nothing; with `backward` the engine must be guarded. Collective. */
graph_suspect engine_find_suspect(engine *e, const batch *b, bool backward);

/* Seconds this rank waited for others since engine_new. */
double engine_wait_seconds(const engine *e);

/* Parameters, buffers, counters and optimiser slots of rank 0 for everybody. Collective; `o` may be NULL. */
void engine_share_state(graph *g, optim *o);

/* ---- guard.c, for the engine ---- */

/* Memory for the running statistics as they were. */
err guard_new(guard **out, graph *g);
void guard_free(guard *g); /* NULL is allowed */

/* Whether every gradient of the step, summed over all ranks, is finite. */
bool guard_gradients(const engine *e);

/* Takes the running statistics over; where they would not be finite, they stay what they were. Collective. */
bool guard_commit(engine *e);

/* Whether all weights are finite. */
bool guard_weights(const engine *e);

#endif
