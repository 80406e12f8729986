/* Ops against PyTorch in float64: outputs and gradients of tests/golden/ops.json, which make_ops.py beside it wrote. */
#include <jansson.h>

#include "ops_harness.h"
#include "suite.h"

static const double TOLERANCE = 2e-6; /* relative; these sums are short */

static json_t *golden;

typedef union any_attrs {
    conv2d_attrs conv;
    linear_attrs linear;
    batch_norm_attrs norm;
    pool_attrs pool;
    adaptive_avg_pool2d_attrs adaptive;
    softmax_cross_entropy_attrs loss;
} any_attrs;

static json_t *golden_case(size_t i) {
    return json_array_get(json_object_get(golden, "cases"), i);
}

static double value(const json_t *array, size_t i) {
    return json_number_value(json_array_get(array, i));
}

static const op_kind *kind_named(const char *name, size_t inputs) {
    if (strcmp(name, "batch_norm") == 0 && inputs == 2)
        return &op_batch_norm_add;
    for (int i = 0; i < n_ops; i++)
        if (strcmp(ops[i]->name, name) == 0)
            return ops[i];
    return NULL;
}

static any_attrs attrs_of(const op_kind *kind, const json_t *list) {
    any_attrs a;
    int64_t v[12] = {0};
    for (size_t i = 0; i < json_array_size(list); i++)
        v[i] = (int64_t)value(list, i);
    memset(&a, 0, sizeof a);
    if (kind == &op_conv2d)
        a.conv = (conv2d_attrs){v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10] != 0, false, false};
    else if (kind == &op_linear)
        a.linear = (linear_attrs){v[0], v[1] != 0};
    else if (kind == &op_batch_norm || kind == &op_batch_norm_add)
        a.norm = (batch_norm_attrs){1e-5, 0.1, v[0] != 0};
    else if (kind == &op_adaptive_avg_pool2d)
        a.adaptive = (adaptive_avg_pool2d_attrs){v[0], v[1]};
    else if (kind == &op_softmax_cross_entropy)
        a.loss.label_smoothing = value(list, 0);
    else
        a.pool = (pool_attrs){v[0], v[1], v[2], v[3], v[4], v[5], v[6] != 0, v[7] != 0, false};
    return a;
}

/* Where element i of [n, c, h, w] lies in [n, h, w, c]. */
static int64_t place(shape s, int64_t i) {
    int64_t w = i % s.w, h = i / s.w % s.h, c = i / (s.w * s.h) % s.c, n = i / (s.w * s.h * s.c);
    return ((n * s.h + h) * s.w + w) * s.c + c;
}

static void fill(float *x, shape s, int64_t size, uint64_t stream) {
    for (int64_t i = 0; i < size; i++)
        x[place(s, i)] = (float)number(stream, (uint64_t)i);
}

static void compare(const char *what, size_t index, const json_t *wanted, const float *plain) {
    size_t size = json_array_size(wanted);
    double *w = calloc(size + 1, sizeof *w);
    for (size_t i = 0; i < size; i++)
        w[i] = value(wanted, i);
    double d = distance((int64_t)size, plain, w);
    ck_assert_msg(size > 0 && d < TOLERANCE, "case %zu: %s is off by %g", index, what, d);
    free(w);
}

static void compare_tensor(const char *what, size_t index, const json_t *wanted, const float *x, shape s) {
    float *plain = new_floats((int64_t)json_array_size(wanted));
    for (int64_t i = 0; i < (int64_t)json_array_size(wanted); i++)
        plain[i] = x[place(s, i)];
    compare(what, index, wanted, plain);
    free(plain);
}

static void fill_params(node *n) {
    for (int i = 0; i < n->n_params && i < 2; i++) {
        float *plain = new_numbers(20 + (uint64_t)i, n->params[i]->size);
        param_from_plain(n->params[i], plain, n->params[i]->value);
        free(plain);
    }
}

static void check_param(size_t index, const param *p, const float *found, const json_t *wanted) {
    float *plain = new_floats(p->size);
    param_to_plain(p, found, plain);
    compare(p->name, index, wanted, plain);
    free(plain);
}

static void check_backward(size_t index, lane *l, const json_t *test) {
    const node *n = l->call.node;
    const json_t *dw = json_object_get(test, "dw"), *dx = json_object_get(test, "dx");
    lane_grad_stats(l);
    float *found[NODE_MAX_PARAMS];
    lane_group alone = lane_alone(l);
    param_grads_once(l, &alone, found);
    for (size_t p = 0; p < json_array_size(dw); p++)
        check_param(index, n->params[p], found[p], json_array_get(dw, p));
    for (int i = 0; i < n->n_params; i++)
        free(found[i]);
    lane_backward(l);
    for (int i = 0; i < n->n_inputs; i++)
        compare_tensor("dx", index, json_array_get(dx, (size_t)i), l->dx[i], n->inputs[i]->out);
}

START_TEST(as_pytorch) {
    static const int32_t labels[] = {3, 0, 6};
    ck_assert_msg(golden != NULL, "tests/golden/ops.json cannot be read");
    size_t index = (size_t)_i;
    const json_t *test = golden_case(index), *in = json_object_get(test, "in");
    int64_t samples = (int64_t)json_integer_value(json_object_get(test, "n"));
    shape shapes[2];
    for (size_t i = 0; i < json_array_size(in); i++) {
        const json_t *s = json_array_get(in, i);
        shapes[i] = (shape){.c = (int64_t)value(s, 0), .h = (int64_t)value(s, 1), .w = (int64_t)value(s, 2)};
    }
    const op_kind *kind = kind_named(json_string_value(json_object_get(test, "op")), json_array_size(in));
    any_attrs attrs = attrs_of(kind, json_object_get(test, "attrs"));
    graph *g = graph_new();
    node *n = make_node(g, kind, &attrs, sizeof attrs, (int)json_array_size(in), shapes);
    ck_assert_msg(n != NULL, "%s", err_last()->text);
    ck_assert_int_eq(graph_seal(g), OK);
    fill_params(n);
    lane l;
    lane_init(&l, n, samples, true);
    lane_set_field(&l, labels);
    for (int i = 0; i < n->n_inputs; i++)
        fill((float *)l.x[i], shapes[i], samples * shape_size(shapes[i]), (uint64_t)i + 1);
    lane_forward(&l);
    compare_tensor("y", index, json_object_get(test, "y"), l.call.y, n->out);
    l.call.dy = new_floats(samples * shape_size(n->out));
    fill(l.call.dy, n->out, samples * shape_size(n->out), 40);
    check_backward(index, &l, test);
    lane_reset(&l);
    graph_free(g);
}
END_TEST

/* tests/golden beside the folder of this source file. */
static json_t *load(void) {
    char path[4096] = __FILE__;
    char *end = strstr(path, "unit/test_ops_golden.c");
    strcpy(end, "golden/ops.json");
    return json_load_file(path, 0, NULL);
}

int main(void) {
    if (!kernels_are_here())
        return SKIPPED;
    golden = load();
    TCase *c = suite_case("ops_golden");
    tcase_add_loop_test(c, as_pytorch, 0, golden ? (int)json_array_size(json_object_get(golden, "cases")) : 1);
    int result = suite_run();
    json_decref(golden);
    return result;
}
