#include "train/engine.h"

#include <string.h>

#include "comm/comm.h"

/* graph/ knows no other ranks; these let it meet them through dist/. */
static void reduce(void *context, double *const *lane_sums, int count, double *total) {
    dist_reduce(((engine *)context)->dist, lane_sums, count, total);
}

static void offer(void *context, double *const *lane_sums, int count) {
    dist_offer(((engine *)context)->dist, lane_sums, count);
}

static void on_grad(void *context, int64_t complete) {
    dist_on_grad(((engine *)context)->dist, complete);
}

static void take_grad(void *context, int64_t first, int64_t count, const float *grads) {
    const engine *e = context;
    optim_update(e->optim, grads, first, count);
}

/* With no other ranks to meet, large parameters are updated while their gradients are in cache. */
static math_sink make_sink(engine *e) {
    math_sink sink = {.take = take_grad, .context = e, .touched = {graph_values(e->model->graph)}};
    for (int i = 1; i < MATH_SINK_TOUCHED && i <= optim_n_slots(e->optim); i++)
        sink.touched[i] = optim_slot(e->optim, i - 1);
    return sink;
}

static err make_run(engine *e, const engine_options *o) {
    graph_run_options options = {
        .lanes = o->lanes,
        .first_lane = e->lanes.first,
        .last_lane = e->lanes.last,
        .lane_capacity = (o->batch + o->lanes - 1) / o->lanes,
        .training = o->training,
        .recompute = o->recompute,
        .norm = o->norm,
        .seed = o->seed,
        .hooks = {.context = e, .reduce = reduce, .offer = offer, .on_grad = on_grad},
    };
    if (o->training && !o->guarded && !optim_waits(o->optim) && comm_size(comm_world()) == 1)
        options.hooks.sink = make_sink(e);
    return graph_run_new(&e->run, e->model->graph, &options);
}

static err make_dist(engine *e, const engine_options *o) {
    int blocks = o->training ? graph_n_blocks(e->run) : 0;
    e->grads = mem_new((size_t)blocks, sizeof *e->grads);
    for (int i = 0; i < blocks; i++)
        e->grads[i] = graph_grads(e->run, i);
    dist_options options = {
        .world = comm_world(),
        .lanes = o->lanes,
        .grads = e->grads,
        .grad_size = o->training ? graph_trained_size(e->model->graph) : 0,
        .format = o->gradients,
    };
    return dist_new(&e->dist, &options);
}

/* One number for the network's names and shapes and the plan of buckets. */
static uint64_t plan_hash(const engine *e) {
    uint64_t hash = dist_plan_hash(e->dist);
    for (int i = 0; i < graph_n_params(e->model->graph); i++) {
        const param *p = graph_param(e->model->graph, i);
        char shape[SHAPE_TEXT];
        hash = hash * 31 + rng_hash(p->name) + rng_hash(dims_text(shape, p->dims)) + (uint64_t)p->frozen;
    }
    return hash;
}

static err check_agreement(const engine *e) {
    uint64_t isa = rng_hash(math->isa);
    if (!comm_same(comm_world(), &isa, sizeof isa))
        return fail(ERR_USAGE, "the nodes' processors differ, and so would their results: set SHOAL_ISA=avx2 (or generic) on all of them");
    uint64_t hash = plan_hash(e);
    if (comm_same(comm_world(), &hash, sizeof hash))
        return OK;
    return fail(ERR_BROKEN, "ranks have built different networks or bucket plans: are all nodes running the same binary and job?");
}

err engine_new(engine **out, model *m, const engine_options *options) {
    engine *e = mem_new(1, sizeof *e);
    *out = e;
    e->model = m;
    e->optim = options->optim;
    e->all_lanes = options->lanes;
    err code = dist_lanes(options->lanes, comm_rank(comm_world()), comm_size(comm_world()), &e->lanes);
    if (code == OK) {
        e->n_lanes = e->lanes.last - e->lanes.first;
        code = make_run(e, options);
    }
    if (code == OK && options->guarded)
        code = guard_new(&e->guard, m->graph);
    code = comm_agree(comm_world(), code);
    if (code == OK)
        code = comm_agree(comm_world(), make_dist(e, options));
    if (code == OK)
        code = check_agreement(e);
    if (code != OK) {
        engine_free(e);
        *out = NULL;
        return code;
    }
    e->lane_sums = engine_new_totals(e);
    return OK;
}

void engine_free(engine *e) {
    if (!e)
        return;
    dist_free(e->dist);
    graph_run_free(e->run);
    engine_free_totals(e, e->lane_sums);
    guard_free(e->guard);
    mem_free(e->grads);
    mem_free(e);
}

double **engine_new_totals(const engine *e) {
    double **totals = mem_new((size_t)e->n_lanes, sizeof *totals);
    for (int lane = 0; lane < e->n_lanes; lane++)
        totals[lane] = mem_new(N_METRICS, sizeof(double));
    return totals;
}

void engine_free_totals(const engine *e, double **lane_totals) {
    for (int lane = 0; lane_totals && lane < e->n_lanes; lane++)
        mem_free(lane_totals[lane]);
    mem_free(lane_totals);
}

static void add_metrics(engine *e, int lane, double *sums) {
    const double *loss = graph_sums(e->run, e->model->loss, lane);
    for (int i = METRIC_WEIGHT; i <= METRIC_COUNT; i++)
        sums[i] += loss[i];
}

static void run_forward(engine *e, const batch *b, bool training) {
    double start = time_now(), waited = graph_reduce_seconds(e->run);
    graph_forward(e->run, b, training);
    e->forward_seconds += time_now() - start - (graph_reduce_seconds(e->run) - waited);
}

/* Zeros but for the votes, which the first lane carries. */
static void begin_sums(engine *e, votes mine) {
    for (int lane = 0; lane < e->n_lanes; lane++)
        memset(e->lane_sums[lane], 0, N_METRICS * sizeof(double));
    double *own = e->lane_sums[0];
    own[VOTE_BAD] = mine.bad;
    own[VOTE_NEWS] = mine.news;
    own[VOTE_STOP] = mine.stop;
    own[VOTE_LATE] = mine.late;
    own[VOTE_SAVE] = mine.save;
    own[VOTE_MUTE] = mine.mute;
    own[VOTE_FAILED] = mine.failed;
}

void engine_forward(engine *e, const batch *b, votes mine, double *sums) {
    place_phase("forward");
    run_forward(e, b, true);
    begin_sums(e, mine);
    for (int lane = 0; lane < e->n_lanes; lane++)
        add_metrics(e, lane, e->lane_sums[lane]);
    place_phase("metrics");
    engine_sum(e, e->lane_sums, sums);
}

double engine_loss(const double *sums) {
    return sums[METRIC_WEIGHT] == 0 ? 0 : sums[METRIC_LOSS] / sums[METRIC_WEIGHT];
}

void engine_vote(engine *e, votes mine, double *sums) {
    begin_sums(e, mine);
    engine_sum(e, e->lane_sums, sums);
}

void engine_evaluate(engine *e, const batch *b, double *const *lane_totals) {
    run_forward(e, b, false);
    for (int lane = 0; lane < e->n_lanes; lane++)
        add_metrics(e, lane, lane_totals[lane]);
}

void engine_sum(engine *e, double *const *lane_totals, double *sums) {
    dist_reduce(e->dist, lane_totals, N_METRICS, sums);
}

/* Floats [first, last), without the parameters that were updated when their gradients were made. */
static void update(engine *e, int64_t first, int64_t last) {
    while (first < last) {
        const param *done = graph_handed_out(e->run, first);
        int64_t end = done && done->offset < last ? done->offset : last;
        if (end > first)
            optim_step(e->optim, e->grads[0], first, end);
        first = end < last ? done->offset + done->size : last;
    }
}

static void run_backward(engine *e) {
    double start = time_now(), waited = graph_reduce_seconds(e->run);
    place_phase("backward");
    graph_backward(e->run);
    e->backward_seconds += time_now() - start - (graph_reduce_seconds(e->run) - waited);
}

static void wait_for(engine *e, int bucket) {
    place_phase("gradient exchange");
    dist_wait(e->dist, bucket);
}

static void update_bucket(engine *e, int bucket) {
    int64_t first, last;
    dist_bucket(e->dist, bucket, &first, &last);
    place_phase("optimizer");
    double start = time_now();
    update(e, first, last);
    e->optimizer_seconds += time_now() - start;
}

static void clip(engine *e) {
    double start = time_now();
    place_phase("optimizer");
    optim_clip(e->optim, e->grads[0]);
    e->optimizer_seconds += time_now() - start;
}

/* All gradients first. What is found is the same everywhere, for so are the sums, the statistics and the weights. */
static trouble update_whole(engine *e) {
    for (int bucket = 0; bucket < dist_n_buckets(e->dist); bucket++)
        wait_for(e, bucket);
    if (e->guard && !guard_gradients(e))
        return TROUBLE_GRADIENTS;
    if (e->guard && !guard_commit(e))
        return TROUBLE_STATISTICS;
    clip(e);
    for (int bucket = 0; bucket < dist_n_buckets(e->dist); bucket++)
        update_bucket(e, bucket);
    if (!e->guard)
        graph_commit(e->run);
    return !e->guard || guard_weights(e) ? TROUBLE_NONE : TROUBLE_WEIGHTS;
}

trouble engine_backward(engine *e, int64_t updates, double lr) {
    optim_begin(e->optim, updates, lr);
    run_backward(e);
    if (e->guard || optim_waits(e->optim))
        return update_whole(e);
    for (int bucket = 0; bucket < dist_n_buckets(e->dist); bucket++) {
        wait_for(e, bucket);
        update_bucket(e, bucket);
    }
    graph_commit(e->run);
    return TROUBLE_NONE;
}

graph_suspect engine_find_suspect(engine *e, const batch *b, bool backward) {
    graph_suspect mine, *all = mem_new((size_t)comm_size(comm_world()), sizeof *all);
    place_phase("looking for inf and nan");
    graph_watch(e->run, &mine);
    run_forward(e, b, true);
    if (backward)
        run_backward(e);
    for (int bucket = 0; backward && bucket < dist_n_buckets(e->dist); bucket++)
        wait_for(e, bucket);
    graph_watch(e->run, NULL);
    comm_gather_equal(comm_world(), &mine, all, sizeof mine);
    for (int rank = 0; rank < comm_size(comm_world()); rank++)
        if (all[rank].turn < mine.turn || (all[rank].turn == mine.turn && all[rank].lane < mine.lane))
            mine = all[rank];
    mem_free(all);
    return mine;
}

double engine_wait_seconds(const engine *e) {
    return dist_wait_seconds(e->dist);
}

void engine_share_state(graph *g, optim *o) {
    comm *world = comm_world();
    comm_broadcast(world, 0, graph_values(g), (size_t)graph_trained_size(g) * sizeof(float));
    comm_broadcast(world, 0, graph_fixed(g), (size_t)graph_fixed_size(g) * sizeof(float));
    for (int i = 0; i < graph_n_params(g); i++)
        if (graph_param(g, i)->role == PARAM_COUNTER)
            comm_broadcast(world, 0, &graph_param(g, i)->counter, sizeof(int64_t));
    for (int slot = 0; o && slot < optim_n_slots(o); slot++)
        comm_broadcast(world, 0, optim_slot(o, slot), (size_t)graph_trained_size(g) * sizeof(float));
}
