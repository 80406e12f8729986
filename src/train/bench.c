/* Full training steps on random pictures, timed. */
#define _DEFAULT_SOURCE /* getrusage */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "comm/comm.h"
#include "models/models.h"
#include "train/bench.h"
#include "train/train.h"

enum { DEFAULT_LANES = 8, WARMUP = 1, SEED = 1 };

/* A rank's share of one random batch, which every step uses. */
typedef struct random_batch {
    batch_store store;
    void *memory;
} random_batch;

/* Any bytes, or any classes. */
static void fill(const field *f, rng_key key, int64_t samples, int classes, void *to) {
    int64_t count = samples * shape_size(f->shape);
    for (int64_t i = 0; i < count; i++)
        if (f->type == FIELD_I32)
            ((int32_t *)to)[i] = (int32_t)rng_below(key, (uint64_t)i, (uint64_t)classes);
        else
            ((uint8_t *)to)[i] = (uint8_t)rng_words(key, (uint64_t)i).word[0];
}

static random_batch make_batch(const engine *e, const bench_options *o) {
    const graph *g = e->model->graph;
    int64_t capacity = (o->batch + o->lanes - 1) / o->lanes, samples = capacity * e->n_lanes;
    random_batch b = {.memory = mem_new(1, batch_store_bytes(graph_fields(g), graph_n_fields(g), samples))};
    int64_t *bounds = mem_new((size_t)e->n_lanes, sizeof *bounds);
    for (int lane = 0; lane < e->n_lanes; lane++)
        bounds[lane] = lane * capacity;
    batch_store_init(&b.store, graph_fields(g), graph_n_fields(g), e->n_lanes, samples, b.memory);
    batch_store_lay_out(&b.store, bounds);
    memset(b.store.present, 1, (size_t)samples);
    b.store.batch.size = o->batch;
    for (int lane = 0; lane < e->n_lanes; lane++)
        for (int f = 0; f < graph_n_fields(g); f++)
            fill(&graph_fields(g)[f], rng_make_key(SEED, RNG_DATA, (uint64_t)e->lanes.first + (uint64_t)lane, (uint64_t)f), capacity,
                 o->classes, batch_store_at(&b.store, f, bounds[lane]));
    mem_free(bounds);
    return b;
}

static void free_batch(random_batch *b) {
    batch_store_reset(&b->store);
    mem_free(b->memory);
}

static int rising(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, rising);
    return (values[count / 2] + values[(count - 1) / 2]) / 2;
}

/* Peak resident memory, the largest over ranks. */
static double peak_megabytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double mine = (double)usage.ru_maxrss / 1024, most = 0;
    double *all = mem_new((size_t)comm_size(comm_world()), sizeof *all);
    comm_gather_equal(comm_world(), &mine, all, sizeof mine);
    for (int rank = 0; rank < comm_size(comm_world()); rank++)
        most = all[rank] > most ? all[rank] : most;
    mem_free(all);
    return most;
}

/* Multiply-adds count 2; backward does forward's work twice. */
static double step_flops(const graph *g, int64_t batch) {
    double flops = 0;
    for (int i = 0; i < graph_n_nodes(g); i++)
        if (graph_node(g, i)->kind->flops)
            flops += graph_node(g, i)->kind->flops(graph_node(g, i));
    return 3 * flops * (double)batch;
}

static void print_result(const engine *e, const bench_options *o, double *seconds, double waited, double memory) {
    double median = bench_median(seconds, o->steps), steps = o->steps;
    json_t *line = json_pack(
        "{s:s, s:I, s:i, s:i, s:i, s:i, s:f, s:[f,f,f], s:f, s:f, s:f, s:f, s:f, s:f}", "model", o->model, "batch", (json_int_t)o->batch,
        "size", o->size, "lanes", o->lanes, "ranks", comm_size(comm_world()), "threads", threads_count(), "images_per_s",
        (double)o->batch / median, "step_s", median, seconds[0], seconds[o->steps - 1], "forward_s", e->forward_seconds / steps,
        "backward_s", e->backward_seconds / steps, "comm_s", waited / steps, "optimizer_s", e->optimizer_seconds / steps,
        "rss_mb", memory, "gflops", step_flops(e->model->graph, o->batch) / median * 1e-9);
    char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    log_info("%s", text);
    free(text);
    json_decref(line);
}

static void run_step(engine *e, const random_batch *random, int step) {
    double sums[N_METRICS];
    batch b = random->store.batch;
    b.step = step;
    engine_forward(e, &b, (votes){0}, sums);
    engine_backward(e, step, 0.01);
}

/* Returns the seconds that this rank waited for others in the timed steps. */
static double time_steps(engine *e, const random_batch *random, const bench_options *options, double *seconds) {
    for (int step = 0; step < WARMUP; step++)
        run_step(e, random, step);
    e->forward_seconds = e->backward_seconds = e->optimizer_seconds = 0;
    comm_barrier(comm_world());
    double waited = engine_wait_seconds(e);
    for (int step = 0; step < options->steps; step++) {
        double start = time_now();
        run_step(e, random, WARMUP + step);
        seconds[step] = time_now() - start;
    }
    return engine_wait_seconds(e) - waited;
}

/* As many steps again, each with the times of its nodes. */
static void show_layers(engine *e, const random_batch *random, const bench_options *options) {
    profiled_step *steps = mem_new((size_t)options->steps, sizeof *steps);
    for (int i = 0; i < options->steps; i++) {
        profiled_step *s = &steps[i];
        s->nodes = mem_new((size_t)graph_n_nodes(e->model->graph), sizeof *s->nodes);
        graph_profile(e->run, s->nodes);
        double start = time_now(), updated = e->optimizer_seconds, waited = engine_wait_seconds(e) - graph_reduce_seconds(e->run);
        run_step(e, random, WARMUP + options->steps + i);
        s->whole = time_now() - start;
        s->optimizer = e->optimizer_seconds - updated;
        s->exchange = fmax(0, engine_wait_seconds(e) - graph_reduce_seconds(e->run) - waited);
    }
    graph_profile(e->run, NULL);
    bench_print_layers(e, options->batch, steps, options->steps);
    for (int i = 0; i < options->steps; i++)
        mem_free(steps[i].nodes);
    mem_free(steps);
}

static void measure(engine *e, const bench_options *options) {
    double *seconds = mem_new((size_t)options->steps, sizeof *seconds);
    random_batch random = make_batch(e, options);
    double waited = time_steps(e, &random, options, seconds);
    print_result(e, options, seconds, waited, peak_megabytes());
    if (options->layers)
        show_layers(e, &random, options);
    free_batch(&random);
    mem_free(seconds);
}

static err build(const bench_options *o, const shoal_model_kind *kind, model **out) {
    static const float mean[] = {0.5f, 0.5f, 0.5f}, std[] = {0.25f, 0.25f, 0.25f};
    model_spec spec = {
        .kind = kind,
        .classes = o->classes,
        .image = {o->size, o->size, kind->channels},
        .mean = mean,
        .std = std,
    };
    err code = model_build(out, &spec);
    if (code == OK)
        code = model_seal(*out);
    if (code == OK)
        model_init(*out, SEED);
    return code;
}

static err make_optimizer(model *m, optim **out) {
    const option_kind *sgd = option_find_kind(optim_kind_at, "sgd");
    void *own = option_new(sgd);
    option_set_number(sgd, own, "momentum", 0.9);
    optimizer_options options = {"sgd", 0.01, own, .weight_decay = 1e-4, .norm_weight_decay = 1e-4, .bias_weight_decay = 1e-4};
    err code = optim_new(out, m->graph, &options);
    mem_free(own);
    return code;
}

err train_bench(const bench_options *options) {
    bench_options o = *options;
    const shoal_model_kind *kind;
    model *m = NULL;
    engine *e = NULL;
    optim *opt = NULL;
    err code = models_find(&kind, o.model);
    if (code != OK)
        return code;
    o.lanes = o.lanes > 0 ? o.lanes : DEFAULT_LANES;
    o.size = o.size > 0 ? o.size : kind->size;
    o.classes = o.classes > 0 ? o.classes : kind->classes;
    code = comm_agree(comm_world(), build(&o, kind, &m));
    if (code == OK)
        code = comm_agree(comm_world(), make_optimizer(m, &opt));
    if (code == OK) {
        dist_format format = dist_find_format(o.gradients);
        engine_options how = {.lanes = o.lanes, .batch = o.batch, .training = true, .optim = opt, .recompute = o.recompute,
                              .gradients = format, .seed = SEED};
        code = engine_new(&e, m, &how);
    }
    if (code == OK)
        measure(e, &o);
    engine_free(e);
    optim_free(opt);
    model_free(m);
    return code;
}
