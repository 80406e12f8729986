/* Every op of the table: forward against a plain reference in double, gradients against central differences of that reference. Sizes are
 * odd on purpose: no multiple of a SIMD width, one sample, kernels as large as the plane. */
#include "ops_harness.h"
#include "ops_reference.h"

static const double TOLERANCE = 1e-5; /* relative; float32 sums of some hundred terms keep 1e-6 */

typedef struct op_case {
    const op_kind *kind;
    reference *reference;
    const char *what;
    const void *attrs;
    size_t attrs_bytes;
    int64_t n;
    int n_inputs;
    shape in[3];
} op_case;

#define ATTRS(...) &(__VA_ARGS__), sizeof(__VA_ARGS__)
/* out_channels, kernel h w, stride h w, pad h w, dilation h w, groups, bias */
#define CONV(...) ATTRS((const conv2d_attrs){__VA_ARGS__})
#define NORM(...) ATTRS((const batch_norm_attrs){.eps = 1e-5, .momentum = 0.1, __VA_ARGS__})
/* kernel h w, stride h w, pad h w, ceil_mode, count_include_pad */
#define POOL(...) ATTRS((const pool_attrs){__VA_ARGS__})

static const op_case cases[] = {
    {&op_conv2d, reference_conv2d, "3 x 3", CONV(7, 3, 3, 1, 1, 1, 1, 1, 1, 1, false), 3, 1, {{5, 6, 5}}},
    {&op_conv2d, reference_conv2d, "1 x 1", CONV(9, 1, 1, 1, 1, 0, 0, 1, 1, 1, true), 3, 1, {{4, 3, 17}}},
    {&op_conv2d, reference_conv2d, "1 x 1, stride 2", CONV(5, 1, 1, 2, 2, 0, 0, 1, 1, 1, false), 1, 1, {{5, 7, 3}}},
    {&op_conv2d, reference_conv2d, "stem", CONV(5, 7, 7, 2, 2, 3, 3, 1, 1, 1, true), 1, 1, {{9, 10, 3}}},
    {&op_conv2d, reference_conv2d, "kernel = plane", CONV(4, 5, 3, 1, 1, 0, 0, 1, 1, 1, true), 3, 1, {{5, 3, 2}}},
    {&op_conv2d, reference_conv2d, "all unequal", CONV(3, 2, 3, 3, 2, 1, 2, 2, 1, 1, false), 1, 1, {{8, 9, 3}}},
    {&op_conv2d, reference_conv2d, "dilation", CONV(3, 3, 3, 1, 1, 2, 3, 2, 3, 1, false), 1, 1, {{7, 8, 3}}},
    {&op_conv2d, reference_conv2d, "pad wider than kernel", CONV(3, 2, 2, 1, 1, 3, 3, 1, 1, 1, false), 1, 1, {{3, 2, 2}}},
    {&op_conv2d, reference_conv2d, "groups", CONV(6, 3, 3, 1, 1, 1, 1, 1, 1, 3, true), 3, 1, {{4, 5, 9}}},
    {&op_conv2d, reference_conv2d, "groups, 1 x 1", CONV(6, 1, 1, 1, 1, 0, 0, 1, 1, 2, false), 1, 1, {{4, 5, 4}}},
    {&op_conv2d, reference_conv2d, "depthwise", CONV(19, 3, 3, 2, 1, 1, 1, 1, 1, 19, true), 1, 1, {{5, 4, 19}}},
    {&op_conv2d, reference_conv2d, "depthwise, 3 a channel", CONV(15, 3, 2, 1, 1, 0, 0, 1, 2, 5, false), 3, 1, {{4, 5, 5}}},
    {&op_linear, reference_linear, "with bias", ATTRS((const linear_attrs){7, true}), 3, 1, {{1, 1, 13}}},
    {&op_linear, reference_linear, "without", ATTRS((const linear_attrs){1, false}), 1, 1, {{1, 1, 5}}},
    {&op_batch_norm, reference_batch_norm, "plain", NORM(.relu = false), 3, 1, {{5, 5, 19}}},
    {&op_batch_norm, reference_batch_norm, "relu", NORM(.relu = true), 3, 1, {{3, 5, 17}}},
    {&op_batch_norm, reference_batch_norm, "vector", NORM(.relu = true), 3, 1, {{1, 1, 5}}},
    {&op_batch_norm_add, reference_batch_norm, "relu", NORM(.relu = true), 3, 2, {{3, 3, 7}, {3, 3, 7}}},
    {&op_batch_norm_add, reference_batch_norm, "plain", NORM(.relu = false), 1, 2, {{9, 9, 3}, {9, 9, 3}}},
    {&op_relu, reference_relu, "", NULL, 0, 3, 1, {{3, 5, 7}}},
    {&op_max_pool2d, reference_max_pool, "3 x 3 / 2", POOL(3, 3, 2, 2, 1, 1, false, false), 3, 1, {{7, 8, 5}}},
    {&op_max_pool2d, reference_max_pool, "many channels", POOL(2, 3, 2, 1, 1, 0, false, false), 1, 1, {{3, 4, 131}}},
    {&op_max_pool2d, reference_max_pool, "ceil", POOL(2, 2, 2, 2, 0, 0, true, false), 1, 1, {{5, 7, 3}}},
    {&op_max_pool2d, reference_max_pool, "ceil, pad", POOL(3, 2, 3, 2, 1, 1, true, false), 1, 1, {{6, 5, 3}}},
    {&op_max_pool2d, reference_max_pool, "kernel = plane", POOL(4, 3, 1, 1, 0, 0, false, false), 1, 1, {{4, 3, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "2 x 2", POOL(2, 2, 2, 2, 0, 0, false, true), 3, 1, {{5, 4, 17}}},
    {&op_avg_pool2d, reference_avg_pool, "pad counts", POOL(3, 3, 2, 2, 1, 1, false, true), 1, 1, {{6, 7, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "pad does not", POOL(3, 3, 2, 2, 1, 1, true, false), 1, 1, {{6, 7, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "ceil", POOL(3, 2, 2, 3, 1, 1, true, true), 1, 1, {{6, 7, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "every second pixel", POOL(1, 1, 2, 2, 0, 0, false, true), 1, 1, {{5, 6, 3}}},
    {&op_adaptive_avg_pool2d, reference_adaptive_avg_pool, "to 1", ATTRS((const adaptive_avg_pool2d_attrs){1, 1}), 3, 1, {{7, 5, 19}}},
    {&op_adaptive_avg_pool2d,
     reference_adaptive_avg_pool,
     "unequal bins",
     ATTRS((const adaptive_avg_pool2d_attrs){3, 4}),
     1,
     1,
     {{7, 5, 3}}},
    {&op_adaptive_avg_pool2d, reference_adaptive_avg_pool, "to more", ATTRS((const adaptive_avg_pool2d_attrs){5, 7}), 1, 1, {{3, 2, 3}}},
    {&op_add, reference_add, "", NULL, 0, 3, 2, {{3, 5, 7}, {3, 5, 7}}},
    {&op_concat, reference_concat, "three", NULL, 0, 3, 3, {{3, 2, 5}, {3, 2, 1}, {3, 2, 4}}},
    {&op_pad_channels, reference_pad_channels, "", ATTRS((const pad_channels_attrs){2, 3}), 3, 1, {{3, 2, 5}}},
    {&op_flatten, reference_flatten, "plane", NULL, 0, 3, 1, {{3, 5, 7}}},
    {&op_flatten, reference_flatten, "vector", NULL, 0, 3, 1, {{1, 1, 7}}},
    {&op_dropout, reference_dropout, "0.5", ATTRS((const dropout_attrs){0.5}), 3, 1, {{3, 5, 7}}},
    {&op_dropout, reference_dropout, "0", ATTRS((const dropout_attrs){0}), 1, 1, {{3, 5, 7}}},
    {&op_softmax_cross_entropy, reference_loss, "", ATTRS((const softmax_cross_entropy_attrs){0}), 3, 1, {{1, 1, 11}}},
    {&op_softmax_cross_entropy, reference_loss, "smoothed", ATTRS((const softmax_cross_entropy_attrs){0.1}), 3, 1, {{1, 1, 7}}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* A case being run: the node, its lane, and the same numbers in double. */
typedef struct trial {
    const op_case *test;
    graph *graph;
    node *node;
    lane lane;
    problem problem;
    double extra[1024];
    int32_t labels[8];
    double *seed; /* dL/dy for the loss L that is differentiated */
} trial;

static const int32_t some_labels[8] = {3, 0, 6, 2, 5, 1, 4, 3};

static int64_t out_size(const trial *t) {
    return t->test->n * shape_size(t->node->out);
}

static int64_t in_size(const trial *t, int i) {
    return t->test->n * shape_size(t->node->inputs[i]->out);
}

static double *as_double(int64_t n, const float *x) {
    double *d = calloc((size_t)n + 1, sizeof *d);
    for (int64_t i = 0; i < n; i++)
        d[i] = x[i];
    return d;
}

static void fill_params(trial *t) {
    for (int i = 0; i < t->node->n_params; i++) {
        param *p = t->node->params[i];
        for (int64_t k = 0; p->role != PARAM_COUNTER && k < p->size; k++)
            p->value[k] = (float)number(20 + (uint64_t)i, (uint64_t)k);
        if (i < 2 && param_is_trained(p))
            t->problem.w[i] = as_double(p->size, p->value);
    }
}

/* Dropout's own factors, from a picture of ones; a loss's labels. */
static void fill_extra(trial *t) {
    t->problem.extra = t->extra;
    t->lane.call.labels = t->labels;
    memcpy(t->labels, some_labels, sizeof t->labels);
    for (int i = 0; i < 8; i++)
        t->extra[i] = t->labels[i];
    if (t->node->kind != &op_dropout)
        return;
    lane ones;
    lane_init(&ones, t->node, t->test->n, true);
    for (int64_t i = 0; i < in_size(t, 0); i++)
        ((float *)ones.x[0])[i] = 1;
    lane_forward(&ones);
    for (int64_t i = 0; i < in_size(t, 0); i++)
        t->extra[i] = ones.call.y[i];
    lane_reset(&ones);
}

static void begin(trial *t, const op_case *test) {
    *t = (trial){.test = test, .graph = graph_new()};
    t->node = make_node(t->graph, test->kind, test->attrs, test->attrs_bytes, test->n_inputs, test->in);
    ck_assert_msg(t->node, "%s: %s", test->what, err_last()->text);
    ck_assert_int_eq(graph_seal(t->graph), OK);
    t->problem = (problem){.node = t->node, .n = test->n};
    fill_params(t);
    lane_init(&t->lane, t->node, test->n, true);
    fill_extra(t);
    for (int i = 0; i < test->n_inputs; i++)
        t->problem.x[i] = as_double(in_size(t, i), t->lane.x[i]);
    t->seed = calloc((size_t)out_size(t), sizeof *t->seed);
    for (int64_t i = 0; i < out_size(t); i++) /* a loss's own gradient is that of the batch's mean */
        t->seed[i] = test->kind == &op_softmax_cross_entropy ? 1.0 / (double)t->lane.state.batch : (float)number(40, (uint64_t)i);
}

static void end(trial *t) {
    lane_reset(&t->lane);
    for (int i = 0; i < 3; i++)
        free(t->problem.x[i]);
    for (int i = 0; i < 2; i++)
        free(t->problem.w[i]);
    free(t->seed);
    graph_free(t->graph);
}

static double loss(const trial *t, double *y) {
    double sum = 0;
    t->test->reference(&t->problem, y);
    for (int64_t i = 0; i < out_size(t); i++)
        sum += t->seed[i] * y[i];
    return sum;
}

/* Central differences of the reference by the n numbers at `x`. */
static double *differences(const trial *t, int64_t n, double *x) {
    const double step = 1e-5;
    double *d = calloc((size_t)n + 1, sizeof *d), *y = calloc((size_t)out_size(t), sizeof *y);
    for (int64_t i = 0; i < n; i++) {
        double middle = x[i];
        x[i] = middle + step;
        double up = loss(t, y);
        x[i] = middle - step;
        d[i] = (up - loss(t, y)) / (2 * step);
        x[i] = middle;
    }
    free(y);
    return d;
}

static void check_forward(trial *t) {
    double *y = calloc((size_t)out_size(t), sizeof *y);
    lane_forward(&t->lane);
    t->test->reference(&t->problem, y);
    double d = distance(out_size(t), t->lane.call.y, y);
    ck_assert_msg(d < TOLERANCE, "%s (%s): output is off by %g", t->node->kind->name, t->test->what, d);
    free(y);
}

static void prepare_backward(trial *t) {
    op_call *c = &t->lane.call;
    free(c->dy);
    c->dy = new_floats(out_size(t));
    for (int64_t i = 0; i < out_size(t); i++)
        c->dy[i] = (float)t->seed[i];
    memset(c->grad_sums, 0, (size_t)t->node->n_grad_sums * sizeof(double));
    if (t->node->kind->grad_stats)
        t->node->kind->grad_stats(c, t->lane.scratch);
}

/* All tiles together must be the gradient of every trained parameter, each element once. */
static void check_params(trial *t) {
    for (int p = 0; p < 2 && t->problem.w[p]; p++) {
        int64_t size = t->node->params[p]->size;
        float *g = new_floats(size);
        for (int i = 0; i < t->node->n_tiles; i++) {
            grad_tile tile = t->node->tiles[i];
            if (tile.param != p)
                continue;
            ck_assert(isnan(g[tile.offset]) && tile.offset + tile.count <= size);
            t->node->kind->param_grad(&t->lane.call, i, g + tile.offset, t->lane.scratch);
        }
        double *wanted = differences(t, size, t->problem.w[p]), d = distance(size, g, wanted);
        ck_assert_msg(d < TOLERANCE, "%s (%s): gradient of %s is off by %g", t->node->kind->name, t->test->what, t->node->params[p]->name,
                      d);
        free(wanted);
        free(g);
    }
}

static void compare_dx(const trial *t, int i, const double *wanted, double before, const char *how) {
    double *sum = calloc((size_t)in_size(t, i), sizeof *sum);
    for (int64_t k = 0; k < in_size(t, i); k++)
        sum[k] = wanted[k] + before;
    double d = distance(in_size(t, i), t->lane.dx[i], sum);
    ck_assert_msg(d < TOLERANCE, "%s (%s): gradient of input %d, %s, is off by %g", t->node->kind->name, t->test->what, i, how, d);
    free(sum);
}

static void check_inputs(trial *t) {
    const op_kind *k = t->node->kind;
    double *wanted[3] = {0};
    for (int i = 0; i < t->test->n_inputs; i++)
        wanted[i] = differences(t, in_size(t, i), t->problem.x[i]);
    prepare_backward(t);
    k->backward(&t->lane.call, t->lane.scratch);
    for (int i = 0; i < t->test->n_inputs; i++)
        compare_dx(t, i, wanted[i], 0, "written");
    prepare_backward(t);
    for (int i = 0; i < t->test->n_inputs; i++) {
        t->lane.add_dx[i] = true;
        for (int64_t j = 0; j < in_size(t, i); j++)
            t->lane.dx[i][j] = 0.5f;
    }
    k->backward(&t->lane.call, t->lane.scratch);
    for (int i = 0; i < t->test->n_inputs; i++)
        compare_dx(t, i, wanted[i], 0.5, "added");
    for (int shared = 0; shared < t->test->n_inputs; shared++) {
        if (!(t->node->dx_in_place & 1 << shared))
            continue;
        prepare_backward(t);
        float *own = t->lane.dx[shared];
        t->lane.dx[shared] = t->lane.call.dy;
        for (int i = 0; i < t->test->n_inputs; i++)
            t->lane.add_dx[i] = false;
        k->backward(&t->lane.call, t->lane.scratch);
        for (int i = 0; i < t->test->n_inputs; i++)
            compare_dx(t, i, wanted[i], 0, "sharing dy");
        t->lane.dx[shared] = own;
    }
    for (int i = 0; i < t->test->n_inputs; i++)
        free(wanted[i]);
}

START_TEST(forward_and_gradients) {
    trial t;
    begin(&t, &cases[_i]);
    check_forward(&t);
    prepare_backward(&t);
    check_params(&t);
    check_inputs(&t);
    end(&t);
}
END_TEST

START_TEST(every_op_has_a_case) {
    for (int i = 0; i < n_ops; i++) {
        bool found = ops[i] == &op_input; /* nothing to differentiate: tested below */
        for (int k = 0; k < N_CASES; k++)
            found |= cases[k].kind == ops[i];
        ck_assert_msg(found, "op %s has no gradient check", ops[i]->name);
    }
}
END_TEST

/* A lane may have no samples: nothing is read or written but its sums, which are 0, and its gradients, which are 0 too. */
START_TEST(no_samples) {
    op_case test = cases[_i];
    test.n = 0;
    trial t;
    begin(&t, &test);
    lane_forward(&t.lane);
    prepare_backward(&t);
    for (int i = 0; i < t.node->n_tiles; i++) {
        grad_tile tile = t.node->tiles[i];
        float *g = new_floats(tile.count);
        t.node->kind->param_grad(&t.lane.call, i, g, t.lane.scratch);
        for (int64_t k = 0; k < tile.count; k++)
            ck_assert(g[k] == 0);
        free(g);
    }
    t.node->kind->backward(&t.lane.call, t.lane.scratch);
    for (int i = 0; i < t.node->n_sums; i++)
        ck_assert(t.lane.call.sums[i] == 0);
    end(&t);
}
END_TEST

int main(void) {
    math_init();
    Suite *s = suite_create("ops");
    TCase *c = tcase_create("ops");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, every_op_has_a_case);
    tcase_add_loop_test(c, forward_and_gradients, 0, N_CASES);
    tcase_add_loop_test(c, no_samples, 0, N_CASES);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
