/* The graph: random networks of toy operations against a naive evaluator, bit for bit; what the memory plan saves; editing and sealing. */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */
#include <pthread.h>

#include "graph_naive.h"
#include "suite.h"

enum { N_NETWORKS = 120, N_BATCHES = 4, CAPACITY = 3, MOST_LANES = 9 };

/* ---- networks ---- */

typedef struct dice {
    rng_key key;
    uint64_t thrown;
} dice;

static int throw_dice(dice *d, int sides) {
    return (int)rng_below(d->key, d->thrown++, (uint64_t)sides);
}

/* Nothing comes after a loss. */
static node *any_node(const graph *g, dice *d) {
    int n = graph_n_nodes(g), recent = n > 4 && throw_dice(d, 2) ? 3 : n - 1; /* half of them deep, half with long shortcuts */
    node *chosen = graph_node(g, n - 1 - throw_dice(d, recent));
    return chosen->kind->root ? any_node(g, d) : chosen;
}

static void add_random(graph *g, dice *d) {
    enum { MOST_CHANNELS = 12 };
    static const op_kind *const kinds[] = {&toy_scale, &toy_gain, &toy_dense, &toy_bell,  &toy_half,   &toy_leaky,
                                           &toy_mix,   &toy_join, &toy_swing, &toy_noise, &toy_product};
    const op_kind *kind = kinds[throw_dice(d, sizeof kinds / sizeof *kinds)];
    node *a = any_node(g, d), *b = NULL;
    if (kind == &toy_mix || kind == &toy_join || kind == &toy_product)
        b = any_node(g, d);
    if (b && kind != &toy_join && !shape_equal(a->out, b->out))
        b = a;
    if (kind == &toy_join && a->out.c + b->out.c > MOST_CHANNELS)
        return;
    add_toy(g, kind, a, b)->keep = throw_dice(d, 5) == 0;
}

static void set_values(graph *g) {
    for (int i = 0; i < graph_n_params(g); i++) {
        param *p = graph_param(g, i);
        for (int64_t k = 0; p->value && k < p->size; k++)
            p->value[k] = (float)(2 * rng_uniform(rng_make_key(1, RNG_INIT, (uint64_t)i, 0), (uint64_t)k) - 1);
    }
}

static void add_loss(graph *g, dice *d, const op_kind *kind, node *x) {
    add_toy(g, kind, x, NULL)->weight = 0.25 * (1 + throw_dice(d, 8));
}

/* The same network for the same seed: branches, one loss or several, values with several uses, dead ends, outputs to keep, frozen
 * parameters. */
static graph *random_graph(uint64_t seed) {
    graph *g = graph_new();
    dice d = {rng_make_key(seed, RNG_DATA, 0, 0), 0};
    add_source(g, (shape){1 + throw_dice(&d, 3), 1 + throw_dice(&d, 2), 1 + throw_dice(&d, 4)});
    add_toy(g, &toy_scale, graph_node(g, 0), NULL);
    for (int n = 3 + throw_dice(&d, 22); n > 0; n--) {
        add_random(g, &d);
        if (throw_dice(&d, 12) == 0)
            add_loss(g, &d, throw_dice(&d, 2) ? &toy_loss : &toy_mean, any_node(g, &d));
    }
    add_toy(g, &toy_scale, any_node(g, &d), NULL);
    add_loss(g, &d, throw_dice(&d, 2) ? &toy_loss : &toy_mean, graph_node(g, graph_n_nodes(g) - 1));
    for (int i = 0; i < graph_n_params(g); i++)
        graph_param(g, i)->frozen = throw_dice(&d, 4) == 0;
    if (graph_seal(g) != OK)
        abort();
    set_values(g);
    return g;
}

/* ---- trials ---- */

static void fill_images(trial *t, shape s) {
    t->images = mem_new((size_t)t->lanes, sizeof *t->images);
    t->labels = mem_new((size_t)t->lanes, sizeof *t->labels);
    for (int lane = 0; lane < t->lanes; lane++) {
        int64_t n = (lane + 1) * t->state.batch / t->lanes - lane * t->state.batch / t->lanes;
        uint8_t *pixels = mem_new((size_t)(n * shape_size(s)), 1);
        int32_t *labels = mem_new((size_t)n, sizeof *labels);
        rng_key key = rng_make_key(t->state.step, RNG_DATA, (uint64_t)lane, 7);
        for (int64_t i = 0; i < n * shape_size(s); i++)
            pixels[i] = (uint8_t)rng_below(key, (uint64_t)i, 256);
        for (int64_t i = 0; i < n; i++)
            labels[i] = 1 + (int32_t)(i % 3);
        t->images[lane] = pixels;
        t->labels[lane] = labels;
    }
}

static void free_images(trial *t) {
    for (int lane = 0; lane < t->lanes; lane++) {
        mem_free((void *)(uintptr_t)t->images[lane]);
        mem_free((void *)(uintptr_t)t->labels[lane]);
    }
    mem_free(t->images);
    mem_free(t->labels);
}

/* Full batches, uneven ones, and ones in which some lanes are empty. */
static int64_t batch_size(dice *d, int lanes, int which) {
    switch (which) {
    case 0:
        return (int64_t)lanes * CAPACITY;
    case 1:
        return lanes + throw_dice(d, lanes * (CAPACITY - 1));
    default:
        return 1 + throw_dice(d, lanes);
    }
}

/* ---- ranks: each a run of its own over a graph of its own ---- */

/* Where ranks leave their lanes' sums for each other. */
typedef struct meeting {
    pthread_barrier_t all;
    int lanes;
    double *const *sums[MOST_LANES]; /* [lane] -> the array of its rank, at the lane */
} meeting;

typedef struct rank {
    graph *g;
    graph_run *run;
    meeting *meeting;
    const trial *t;
    int first, last;
    float **expected; /* [block] gradient arena; NULL: not in backward */
    int64_t complete;
    int n_calls;
    double offered; /* of the sums that were announced, the first lane's first; NaN: none were */
} rank;

static double tree_of_lanes(const meeting *m, int index, int first, int count) {
    if (count == 1)
        return (*m->sums[first])[index];
    int left = left_lanes(count);
    return tree_of_lanes(m, index, first, left) + tree_of_lanes(m, index, first + left, count - left);
}

static void offer(void *context, double *const *lane_sums, int count) {
    ck_assert_int_gt(count, 0);
    ((rank *)context)->offered = lane_sums[0][0];
}

/* What has been announced comes next. */
static void reduce(void *context, double *const *lane_sums, int count, double *total) {
    rank *r = context;
    ck_assert(isnan(r->offered) || r->offered == lane_sums[0][0]);
    r->offered = NAN;
    for (int lane = r->first; lane < r->last; lane++)
        r->meeting->sums[lane] = lane_sums + lane - r->first;
    pthread_barrier_wait(&r->meeting->all);
    for (int i = 0; i < count; i++)
        total[i] = tree_of_lanes(r->meeting, i, 0, r->meeting->lanes);
    pthread_barrier_wait(&r->meeting->all);
}

static void assert_same(const void *a, const void *b, int64_t bytes) {
    ck_assert(bytes == 0 || memcmp(a, b, (size_t)bytes) == 0);
}

/* What is said to be whole is whole already, not only at the end. */
static void on_grad(void *context, int64_t complete) {
    rank *r = context;
    ck_assert_int_ge(complete, r->complete);
    ck_assert_int_le(complete, graph_trained_size(r->g));
    for (int block = 0; block < graph_n_blocks(r->run); block++)
        assert_same(graph_grads(r->run, block), r->expected[block], complete * (int64_t)sizeof(float));
    r->complete = complete;
    r->n_calls++;
}

/* Every third network makes cheap outputs again in backward. */
static void open_rank(rank *r, uint64_t network, const trial *t, int which, meeting *m, bool training) {
    *r = (rank){.g = random_graph(network), .meeting = m, .t = t, .first = t->cuts[which], .last = t->cuts[which + 1], .offered = NAN};
    graph_run_options options = {
        .lanes = t->lanes,
        .first_lane = r->first,
        .last_lane = r->last,
        .lane_capacity = CAPACITY,
        .training = training,
        .recompute = network % 3 == 2,
        .norm = t->norm,
        .seed = t->state.seed,
        .hooks = {.context = r, .reduce = m ? reduce : NULL, .offer = m ? offer : NULL, .on_grad = on_grad},
    };
    ck_assert_int_eq(graph_run_new(&r->run, r->g, &options), OK);
}

static void close_rank(rank *r) {
    graph_run_free(r->run);
    graph_free(r->g);
}

/* ---- comparisons ---- */

static void compare_outputs(const rank *r, const naive *v) {
    for (int i = 0; i < graph_n_nodes(r->g); i++) {
        const node *n = graph_node(r->g, i);
        for (int lane = r->first; lane < r->last; lane++) {
            const op_call *c = naive_call(v, n, lane);
            assert_same(graph_sums(r->run, n, lane - r->first), c->sums, n->n_sums * (int64_t)sizeof(double));
            if (n->keep)
                assert_same(graph_output(r->run, n, lane - r->first), c->y, toy_size(c) * (int64_t)sizeof(float));
        }
    }
}

static void expect_gradients(rank *r, const naive *v) {
    tree_block blocks[TREE_DEPTH];
    int n = tree_blocks(r->t->lanes, r->first, r->last, blocks);
    ck_assert_int_eq(graph_n_blocks(r->run), n);
    r->expected = mem_new((size_t)n, sizeof *r->expected);
    for (int i = 0; i < n; i++)
        r->expected[i] = naive_gradients(v, blocks[i]);
    r->complete = 0;
}

static void check_gradients(rank *r) {
    ck_assert_int_eq(r->complete, r->n_calls > 0 ? graph_trained_size(r->g) : 0);
    for (int i = 0; i < graph_n_blocks(r->run); i++) {
        assert_same(graph_grads(r->run, i), r->expected[i], graph_trained_size(r->g) * (int64_t)sizeof(float));
        mem_free(r->expected[i]);
    }
    mem_free(r->expected);
    r->expected = NULL;
}

static void compare_state(const rank *r, const graph *other) {
    assert_same(graph_fixed(r->g), graph_fixed((graph *)(uintptr_t)other), graph_fixed_size(other) * (int64_t)sizeof(float));
    for (int i = 0; i < graph_n_params(other); i++)
        ck_assert_int_eq(graph_param(r->g, i)->counter, graph_param(other, i)->counter);
}

/* ---- a training step, and an evaluation of the same batch ---- */

static void forward(rank *r, bool training) {
    const void *const *data[] = {r->t->images + r->first, r->t->labels + r->first};
    batch b = {.size = r->t->state.batch, .step = (int64_t)r->t->state.step, .data = data};
    graph_forward(r->run, &b, training);
}

static void *train_step(void *context) {
    rank *r = context;
    forward(r, true);
    graph_backward(r->run);
    return NULL;
}

static void *commit(void *context) {
    graph_commit(((rank *)context)->run);
    return NULL;
}

static void together(rank *ranks, int count, void *(*work)(void *)) {
    pthread_t threads[MOST_RANKS];
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &ranks[i]), 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void check_training(rank *ranks, int count, graph *g, trial *t) {
    t->state.training = true;
    naive v = naive_new(g, t);
    naive_forward(&v);
    ck_assert(isfinite(naive_call(&v, last_node(g), 0)->sums[0]));
    naive_backward(&v);
    for (int i = 0; i < count; i++)
        expect_gradients(&ranks[i], &v);
    if (count == 1)
        train_step(&ranks[0]);
    else
        together(ranks, count, train_step);
    for (int i = 0; i < count; i++) {
        compare_outputs(&ranks[i], &v);
        check_gradients(&ranks[i]);
    }
    naive_commit(&v);
    if (count == 1)
        commit(&ranks[0]);
    else
        together(ranks, count, commit);
    for (int i = 0; i < count; i++)
        compare_state(&ranks[i], g);
    naive_free(&v);
}

static void check_evaluation(rank *ranks, int count, graph *g, trial *t) {
    t->state.training = false;
    naive v = naive_new(g, t);
    naive_forward(&v);
    for (int i = 0; i < count; i++) {
        forward(&ranks[i], false);
        compare_outputs(&ranks[i], &v);
    }
    naive_free(&v);
}

static void check_batches(rank *ranks, int count, graph *g, trial *t, dice *d, void (*check)(rank *, int, graph *, trial *)) {
    for (int b = 0; b < N_BATCHES; b++) {
        t->state.batch = batch_size(d, t->lanes, b);
        t->state.step = (uint64_t)b;
        fill_images(t, graph_node(g, 0)->out);
        check(ranks, count, g, t);
        check_evaluation(ranks, count, g, t);
        free_images(t);
    }
}

START_TEST(one_rank_on_any_number_of_threads) {
    dice d = {rng_make_key((uint64_t)_i, RNG_DATA, 1, 0), 0};
    trial t = {.lanes = 1 + _i % MOST_LANES, .n_ranks = 1, .norm = (norm_scope)(_i / 3 % 3), .state = {.seed = 5}};
    t.cuts[1] = t.lanes;
    threads_set(1 + _i / 2 % 3);
    graph *g = random_graph((uint64_t)_i);
    rank r;
    open_rank(&r, (uint64_t)_i, &t, 0, NULL, true);
    check_batches(&r, 1, g, &t, &d, check_training);
    close_rank(&r);
    graph_free(g);
}
END_TEST

START_TEST(a_run_without_training) {
    dice d = {rng_make_key((uint64_t)_i, RNG_DATA, 2, 0), 0};
    trial t = {.lanes = 1 + _i % MOST_LANES, .n_ranks = 1};
    t.cuts[1] = t.lanes;
    threads_set(2);
    graph *g = random_graph((uint64_t)_i);
    rank r;
    open_rank(&r, (uint64_t)_i, &t, 0, NULL, false);
    check_batches(&r, 1, g, &t, &d, check_evaluation);
    close_rank(&r);
    graph_free(g);
}
END_TEST

/* Ranges that are not whole subtrees, so that a rank has several blocks; with several threads their lanes are summed in pieces. */
START_TEST(several_ranks) {
    dice d = {rng_make_key((uint64_t)_i, RNG_DATA, 3, 0), 0};
    trial t = {.lanes = 3 + _i % (MOST_LANES - 2), .n_ranks = 2 + _i % 2, .norm = (norm_scope)(_i / 2 % 3), .state = {.seed = 6}};
    t.cuts[1] = 1 + throw_dice(&d, t.lanes - 2);
    t.cuts[2] = t.n_ranks == 2 ? t.lanes : t.cuts[1] + 1 + throw_dice(&d, t.lanes - t.cuts[1] - 1);
    t.cuts[t.n_ranks] = t.lanes;
    threads_set(1 + _i / 6 % 3);
    meeting m = {.lanes = t.lanes};
    pthread_barrier_init(&m.all, NULL, (unsigned)t.n_ranks);
    graph *g = random_graph((uint64_t)_i);
    rank ranks[MOST_RANKS];
    for (int i = 0; i < t.n_ranks; i++)
        open_rank(&ranks[i], (uint64_t)_i, &t, i, &m, true);
    check_batches(ranks, t.n_ranks, g, &t, &d, check_training);
    for (int i = 0; i < t.n_ranks; i++)
        close_rank(&ranks[i]);
    pthread_barrier_destroy(&m.all);
    graph_free(g);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("graph");
    tcase_add_loop_test(tests, one_rank_on_any_number_of_threads, 0, N_NETWORKS);
    tcase_add_loop_test(tests, a_run_without_training, 0, N_NETWORKS / 4);
    tcase_add_loop_test(tests, several_ranks, 0, N_NETWORKS);
    return suite_run();
}
