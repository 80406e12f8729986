/* Bits: what an op computes for a sample is the same whatever other samples are in the call, and a gradient of parameters summed over
 * several lanes in one call is the lanes' own gradients added along the tree. Networks of real ops are the same bits for any threads and
 * ranks. */
#include "ops_cases.h"
#include "suite.h"

enum { SAMPLES = 7 };

/* Where samples are shared out among calls: [0, 3), nothing, [3, 4), [4, 7). */
static const int64_t bounds[] = {0, 3, 3, 4, SAMPLES};
enum { CALLS = 4 };

/* Shapes large enough for any algorithm that a kernel may have, and their likes that do not fit it. */
static const op_case large_cases[] = {
    {&op_conv2d, NULL, "3 x 3, many channels", CONV(64, 3, 3, 1, 1, 1, 1, 1, 1, 1, true), SAMPLES, 1, {{14, 14, 64}}},
    {&op_conv2d, NULL, "3 x 3, 16 channels", CONV(16, 3, 3, 1, 1, 1, 1, 1, 1, 1, true), SAMPLES, 1, {{14, 14, 16}}},
    {&op_conv2d, NULL, "3 x 3, odd plane", CONV(67, 3, 3, 1, 1, 1, 1, 1, 1, 1, false), SAMPLES, 1, {{7, 9, 70}}},
    {&op_conv2d, NULL, "3 x 3, no padding", CONV(128, 3, 3, 1, 1, 0, 0, 1, 1, 1, false), SAMPLES, 1, {{9, 8, 64}}},
    {&op_conv2d, NULL, "3 x 3, accurate", ACCURATE_CONV(64, 3, 3, 1, 1, 1, 1, 1, 1, 1, true), SAMPLES, 1, {{14, 14, 64}}},
    {&op_conv2d, NULL, "3 x 3 / 2", CONV(72, 3, 3, 2, 2, 1, 1, 1, 1, 1, false), SAMPLES, 1, {{15, 14, 64}}},
    {&op_conv2d, NULL, "1 x 1, many channels", CONV(130, 1, 1, 1, 1, 0, 0, 1, 1, 1, false), SAMPLES, 1, {{7, 7, 96}}},
    {&op_conv2d, NULL, "1 x 1 / 2, many channels", CONV(128, 1, 1, 2, 2, 0, 0, 1, 1, 1, false), SAMPLES, 1, {{7, 7, 64}}},
    {&op_conv2d, NULL, "first layer", CONV(64, 3, 3, 1, 1, 1, 1, 1, 1, 1, true), SAMPLES, 1, {{33, 32, 3}}},
    {&op_conv2d, NULL, "stem", CONV(64, 7, 7, 2, 2, 3, 3, 1, 1, 1, false), SAMPLES, 1, {{33, 32, 3}}},
    {&op_conv2d, NULL, "small planes, few channels", CONV(6, 5, 5, 1, 1, 2, 2, 1, 1, 1, true), SAMPLES, 1, {{14, 13, 3}}},
    {&op_conv2d, NULL, "5 x 5, few channels", CONV(9, 5, 5, 1, 1, 2, 2, 1, 1, 1, true), SAMPLES, 1, {{10, 12, 5}}},
    {&op_linear, NULL, "many outputs", ATTRS((const linear_attrs){1000, true}), SAMPLES, 1, {{1, 1, 515}}},
    {&op_linear, NULL, "many inputs", ATTRS((const linear_attrs){10, true}), SAMPLES, 1, {{1, 1, 9000}}},
};
enum { N_LARGE = sizeof large_cases / sizeof *large_cases, ALL_CASES = N_CASES + N_LARGE };

static const op_case *nth_case(int i) {
    return i < N_CASES ? &cases[i] : &large_cases[i - N_CASES];
}

/* Samples [first, last) of those that `whole` has, in a call of their own, from the same statistics. */
static void slice_init(lane *l, const lane *whole, int64_t first, int64_t last) {
    const node *n = whole->call.node;
    lane_init(l, n, last - first, true);
    l->call.first = whole->call.first + first;
    lane_set_field(l, (const int32_t *)whole->field + first);
    l->call.total = whole->call.total;
    l->call.grad_total = whole->call.grad_total;
    for (int i = 0; i < n->n_inputs; i++) {
        int64_t size = shape_size(n->inputs[i]->out);
        memcpy((float *)l->x[i], whole->x[i] + first * size, (size_t)((last - first) * size) * sizeof(float));
    }
    l->call.dy = new_floats((last - first) * shape_size(n->out));
    memcpy(l->call.dy, whole->call.dy + first * shape_size(n->out), (size_t)((last - first) * shape_size(n->out)) * sizeof(float));
}

static void fill_params(const node *n) {
    for (int i = 0; i < n->n_params; i++)
        for (int64_t k = 0; n->params[i]->value && k < n->params[i]->size; k++)
            n->params[i]->value[k] = (float)number(20 + (uint64_t)i, (uint64_t)k);
}

/* A node on SAMPLES samples, forward done, dy there. */
static graph *begin(lane *whole, const op_case *test) {
    static const int32_t labels[SAMPLES] = {3, 0, 6, 2, 5, 1, 4};
    graph *g = graph_new();
    node *n = make_node(g, test->kind, test->attrs, test->attrs_bytes, test->n_inputs, test->in);
    ck_assert_msg(n != NULL, "%s", err_last()->text);
    ck_assert_int_eq(graph_seal(g), OK);
    fill_params(n);
    lane_init(whole, n, SAMPLES, true);
    lane_set_field(whole, labels);
    whole->call.dy = new_numbers(40, SAMPLES * shape_size(n->out));
    lane_forward(whole);
    lane_grad_stats(whole);
    return g;
}

static void compare(const op_case *test, const char *what, const float *whole, const float *part, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (memcmp(whole + i, part + i, sizeof *part) != 0)
            ck_abort_msg("%s (%s), %s from sample %d on: %.9g with the others, %.9g without", test->kind->name, test->what, what,
                         (int)first, (double)whole[i], (double)part[i]);
}

START_TEST(a_sample_does_not_see_the_others) {
    const op_case *test = nth_case(_i);
    lane whole, part;
    graph *g = begin(&whole, test);
    const node *n = whole.call.node;
    float *dy = new_floats(SAMPLES * shape_size(n->out)); /* backward may overwrite it */
    memcpy(dy, whole.call.dy, (size_t)(SAMPLES * shape_size(n->out)) * sizeof *dy);
    lane_backward(&whole);
    free(whole.call.dy);
    whole.call.dy = dy;
    for (int i = 0; i < CALLS; i++) {
        int64_t first = bounds[i], count = bounds[i + 1] - first;
        slice_init(&part, &whole, first, bounds[i + 1]);
        lane_pass(&part, false);
        compare(test, "output", whole.call.y + first * shape_size(n->out), part.call.y, first, count * shape_size(n->out));
        lane_backward(&part);
        for (int k = 0; k < n->n_inputs; k++) {
            int64_t size = shape_size(n->inputs[k]->out);
            compare(test, "gradient", whole.dx[k] + first * size, part.dx[k], first, count * size);
        }
        lane_reset(&part);
    }
    lane_reset(&whole);
    graph_free(g);
}
END_TEST

/* Four lanes' gradients of one parameter, added as the tree adds them: (0 + 1) + (2 + 3). */
static float *added(int64_t size, float *const *lanes) {
    float *sum = new_floats(size);
    for (int64_t k = 0; k < size; k++)
        sum[k] = (lanes[0][k] + lanes[1][k]) + (lanes[2][k] + lanes[3][k]);
    return sum;
}

START_TEST(lanes_are_added_along_the_tree) {
    static const int merges[CALLS] = {0, 1, 0, 2};
    const op_case *test = nth_case(_i);
    lane whole, part;
    graph *g = begin(&whole, test);
    const node *n = whole.call.node;
    double *grad_sums = calloc((size_t)(CALLS * n->n_grad_sums + 1), sizeof *grad_sums);
    float *found[NODE_MAX_PARAMS], *each[CALLS][NODE_MAX_PARAMS], *of_lanes[CALLS];
    for (int i = 0; i < CALLS; i++) {
        slice_init(&part, &whole, bounds[i], bounds[i + 1]);
        lane_pass(&part, false);
        lane_grad_stats(&part);
        memcpy(grad_sums + i * n->n_grad_sums, part.call.grad_sums, (size_t)n->n_grad_sums * sizeof *grad_sums);
        lane_group alone = lane_alone(&part);
        param_grads_once(&part, &alone, each[i]);
        lane_reset(&part);
    }
    lane_group group = {.tree = {CALLS, 3, bounds, merges}, .grad_sums = grad_sums, .stride = n->n_grad_sums};
    param_grads_once(&whole, &group, found);
    for (int p = 0; p < n->n_params; p++) {
        if (!found[p])
            continue;
        for (int i = 0; i < CALLS; i++)
            of_lanes[i] = each[i][p];
        float *wanted = added(n->params[p]->size, of_lanes);
        compare(test, n->params[p]->name, wanted, found[p], 0, n->params[p]->size);
        free(wanted);
        free(found[p]);
        for (int i = 0; i < CALLS; i++)
            free(of_lanes[i]);
    }
    free(grad_sums);
    lane_reset(&whole);
    graph_free(g);
}
END_TEST

/* ---- a network ---- */

enum { SIDE = 12, LANES = 6, CAPACITY = 2 };

static node *add(graph *g, const op_kind *kind, const void *attrs, size_t bytes, node *a, node *b) {
    void *copy = bytes ? memcpy(mem_new(1, bytes), attrs, bytes) : NULL;
    char name[32];
    snprintf(name, sizeof name, "%s%d", kind->name, graph_n_nodes(g));
    return graph_add(g, kind, name, copy, (a != NULL) + (b != NULL), (node *[]){a, b});
}

/* Two convolutions of small planes, of which the second is fused with relu and pool; then the channels of the other branch. */
static node *small_branch(graph *g, node *input) {
    node *x = add(g, &op_conv2d, CONV(5, 5, 5, 1, 1, 2, 2, 1, 1, 1, true), input, NULL);
    x = add(g, &op_conv2d, CONV(9, 5, 5, 1, 1, 2, 2, 1, 1, 1, true), x, NULL);
    add(g, &op_max_pool2d, POOL(2, 2, 2, 2, 0, 0, false, false), add(g, &op_relu, NULL, 0, x, NULL), NULL);
    ops_fuse(g);
    ck_assert_int_eq(graph_n_nodes(g), 3);
    return add(g, &op_conv2d, CONV(64, 1, 1, 1, 1, 0, 0, 1, 1, 1, false), graph_node(g, 2), NULL);
}

static graph *network(void) {
    static const float halves[] = {.5f, .5f, .5f};
    graph *g = graph_new();
    node *input = add(g, &op_input, ATTRS((input_attrs){.shape = {SIDE, SIDE, 3}, .mean = halves, .std = halves}), NULL, NULL);
    node *branch = small_branch(g, input), *x = add(g, &op_conv2d, CONV(64, 3, 3, 1, 1, 1, 1, 1, 1, 1, true), input, NULL);
    x = add(g, &op_max_pool2d, POOL(2, 2, 2, 2, 0, 0, false, false), add(g, &op_relu, NULL, 0, x, NULL), NULL);
    x = add(g, &op_add, NULL, 0, x, branch);
    node *y = add(g, &op_conv2d, CONV(64, 3, 3, 1, 1, 1, 1, 1, 1, 1, false), x, NULL);
    y = add(g, &op_batch_norm, NORM(.relu = true), y, NULL);
    y = add(g, &op_conv2d, CONV(64, 3, 3, 1, 1, 1, 1, 1, 1, 64, true), y, NULL);
    y = add(g, &op_conv2d, CONV(64, 1, 1, 1, 1, 0, 0, 1, 1, 1, false), y, NULL);
    x = add(g, &op_add, NULL, 0, add(g, &op_batch_norm, NORM(.relu = false), y, NULL), x);
    x = add(g, &op_flatten, NULL, 0, add(g, &op_dropout, ATTRS((dropout_attrs){0.3}), x, NULL), NULL);
    x = add(g, &op_linear, ATTRS((linear_attrs){460, true}), x, NULL); /* large enough to be handed out */
    x = add(g, &op_linear, ATTRS((linear_attrs){10, true}), add(g, &op_relu, NULL, 0, x, NULL), NULL);
    add(g, &op_softmax_cross_entropy, ATTRS((softmax_cross_entropy_attrs){.label_smoothing = 0.1}), x, NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    for (int i = 0; i < graph_n_params(g); i++) {
        const param *p = graph_param(g, i);
        for (int64_t k = 0; p->value && k < p->size; k++)
            p->value[k] = p->role == PARAM_NORM_WEIGHT ? 1 : (float)(0.05 * number(60 + (uint64_t)i, (uint64_t)k));
    }
    return g;
}

typedef enum way { PLAIN, RECOMPUTE, HAND_OUT } way;

typedef struct taker {
    float *values, *grads; /* the graph's; of the same places */
} taker;

/* Nobody may read the values of what is handed out any more. */
static void take(void *context, int64_t first, int64_t count, const float *grads) {
    const taker *t = context;
    memcpy(t->grads + first, grads, (size_t)count * sizeof *grads);
    memset(t->values + first, 0xff, (size_t)count * sizeof *t->values);
}

/* Puts what was handed out where it would be otherwise; the graph's values become what they were. */
static void put_back(const graph_run *r, const taker *t, const float *values, float *grads) {
    int64_t handed_out = 0;
    for (const param *p; (p = graph_handed_out(r, handed_out)); handed_out = p->offset + p->size) {
        memcpy(grads + p->offset, t->grads + p->offset, (size_t)p->size * sizeof *grads);
        memcpy(t->values + p->offset, values + p->offset, (size_t)p->size * sizeof *values);
    }
    ck_assert_int_gt(handed_out, 0);
}

/* The gradients of lanes [first, last), block after block, of a batch of `size`. Lanes normalise alone: ranks need not meet. */
static float *gradients(graph *g, int threads, int first, int last, int64_t size, way how) {
    static uint8_t pixels[LANES * CAPACITY * SIDE * SIDE * 3];
    static int32_t labels[LANES * CAPACITY];
    const void *images[LANES], *targets[LANES];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 24);
    for (int i = 0; i < LANES * CAPACITY; i++)
        labels[i] = i % 10;
    for (int lane = first; lane < last; lane++) {
        images[lane - first] = pixels + lane * size / LANES * SIDE * SIDE * 3;
        targets[lane - first] = labels + lane * size / LANES;
    }
    threads_set(threads);
    graph_run *run;
    graph_run_options o = {.lanes = LANES,
                           .first_lane = first,
                           .last_lane = last,
                           .lane_capacity = CAPACITY,
                           .training = true,
                           .recompute = how == RECOMPUTE,
                           .norm = NORM_LANE,
                           .seed = 3};
    size_t floats = (size_t)graph_trained_size(g);
    taker t = {graph_values(g), new_floats((int64_t)floats)};
    float *values = memcpy(new_floats((int64_t)floats), t.values, floats * sizeof *values);
    if (how == HAND_OUT)
        o.hooks.sink = (math_sink){.take = take, .context = &t, .touched = {t.values}};
    ck_assert_int_eq(graph_run_new(&run, g, &o), OK);
    graph_forward(run, &(batch){.size = size, .step = 4, .data = (const void *const *[]){images, targets}}, true);
    graph_backward(run);
    if (how == HAND_OUT)
        put_back(run, &t, values, graph_grads(run, 0));
    float *all = new_floats((int64_t)floats * graph_n_blocks(run));
    for (int b = 0; b < graph_n_blocks(run); b++)
        memcpy(all + (size_t)b * floats, graph_grads(run, b), floats * sizeof *all);
    graph_run_free(run);
    free(t.grads), free(values);
    return all;
}

static void assert_same(const graph *g, const float *wanted, const float *found, const char *how, int threads, int64_t size) {
    for (int i = 0; i < graph_n_params(g); i++) {
        const param *p = graph_param(g, i);
        if (param_is_trained(p) && memcmp(wanted + p->offset, found + p->offset, (size_t)p->size * sizeof *found) != 0)
            ck_abort_msg("%s: other bits with %s, %d threads, batch %d", p->name, how, threads, (int)size);
    }
}

/* Ranks with lanes [0, 3) and [3, 6): blocks [0, 2), [2, 3) and [3, 4), [4, 6). */
static float *of_two_ranks(graph *g, int threads, int64_t size) {
    float *left = gradients(g, threads, 0, 3, size, PLAIN), *right = gradients(g, threads, 3, LANES, size, PLAIN);
    int64_t floats = graph_trained_size(g);
    for (int64_t i = 0; i < floats; i++)
        left[i] = (left[i] + (left[floats + i] + right[i])) + right[floats + i];
    free(right);
    return left;
}

START_TEST(threads_and_ranks_do_not_show) {
    graph *g = network();
    static const int64_t sizes[] = {1, LANES + 3, LANES * CAPACITY};
    for (int i = 0; i < 3; i++) {
        float *wanted = gradients(g, 1, 0, LANES, sizes[i], PLAIN);
        for (int threads = 1; threads <= 3; threads++) {
            float *many = gradients(g, threads, 0, LANES, sizes[i], PLAIN), *again = gradients(g, threads, 0, LANES, sizes[i], RECOMPUTE);
            float *handed_out = gradients(g, threads, 0, LANES, sizes[i], HAND_OUT);
            float *ranks = of_two_ranks(g, threads, sizes[i]);
            assert_same(g, wanted, many, "one rank", threads, sizes[i]);
            assert_same(g, wanted, again, "outputs made again", threads, sizes[i]);
            assert_same(g, wanted, handed_out, "gradients handed out", threads, sizes[i]);
            assert_same(g, wanted, ranks, "two ranks", threads, sizes[i]);
            free(many);
            free(again);
            free(handed_out);
            free(ranks);
        }
        free(wanted);
    }
    graph_free(g);
}
END_TEST

int main(void) {
    if (!kernels_are_here())
        return SKIPPED;
    TCase *c = suite_case("ops_lanes");
    tcase_add_loop_test(c, a_sample_does_not_see_the_others, 0, ALL_CASES);
    tcase_add_loop_test(c, lanes_are_added_along_the_tree, 0, ALL_CASES);
    tcase_add_test(c, threads_and_ranks_do_not_show);
    return suite_run();
}
