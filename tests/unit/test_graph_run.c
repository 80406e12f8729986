/* What the executor gives to operations: which samples and lanes, weights in the wanted form, times; and that how it walks changes nothing.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <stdatomic.h>
#include <time.h>

#include "graph_toys_whole.h"
#include "suite.h"

enum { LANES = 7, CAPACITY = 2, MOST_SAMPLES = LANES * CAPACITY, PIXELS = 2 * 3 * 4, MOST_PARTS = 3 };

/* ---- toys that write down what they are given ---- */

typedef struct tally {
    atomic_int forward[MOST_PARTS][MOST_SAMPLES], backward[MOST_PARTS][MOST_SAMPLES]; /* [part][sample] */
    atomic_int summed[MOST_PARTS][MOST_SAMPLES], lanes[MOST_PARTS];                   /* of a part's gradients: samples; number of lanes */
    atomic_int sums;                                                                  /* calls of param_grad */
    atomic_int prepared[2][MOST_PARTS];                                               /* [backward][part] */
} tally;

static tally seen;

/* The samples of the batch of which this run has lanes [first, last), and where each lane begins. */
typedef struct share {
    int first_lane, last_lane, threads;
    int64_t size;
} share;

static share now;

static int64_t start_of(int lane) {
    return lane * now.size / LANES;
}

static void note_samples(const op_call *c, atomic_int *counts) {
    for (int64_t i = c->first; i < c->first + c->n; i++)
        atomic_fetch_add(&counts[i], 1);
}

static void note_all_samples(const op_call *c, atomic_int *counts) {
    ck_assert_int_eq(c->first, start_of(now.first_lane));
    ck_assert_int_eq(c->n, start_of(now.last_lane) - c->first);
    note_samples(c, counts);
}

static void gain_forward_noted(const op_call *c, void *scratch) {
    note_samples(c, seen.forward[0]);
    gain_forward(c, scratch);
}

static void gain_backward_noted(const op_call *c, void *scratch) {
    note_samples(c, seen.backward[0]);
    scale_backward(c, scratch);
}

static void dense_forward_noted(const op_call *c, void *scratch) {
    note_all_samples(c, seen.forward[c->part]);
    dense_forward(c, scratch);
}

static void dense_backward_noted(const op_call *c, void *scratch) {
    note_all_samples(c, seen.backward[c->part]);
    dense_backward(c, scratch);
}

static void dense_prepare_noted(const node *n, bool backward, int part, void *prepared) {
    atomic_fetch_add(&seen.prepared[backward][part], 1);
    dense_prepare(n, backward, part, prepared);
}

static bool is_bound(int64_t sample) {
    for (int lane = now.first_lane; lane <= now.last_lane; lane++)
        if (start_of(lane) == sample)
            return true;
    return false;
}

static void note_lanes(const op_call *c, const lane_group *lanes, int part) {
    const math_lanes *tree = &lanes->tree;
    ck_assert_int_eq(c->first, start_of(now.first_lane));
    ck_assert_int_eq(c->n, start_of(now.last_lane) - c->first);
    atomic_fetch_add(&seen.sums, 1);
    atomic_fetch_add(&seen.lanes[part], tree->count);
    for (int64_t i = c->first + tree->bounds[0]; i < c->first + tree->bounds[tree->count]; i++)
        atomic_fetch_add(&seen.summed[part][i], 1);
    for (int i = 0; i <= tree->count; i++)
        ck_assert(is_bound(c->first + tree->bounds[i]));
}

static void gain_param_grad_noted(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    note_lanes(c, lanes, part);
    gain_param_grad(c, lanes, part, out, scratch);
}

static void dense_param_grad_noted(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    note_lanes(c, lanes, part);
    dense_param_grad(c, lanes, part, out, scratch);
}

/* ---- a run of a small graph ---- */

static uint8_t pixels[MOST_SAMPLES * PIXELS];
static int32_t labels[MOST_SAMPLES];

static graph *surrounded(const op_kind *kind) {
    graph *g = graph_new();
    node *x = add_toy(g, &toy_scale, add_source(g, (shape){2, 3, 4}), NULL);
    add_toy(g, &toy_loss, add_toy(g, kind, x, NULL), NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    for (int64_t i = 0; i < graph_trained_size(g); i++)
        graph_values(g)[i] = (float)(i % 7) - 2.5f;
    return g;
}

static graph_run *new_run(graph *g, bool training) {
    for (int i = 0; i < MOST_SAMPLES * PIXELS; i++)
        pixels[i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < MOST_SAMPLES; i++)
        labels[i] = 1 + i % 3;
    threads_set(now.threads);
    graph_run *run;
    graph_run_options options = {.lanes = LANES,
                                 .first_lane = now.first_lane,
                                 .last_lane = now.last_lane,
                                 .lane_capacity = CAPACITY,
                                 .training = training,
                                 .norm = NORM_LANE};
    ck_assert_int_eq(graph_run_new(&run, g, &options), OK);
    return run;
}

static void forward(graph_run *run, bool training) {
    const void *images[LANES], *targets[LANES];
    for (int lane = now.first_lane; lane < now.last_lane; lane++) {
        images[lane - now.first_lane] = pixels + start_of(lane) * PIXELS;
        targets[lane - now.first_lane] = labels + start_of(lane);
    }
    graph_forward(run, &(batch){.size = now.size, .data = (const void *const *[]){images, targets}}, training);
}

static void expect_once(const char *what, const atomic_int *counts, int64_t first, int64_t last, int64_t all) {
    for (int64_t i = 0; i < all; i++)
        ck_assert_msg(counts[i] == (i >= first && i < last), "%s %d, lanes [%d, %d), batch %d, %d threads: %d times", what, (int)i,
                      now.first_lane, now.last_lane, (int)now.size, now.threads, (int)counts[i]);
}

/* A training step; every sample of the run's lanes is seen once in each pass, by each part. */
static void check_step(const op_kind *kind) {
    graph *g = surrounded(kind);
    const node *n = graph_node(g, 2);
    graph_run *run = new_run(g, true);
    memset(&seen, 0, sizeof seen);
    forward(run, true);
    graph_backward(run);
    int64_t first = start_of(now.first_lane), last = start_of(now.last_lane);
    for (int part = 0; part < (n->forward_parts ? n->forward_parts : 1); part++) {
        expect_once("forward of sample", seen.forward[part], first, last, MOST_SAMPLES);
        expect_once("backward of sample", seen.backward[part], first, last, MOST_SAMPLES);
    }
    for (int part = 0; part < n->grad_parts; part++) {
        expect_once("gradient of sample", seen.summed[part], first, last, MOST_SAMPLES);
        ck_assert_int_eq(seen.lanes[part], now.last_lane - now.first_lane);
    }
    if (now.threads == 1)
        ck_assert_int_eq(seen.sums, graph_n_blocks(run) * n->grad_parts);
    else if (kind->whole) /* work for all: as many pieces as lanes, if need be */
        ck_assert_int_ge(seen.sums, now.last_lane - now.first_lane < now.threads ? now.last_lane - now.first_lane : now.threads);
    graph_run_free(run);
    graph_free(g);
}

/* 1 to 3 threads, all lanes and every range of them, batches of up to 2 samples a lane. */
static void for_every_share(const op_kind *kind) {
    static const int64_t sizes[] = {3, LANES + 4, MOST_SAMPLES};
    for (int threads = 1; threads <= 3; threads++)
        for (int first = 0; first < LANES; first++)
            for (int last = first + 1; last <= LANES; last++)
                for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                    now = (share){first, last, threads, sizes[i]};
                    check_step(kind);
                }
}

START_TEST(ranges_of_samples_are_whole) {
    op_kind kind = toy_gain;
    kind.forward = gain_forward_noted;
    kind.backward = gain_backward_noted;
    kind.param_grad = gain_param_grad_noted;
    for_every_share(&kind);
}
END_TEST

START_TEST(lanes_are_whole) {
    op_kind kind = toy_gain;
    kind.whole = false;
    kind.forward = gain_forward_noted;
    kind.backward = gain_backward_noted;
    kind.param_grad = gain_param_grad_noted;
    for_every_share(&kind);
}
END_TEST

START_TEST(parts_see_all_samples) {
    op_kind kind = toy_dense;
    kind.forward = dense_forward_noted;
    kind.backward = dense_backward_noted;
    kind.param_grad = dense_param_grad_noted;
    for_every_share(&kind);
}
END_TEST

/* Once before forward, once before backward, however many lanes and threads there are. */
START_TEST(weights_are_prepared_once_a_pass) {
    op_kind kind = toy_dense;
    kind.prepare = dense_prepare_noted;
    graph *g = surrounded(&kind);
    now = (share){0, LANES, 2, MOST_SAMPLES};
    graph_run *run = new_run(g, true);
    for (int step = 1; step <= 2; step++) {
        forward(run, true);
        graph_backward(run);
        for (int part = 0; part < 2; part++) {
            ck_assert_int_eq(seen.prepared[0][part], step);
            ck_assert_int_eq(seen.prepared[1][part], step);
        }
    }
    graph_run_free(run);
    graph_free(g);
}
END_TEST

/* ---- one result, whatever the way ---- */

/* The gradients of all lanes as one rank on one thread has them are those of any number of threads, and, joined along the tree, those
 * of ranks that have some lanes each. */
static float *gradients(graph *g, int threads, int first, int last, int64_t size) {
    now = (share){first, last, threads, size};
    graph_run *run = new_run(g, true);
    forward(run, true);
    graph_backward(run);
    int blocks = graph_n_blocks(run);
    size_t floats = (size_t)graph_trained_size(g);
    float *all = mem_new((size_t)blocks * floats, sizeof *all);
    for (int b = 0; b < blocks; b++)
        memcpy(all + (size_t)b * floats, graph_grads(run, b), floats * sizeof *all);
    graph_run_free(run);
    return all;
}

static void assert_equal(const float *a, const float *b, int64_t count) {
    ck_assert(memcmp(a, b, (size_t)count * sizeof *a) == 0);
}

/* Blocks [0, 2), [2, 3) and [3, 4), [4, 7) of 7 lanes. */
static float *joined(graph *g, int threads, int64_t size) {
    float *left = gradients(g, threads, 0, 3, size), *right = gradients(g, threads, 3, LANES, size);
    int64_t floats = graph_trained_size(g);
    for (int64_t i = 0; i < floats; i++)
        left[i] = left[i] + (left[floats + i] + right[i]) + right[floats + i];
    mem_free(right);
    return left;
}

START_TEST(threads_and_ranks_do_not_show) {
    static const op_kind *const kinds[] = {&toy_gain, &toy_dense, &toy_scale};
    graph *g = surrounded(kinds[_i]);
    for (int64_t size = 1; size <= MOST_SAMPLES; size++) {
        float *one = gradients(g, 1, 0, LANES, size);
        for (int threads = 1; threads <= 3; threads++) {
            float *many = gradients(g, threads, 0, LANES, size), *ranks = joined(g, threads, size);
            assert_equal(one, many, graph_trained_size(g));
            assert_equal(one, ranks, graph_trained_size(g));
            mem_free(many);
            mem_free(ranks);
        }
        mem_free(one);
    }
    graph_free(g);
}
END_TEST

/* Evaluation has no statistics between its steps, where training has: memory that is free to be used again in one must be so in the other.
 * `join` ends with the value of `gain`; `swing` begins one of another size. */
START_TEST(evaluation_within_a_training_run) {
    graph *g = graph_new();
    node *gain = add_toy(g, &toy_gain, add_source(g, (shape){2, 3, 4}), NULL), *join = add_toy(g, &toy_join, gain, gain);
    node *swing = add_toy(g, &toy_swing, join, NULL), *mix = add_toy(g, &toy_mix, swing, join);
    add_toy(g, &toy_loss, mix, NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    for (int64_t i = 0; i < graph_trained_size(g); i++)
        graph_values(g)[i] = 1;
    double wanted[LANES] = {0};
    const node *loss = graph_node(g, graph_n_nodes(g) - 1);
    for (int training = 0; training <= 1; training++) {
        now = (share){0, LANES, 1, MOST_SAMPLES};
        graph_run *run = new_run(g, training);
        forward(run, false);
        for (int lane = 0; lane < LANES; lane++) {
            if (training)
                ck_assert(graph_sums(run, loss, lane)[0] == wanted[lane]);
            wanted[lane] = graph_sums(run, loss, lane)[0];
        }
        graph_run_free(run);
    }
    graph_free(g);
}
END_TEST

START_TEST(nothing_to_train) {
    graph *g = graph_new();
    node *x = add_toy(g, &toy_gain, add_source(g, (shape){2, 3, 4}), NULL);
    x->params[0]->frozen = x->params[1]->frozen = true;
    const node *loss = add_toy(g, &toy_loss, x, NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    now = (share){0, LANES, 2, 3};
    graph_run *run = new_run(g, true);
    forward(run, true);
    graph_backward(run);
    ck_assert_int_eq(graph_trained_size(g), 0);
    double samples = 0;
    for (int lane = 0; lane < LANES; lane++)
        samples += graph_sums(run, loss, lane)[1];
    ck_assert(samples == 3);
    graph_run_free(run);
    graph_free(g);
}
END_TEST

/* ---- times ---- */

static const double nap = 0.02;

static void take_a_nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(nap * 1e9)}, NULL);
}

static void slow_forward(const op_call *c, void *scratch) {
    take_a_nap();
    scale_forward(c, scratch);
}

static void slow_backward(const op_call *c, void *scratch) {
    take_a_nap();
    scale_backward(c, scratch);
}

static void slow_param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    take_a_nap();
    scale_param_grad(c, lanes, part, out, scratch);
}

static graph *with_slow_nodes(bool whole) {
    static op_kind kinds[N_PASSES];
    for (int i = 0; i < N_PASSES; i++) {
        kinds[i] = toy_scale;
        kinds[i].whole = whole;
    }
    kinds[PASS_FORWARD].forward = slow_forward;
    kinds[PASS_BACKWARD].backward = slow_backward;
    kinds[PASS_PARAM_GRAD].param_grad = slow_param_grad;
    graph *g = graph_new();
    node *x = add_toy(g, &toy_scale, add_source(g, (shape){2, 3, 4}), NULL);
    for (int i = 0; i < N_PASSES; i++)
        x = add_toy(g, &kinds[i], x, NULL);
    add_toy(g, &toy_loss, x, NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    return g;
}

/* Node 2 + pass sleeps in that pass, each time it is called: seconds cannot be fewer. Passes that a node does not have take none. */
START_TEST(seconds_belong_to_their_node) {
    enum { NODES = 6, STEPS = 2 };
    graph *g = with_slow_nodes(_i);
    now = (share){0, 1, 1, LANES};
    graph_run *run = new_run(g, true);
    double seconds[NODES][N_PASSES] = {{0}}, before[NODES][N_PASSES];
    graph_profile(run, seconds);
    for (int step = 0; step < STEPS; step++) {
        forward(run, true);
        graph_backward(run);
    }
    for (int pass = 0; pass < N_PASSES; pass++)
        ck_assert_double_ge(seconds[2 + pass][pass], STEPS * nap * (pass == PASS_PARAM_GRAD ? 2 : 1)); /* a nap a part */
    ck_assert(seconds[0][PASS_FORWARD] > 0 && seconds[NODES - 1][PASS_BACKWARD] > 0);
    ck_assert(seconds[0][PASS_BACKWARD] == 0 && seconds[0][PASS_PARAM_GRAD] == 0);
    ck_assert(seconds[1][PASS_PARAM_GRAD] > 0);
    ck_assert(seconds[NODES - 1][PASS_PARAM_GRAD] == 0);
    graph_profile(run, NULL);
    memcpy(before, seconds, sizeof seconds);
    forward(run, true);
    graph_backward(run);
    ck_assert_mem_eq(before, seconds, sizeof seconds);
    graph_run_free(run);
    graph_free(g);
}
END_TEST

/* The same numbers while time is taken. */
START_TEST(profiling_changes_nothing) {
    graph *g = surrounded(&toy_swing);
    now = (share){0, LANES, 2, MOST_SAMPLES};
    float *wanted = gradients(g, 2, 0, LANES, MOST_SAMPLES);
    graph_run *run = new_run(g, true);
    double seconds[4][N_PASSES] = {{0}};
    graph_profile(run, seconds);
    forward(run, true);
    graph_backward(run);
    assert_equal(wanted, graph_grads(run, 0), graph_trained_size(g));
    graph_run_free(run);
    mem_free(wanted);
    graph_free(g);
}
END_TEST

/* Nodes that read one field share it; they have to agree on what it is. */
START_TEST(a_field_is_one_thing) {
    graph *g = graph_new();
    node *first = add_source(g, (shape){2, 3, 1}), *second = add_source(g, (shape){2, 3, 1});
    ck_assert_int_eq(graph_n_fields(g), 1);
    ck_assert_int_eq(first->fields[0], second->fields[0]);
    ck_assert(field_bytes(&graph_fields(g)[0]) == 6);
    ck_assert_ptr_null(graph_add(g, &toy_source, "other", memcpy(mem_new(1, sizeof(shape)), &(shape){3, 2, 1}, sizeof(shape)), 0, NULL));
    ck_assert_msg(strstr(err_last()->text, "other: reads the field images as 1 x 3 x 2 of type uint8, another layer as 1 x 2 x 3"), "%s",
                  err_last()->text);
    graph_free(g);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("graph run");
    tcase_add_test(tests, ranges_of_samples_are_whole);
    tcase_add_test(tests, lanes_are_whole);
    tcase_add_test(tests, parts_see_all_samples);
    tcase_add_test(tests, weights_are_prepared_once_a_pass);
    tcase_add_loop_test(tests, threads_and_ranks_do_not_show, 0, 3);
    tcase_add_test(tests, evaluation_within_a_training_run);
    tcase_add_test(tests, nothing_to_train);
    tcase_add_test(tests, a_field_is_one_thing);
    tcase_add_loop_test(tests, seconds_belong_to_their_node, 0, 2);
    tcase_add_test(tests, profiling_changes_nothing);
    return suite_run();
}
