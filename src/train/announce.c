/* What is said at the start of a run. */
#include <inttypes.h>

#include "train/trainer.h"

static int64_t trained_parameters(const graph *g) {
    int64_t count = 0;
    for (int i = 0; i < graph_n_params(g); i++)
        if (param_is_trained(graph_param(g, i)))
            count += graph_param(g, i)->size;
    return count;
}

/* `32`, or `16 to 24` where ranks have different numbers of lanes. */
static char *samples_of_ranks(int64_t of_lane, int lanes, int ranks) {
    int64_t least = of_lane * (lanes / ranks);
    return lanes % ranks == 0 ? text_format("%" PRId64, least) : text_format("%" PRId64 " to %" PRId64, least, least + of_lane);
}

static void warn_of_shares(int lanes, int ranks, int threads) {
    char *shares = launch_shares(lanes, ranks);
    if (shares)
        log_warn("%s", shares);
    mem_free(shares);
    if (ranks * threads > lanes)
        log_warn("%d ranks x %d threads share %d lanes: %d threads have nothing to do; more train.lanes would use them", ranks, threads,
                 lanes, ranks * threads - lanes);
}

void announce_run(const trainer *t) {
    launch_announce(t->ranks, comm_size(comm_world()));
    const job *j = t->job;
    int ranks = comm_size(comm_world()), threads = threads_count();
    char parameters[TEXT_NUMBER], train[TEXT_NUMBER], val[TEXT_NUMBER], memory[TEXT_NUMBER], image[SHAPE_TEXT], classes[TEXT_AMOUNT];
    log_info("%s: %s, %s parameters trained, %s, pictures %s", j->name, j->model.name,
             text_count(parameters, trained_parameters(t->model->graph)), text_amount(classes, t->model->classes, "class"),
             shape_text(image, t->image));
    log_info("data: %s training and %s validation samples", text_count(train, t->order.count),
             text_count(val, t->val ? dataset_count(t->val) : 0));
    char *share = samples_of_ranks(j->train.batch / j->train.lanes, j->train.lanes, ranks);
    log_info("batch: %" PRId64 " global = %d lanes x %g; %d rank%s x %s; %d thread%s a rank; activations %s a rank", j->train.batch,
             j->train.lanes, (double)j->train.batch / j->train.lanes, ranks, text_plural(ranks), share, threads, text_plural(threads),
             text_bytes(memory, graph_activation_bytes(t->engine->run)));
    mem_free(share);
    log_info("steps: %" PRId64 " an epoch, %" PRId64 " in all; %s, lr %g", t->steps_per_epoch, t->last_step, j->optimizer.name,
             j->optimizer.lr);
    int64_t dropped = t->order.count - t->steps_per_epoch * j->train.batch;
    if (j->data.drop_last && dropped > 0)
        log_info("each epoch leaves out %" PRId64 " of %s samples, the remainder of the last batch (data.drop_last: false takes them)",
                 dropped, train);
    if (j->checkpoint.sync)
        log_info("checkpoints: training waits while they are written (checkpoint.sync)");
    else
        log_info("checkpoints: written beside training, from a copy of %s on rank 0", text_bytes(memory, snapshot_bytes(&t->snapshot)));
    warn_of_shares(j->train.lanes, ranks, threads);
    if (j->train.sync_batchnorm == NORM_RANK)
        log_warn("train.sync_batchnorm: rank makes the result depend on the number of ranks");
    if (ranks > 1 && dist_find_format(j->comm.gradients) != DIST_FLOAT32)
        log_warn("comm.gradients: %s rounds what ranks exchange: the result depends on the number of ranks", j->comm.gradients);
}
