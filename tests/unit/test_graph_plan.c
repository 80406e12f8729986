/* The graph: memory that tensors share, editing the list of nodes, the order of parameters, errors of infer. */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t */
#include <pthread.h>
#include <stdatomic.h>

#include "graph_toys_whole.h"
#include "suite.h"

/* ---- memory ---- */

enum { SIDE = 64, CHANNELS = 64, CAPACITY = 4, LANES = 2, PAIRS = 10 };

/* Bytes of one tensor over all lanes. */
static const double tensor_bytes = (double)SIDE * SIDE * CHANNELS * CAPACITY * LANES * sizeof(float);

/* How many tensors' memory a run of the graph holds. */
static double tensors_held(graph *g, bool training) {
    ck_assert_int_eq(graph_seal(g), OK);
    threads_set(1);
    graph_run *run;
    graph_run_options options = {.lanes = LANES, .last_lane = LANES, .lane_capacity = CAPACITY, .training = training};
    ck_assert_int_eq(graph_run_new(&run, g, &options), OK);
    double held = (double)graph_activation_bytes(run) / tensor_bytes;
    graph_run_free(run);
    graph_free(g);
    return held;
}

static graph *chain_of_pairs(const op_kind *first, const op_kind *second) {
    graph *g = graph_new();
    node *x = add_source(g, (shape){SIDE, SIDE, CHANNELS});
    for (int i = 0; i < PAIRS; i++)
        x = add_toy(g, second, add_toy(g, first, x, NULL), NULL);
    add_toy(g, &toy_loss, x, NULL);
    return g;
}

/* What is not held: working buffers and huge pages' ends. */
static const double slack = 0.6;

START_TEST(evaluation_holds_two_tensors_of_a_chain) {
    ck_assert_double_lt(tensors_held(chain_of_pairs(&toy_bell, &toy_bell), false), 2 + slack);
}
END_TEST

START_TEST(evaluation_in_place_holds_one) {
    ck_assert_double_lt(tensors_held(chain_of_pairs(&toy_leaky, &toy_leaky), false), 1 + slack);
}
END_TEST

/* Of the 40 tensors of 10 pairs and their gradients: what backward reads, a pair's one output, and one gradient in motion. */
START_TEST(training_holds_what_backward_reads) {
    double held = tensors_held(chain_of_pairs(&toy_scale, &toy_leaky), true);
    ck_assert_double_gt(held, PAIRS + 1);
    ck_assert_double_lt(held, PAIRS + 2 + slack);
}
END_TEST

START_TEST(what_is_kept_costs_its_memory) {
    graph *g = chain_of_pairs(&toy_bell, &toy_bell);
    graph_node(g, 3)->keep = graph_node(g, 7)->keep = true;
    double held = tensors_held(g, false);
    ck_assert_double_gt(held, 4 - slack);
    ck_assert_double_lt(held, 4 + slack);
}
END_TEST

/* Nothing before the first trained parameter has gradients. */
START_TEST(frozen_layers_hold_no_gradients) {
    graph *g = graph_new();
    node *x = add_source(g, (shape){SIDE, SIDE, CHANNELS});
    for (int i = 0; i < PAIRS; i++) {
        x = add_toy(g, &toy_scale, x, NULL);
        x->params[0]->frozen = true;
    }
    add_toy(g, &toy_loss, x, NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    ck_assert_int_eq(graph_trained_size(g), 0);
    for (int i = 0; i < graph_n_nodes(g); i++)
        ck_assert(!graph_node(g, i)->needs_grad);
    graph_free(g);
}
END_TEST

/* ---- working memory of threads ---- */

static pthread_barrier_t both;
static atomic_int arrivals;

/* Returns only where two threads are here at once, and finds its scratch memory as it left it. */
static void meet(size_t bytes, void *scratch) {
    unsigned char mine = (unsigned char)atomic_fetch_add(&arrivals, 1), *mark = scratch;
    memset(mark, mine, bytes);
    pthread_barrier_wait(&both);
    for (size_t i = 0; i < bytes; i++)
        ck_assert_int_eq(mark[i], mine);
    pthread_barrier_wait(&both);
}

static void meet_pass(const op_call *c, void *scratch) {
    meet(rows_scratch(c->node, 1), scratch);
}

static void meet_param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    slice s = half_of(0, c->node->out.c, part);
    for (int64_t i = s.from; i < s.to; i++)
        out[0][i] = (float)part;
    meet(rows_scratch(c->node, lanes->tree.levels), scratch);
}

static void one_training_step(const op_kind *meeting) {
    graph *g = graph_new();
    node *source = add_source(g, (shape){1, 1, 300}), *scale = add_toy(g, &toy_scale, source, NULL);
    add_toy(g, &toy_loss, add_toy(g, meeting, scale, NULL), NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    pthread_barrier_init(&both, NULL, 2);
    threads_set(2);
    graph_run *run;
    ck_assert_int_eq(graph_run_new(&run, g, &(graph_run_options){.lanes = 2, .last_lane = 2, .lane_capacity = 1, .training = true}), OK);
    static const uint8_t pixels[300];
    static const int32_t label = 1;
    const void *const *data[] = {(const void *[]){pixels, pixels}, (const void *[]){&label, &label}};
    graph_forward(run, &(batch){.size = 2, .data = data}, true);
    graph_backward(run);
    graph_run_free(run);
    pthread_barrier_destroy(&both);
    graph_free(g);
}

/* Lanes, ranges of samples, and parts. */
START_TEST(threads_have_scratch_of_their_own) {
    op_kind meeting = toy_scale;
    meeting.forward = meeting.backward = meet_pass;
    meeting.param_grad = meet_param_grad;
    one_training_step(&meeting);
    meeting.whole = true;
    one_training_step(&meeting);
}
END_TEST

/* ---- editing ---- */

static void assert_order(const graph *g, int count, node *const *nodes) {
    ck_assert_int_eq(graph_n_nodes(g), count);
    for (int i = 0; i < count; i++) {
        ck_assert_ptr_eq(graph_node(g, i), nodes[i]);
        ck_assert_int_eq(nodes[i]->index, i);
    }
}

/* scale → leaky becomes one node; bell and mix used leaky. */
START_TEST(replacing_the_next_node) {
    graph *g = graph_new();
    node *source = add_source(g, (shape){1, 1, 2}), *scale = add_toy(g, &toy_scale, source, NULL);
    node *leaky = add_toy(g, &toy_leaky, scale, NULL), *bell = add_toy(g, &toy_bell, leaky, NULL), *mix = add_toy(g, &toy_mix, leaky, bell);
    leaky->keep = true;
    ck_assert_int_eq(graph_n_uses(g, leaky), 2);
    ck_assert_int_eq(graph_n_uses(g, scale), 1);
    graph_replace(g, leaky, scale);
    assert_order(g, 4, (node *[]){source, scale, bell, mix});
    ck_assert_ptr_eq(bell->inputs[0], scale);
    ck_assert_ptr_eq(mix->inputs[0], scale);
    ck_assert_ptr_eq(scale->inputs[0], source);
    ck_assert_int_eq(graph_n_uses(g, scale), 2);
    ck_assert(scale->keep);
    graph_free(g);
}
END_TEST

/* The norm of a residual block moves behind the other branch, and takes it as a second input. */
START_TEST(replacing_a_node_further_on) {
    graph *g = graph_new();
    node *source = add_source(g, (shape){1, 1, 2}), *swing = add_toy(g, &toy_swing, source, NULL);
    node *bell = add_toy(g, &toy_bell, source, NULL), *scale = add_toy(g, &toy_scale, bell, NULL);
    node *mix = add_toy(g, &toy_mix, swing, scale), *leaky = add_toy(g, &toy_leaky, mix, NULL);
    graph_replace(g, mix, swing);
    graph_add_input(g, swing, scale);
    assert_order(g, 5, (node *[]){source, bell, scale, swing, leaky});
    ck_assert_int_eq(swing->n_inputs, 2);
    ck_assert_ptr_eq(swing->inputs[1], scale);
    ck_assert_ptr_eq(leaky->inputs[0], swing);
    ck_assert_int_eq(graph_n_uses(g, scale), 1);
    ck_assert_int_eq(graph_n_uses(g, swing), 1);
    ck_assert(!swing->keep);
    graph_free(g);
}
END_TEST

START_TEST(a_node_may_use_a_value_twice) {
    graph *g = graph_new();
    node *source = add_source(g, (shape){1, 1, 2});
    add_toy(g, &toy_mix, source, source);
    ck_assert_int_eq(graph_n_uses(g, source), 2);
    graph_free(g);
}
END_TEST

START_TEST(an_error_of_infer_names_the_node) {
    graph *g = graph_new();
    node *a = add_source(g, (shape){1, 1, 2}), *b = add_toy(g, &toy_loss, a, NULL);
    ck_assert_ptr_null(graph_add(g, &toy_mix, "layer1.0.mix", mem_new(1, 8), 2, (node *[]){a, b}));
    ck_assert_int_eq(err_last()->code, ERR_USAGE);
    ck_assert_str_eq(err_last()->text, "layer1.0.mix: shapes differ");
    ck_assert_int_eq(graph_n_nodes(g), 2);
    graph_free(g);
}
END_TEST

/* ---- parameters ---- */

START_TEST(parameters_lie_in_the_order_of_backward) {
    graph *g = graph_new();
    node *x = add_source(g, (shape){1, 1, 5}), *first = add_toy(g, &toy_scale, x, NULL), *swing = add_toy(g, &toy_swing, first, NULL);
    node *frozen = add_toy(g, &toy_scale, swing, NULL), *last = add_toy(g, &toy_scale, frozen, NULL);
    frozen->params[0]->frozen = true;
    add_toy(g, &toy_loss, last, NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    ck_assert_int_eq(last->params[0]->offset, 0);
    ck_assert_int_eq(swing->params[0]->offset, 16); /* cache lines of their own */
    ck_assert_int_eq(swing->params[3]->offset, 32);
    ck_assert_int_eq(first->params[0]->offset, 48);
    ck_assert_int_eq(graph_trained_size(g), 64);
    ck_assert_int_eq(graph_fixed_size(g), 32);
    ck_assert_ptr_eq(first->params[0]->value, graph_values(g) + 48);
    ck_assert_ptr_eq(swing->params[1]->value, graph_fixed(g));
    ck_assert_ptr_eq(frozen->params[0]->value, graph_fixed(g) + 16);
    ck_assert_ptr_null(swing->params[2]->value);
    graph_free(g);
}
END_TEST

START_TEST(parameters_are_found_by_name_in_order_of_creation) {
    graph *g = graph_new();
    node *x = add_source(g, (shape){1, 1, 5}), *scale = add_toy(g, &toy_scale, x, NULL), *swing = add_toy(g, &toy_swing, scale, NULL);
    static const char *const names[] = {"scale1.weight", "swing2.bias", "swing2.running", "swing2.batches", "swing2.bias2"};
    ck_assert_int_eq(graph_n_params(g), 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_str_eq(graph_param(g, i)->name, names[i]);
        ck_assert_ptr_eq(graph_find_param(g, names[i]), graph_param(g, i));
    }
    ck_assert_ptr_eq(swing->params[2], graph_param(g, 3));
    ck_assert_ptr_null(graph_find_param(g, "scale1"));
    graph_free(g);
}
END_TEST

/* memory[kh][kw][ic][oc] is plain[oc][ic][kh][kw] */
START_TEST(convolutions_are_stored_with_outputs_last) {
    enum { OC = 3, IC = 2, KH = 2, KW = 5, SIZE = OC * IC * KH * KW };
    param p = {.layout = LAYOUT_CONV, .size = SIZE, .dims = {4, {OC, IC, KH, KW}}};
    float plain[SIZE], memory[SIZE], again[SIZE];
    for (int i = 0; i < SIZE; i++)
        plain[i] = (float)i;
    param_from_plain(&p, plain, memory);
    for (int o = 0; o < OC; o++)
        for (int i = 0; i < IC; i++)
            for (int y = 0; y < KH; y++)
                for (int x = 0; x < KW; x++)
                    ck_assert(memory[((y * KW + x) * IC + i) * OC + o] == plain[((o * IC + i) * KH + y) * KW + x]);
    param_to_plain(&p, memory, again);
    ck_assert_mem_eq(again, plain, sizeof plain);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("graph plan");
    tcase_add_test(tests, evaluation_holds_two_tensors_of_a_chain);
    tcase_add_test(tests, evaluation_in_place_holds_one);
    tcase_add_test(tests, training_holds_what_backward_reads);
    tcase_add_test(tests, what_is_kept_costs_its_memory);
    tcase_add_test(tests, frozen_layers_hold_no_gradients);
    tcase_add_test(tests, threads_have_scratch_of_their_own);
    tcase_add_test(tests, replacing_the_next_node);
    tcase_add_test(tests, replacing_a_node_further_on);
    tcase_add_test(tests, a_node_may_use_a_value_twice);
    tcase_add_test(tests, an_error_of_infer_names_the_node);
    tcase_add_test(tests, parameters_lie_in_the_order_of_backward);
    tcase_add_test(tests, parameters_are_found_by_name_in_order_of_creation);
    tcase_add_test(tests, convolutions_are_stored_with_outputs_last);
    return suite_run();
}
