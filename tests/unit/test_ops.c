/* Every op of the table: forward against a plain reference in double, gradients against central differences of that reference. */
#include "ops_cases.h"
#include "suite.h"

static const double TOLERANCE = 1e-5; /* relative; float32 sums of some hundred terms keep 1e-6 */

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
    lane_set_field(&t->lane, t->labels);
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
    lane_grad_stats(&t->lane);
}

static void check_params(trial *t) {
    float *found[NODE_MAX_PARAMS];
    lane_group alone = lane_alone(&t->lane);
    param_grads_once(&t->lane, &alone, found);
    for (int p = 0; p < t->node->n_params; p++) {
        ck_assert((found[p] != NULL) == (p < 2 && t->problem.w[p]));
        if (!found[p])
            continue;
        int64_t size = t->node->params[p]->size;
        double *wanted = differences(t, size, t->problem.w[p]), d = distance(size, found[p], wanted);
        ck_assert_msg(d < TOLERANCE, "%s (%s): gradient of %s is off by %g", t->node->kind->name, t->test->what, t->node->params[p]->name,
                      d);
        free(wanted);
        free(found[p]);
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
    double *wanted[3] = {0};
    for (int i = 0; i < t->test->n_inputs; i++)
        wanted[i] = differences(t, in_size(t, i), t->problem.x[i]);
    prepare_backward(t);
    lane_backward(&t->lane);
    for (int i = 0; i < t->test->n_inputs; i++)
        compare_dx(t, i, wanted[i], 0, "written");
    prepare_backward(t);
    for (int i = 0; i < t->test->n_inputs; i++) {
        t->lane.add_dx[i] = true;
        for (int64_t j = 0; j < in_size(t, i); j++)
            t->lane.dx[i][j] = 0.5f;
    }
    lane_backward(&t->lane);
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
        lane_backward(&t->lane);
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

/* Where some parameters are frozen, the others' gradients are what they were. */
START_TEST(frozen_parameters) {
    trial t;
    begin(&t, &cases[_i]);
    lane_forward(&t.lane);
    prepare_backward(&t);
    lane_group alone = lane_alone(&t.lane);
    float *all[NODE_MAX_PARAMS];
    param_grads_once(&t.lane, &alone, all);
    for (int frozen = 0; frozen < t.node->n_params; frozen++) {
        float *out[NODE_MAX_PARAMS];
        for (int i = 0; i < t.node->n_params; i++)
            out[i] = all[i] && i != frozen ? new_floats(t.node->params[i]->size) : NULL;
        lane_param_grads(&t.lane, &alone, out);
        for (int i = 0; i < t.node->n_params; i++) {
            ck_assert(!out[i] || memcmp(out[i], all[i], (size_t)t.node->params[i]->size * sizeof(float)) == 0);
            free(out[i]);
        }
    }
    for (int i = 0; i < t.node->n_params; i++)
        free(all[i]);
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
    float *found[NODE_MAX_PARAMS];
    lane_group alone = lane_alone(&t.lane);
    param_grads_once(&t.lane, &alone, found);
    for (int i = 0; i < t.node->n_params; i++) {
        for (int64_t k = 0; found[i] && k < t.node->params[i]->size; k++)
            ck_assert(found[i][k] == 0);
        free(found[i]);
    }
    lane_backward(&t.lane);
    for (int i = 0; i < t.node->n_sums; i++)
        ck_assert(t.lane.call.sums[i] == 0);
    end(&t);
}
END_TEST

int main(void) {
    if (!kernels_are_here())
        return SKIPPED;
    TCase *c = suite_case("ops");
    tcase_add_test(c, every_op_has_a_case);
    tcase_add_loop_test(c, forward_and_gradients, 0, N_CASES);
    tcase_add_loop_test(c, no_samples, 0, N_CASES);
    tcase_add_loop_test(c, frozen_parameters, 0, N_CASES);
    return suite_run();
}
