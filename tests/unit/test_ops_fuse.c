/* The pass that fuses batch norm and convolutions with what follows: the same numbers from fewer nodes, and nothing fused that somebody
 * else reads. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "math/math.h"
#include "ops/ops.h"
#include "suite.h"

enum { SIDE = 6, IMAGES = 5, LANES = 2 };

static node *add_conv_of(graph *g, const char *name, node *x, int64_t kernel, bool bias) {
    conv2d_attrs *a = mem_new(1, sizeof *a);
    *a = (conv2d_attrs){3, kernel, kernel, 1, 1, 1, 1, 1, 1, 1, bias, false, false};
    return graph_add(g, &op_conv2d, name, a, 1, &x);
}

static node *add_conv(graph *g, const char *name, node *x) {
    return add_conv_of(g, name, x, 3, false);
}

static node *add_norm(graph *g, const char *name, node *x) {
    batch_norm_attrs *a = mem_new(1, sizeof *a);
    *a = (batch_norm_attrs){.eps = 1e-5, .momentum = 0.1};
    return graph_add(g, &op_batch_norm, name, a, 1, &x);
}

static node *add_plain(graph *g, const op_kind *kind, const char *name, node *x, node *y) {
    node *inputs[2] = {x, y};
    return graph_add(g, kind, name, NULL, y ? 2 : 1, inputs);
}

static node *add_input(graph *g) {
    input_attrs *a = mem_new(1, sizeof *a);
    *a = (input_attrs){.shape = {SIDE, SIDE, 3}, .mean = (float[]){0.5f, 0.5f, 0.5f}, .std = (float[]){0.25f, 0.25f, 0.25f}};
    return graph_add(g, &op_input, "input", a, 0, NULL);
}

static node *add_loss(graph *g, node *x) {
    softmax_cross_entropy_attrs *a = mem_new(1, sizeof *a);
    return graph_add(g, &op_softmax_cross_entropy, "loss", a, 1, &(node *){add_plain(g, &op_flatten, "flatten", x, NULL)});
}

static node *add_pool_of(graph *g, node *x, pool_attrs attrs) {
    pool_attrs *a = mem_new(1, sizeof *a);
    *a = attrs;
    return graph_add(g, &op_max_pool2d, "pool", a, 1, &x);
}

static const pool_attrs halves = {.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};

static node *add_pool(graph *g, node *x) {
    return add_pool_of(g, x, halves);
}

/* A residual block of each kind: with a convolution on the other side, with the block's own input, and without a relu behind it.
 * Then a convolution with bias, relu and pool. Parameters whose names begin with `frozen` are frozen. */
static graph *build(bool fuse, const char *frozen) {
    graph *g = graph_new();
    node *x = add_plain(g, &op_relu, "relu0", add_norm(g, "bn0", add_conv(g, "conv0", add_input(g))), NULL);
    node *left = add_norm(g, "bn1", add_conv(g, "conv1", x)), *right = add_norm(g, "bn2", add_conv(g, "conv2", x));
    x = add_plain(g, &op_relu, "relu1", add_plain(g, &op_add, "add1", left, right), NULL);
    node *y = add_plain(g, &op_relu, "relu2", add_norm(g, "bn3", add_conv(g, "conv3", x)), NULL);
    x = add_plain(g, &op_relu, "relu3", add_plain(g, &op_add, "add2", x, add_norm(g, "bn4", add_conv(g, "conv4", y))), NULL);
    x = add_plain(g, &op_add, "add3", add_norm(g, "bn5", add_conv(g, "conv5", x)), x);
    add_loss(g, add_pool(g, add_plain(g, &op_relu, "relu6", add_conv_of(g, "conv6", x, 3, true), NULL)));
    if (fuse)
        ops_fuse(g);
    for (int i = 0; i < graph_n_params(g); i++)
        graph_param(g, i)->frozen |= strncmp(graph_param(g, i)->name, frozen, strlen(frozen)) == 0;
    ck_assert_int_eq(graph_seal(g), OK);
    return g;
}

/* Values that depend on the parameter's name alone: the arenas' orders differ. */
static void fill_params(graph *g) {
    for (int i = 0; i < graph_n_params(g); i++) {
        param *p = graph_param(g, i);
        rng_key key = rng_make_key(1, RNG_DATA, rng_hash(p->name), 0);
        double least = p->role == PARAM_BUFFER ? 0.1 : -0.3; /* variances are above 0 */
        for (int64_t k = 0; p->value && k < p->size; k++)
            p->value[k] = (float)(rng_uniform(key, (uint64_t)k) + least);
    }
}

/* A step, or a forward pass of a run that can do nothing else. */
static graph_run *run(graph *g, bool training) {
    static uint8_t pictures[IMAGES * SIDE * SIDE * 3];
    static const int32_t labels[IMAGES] = {7, 0, 10, 1, 26};
    for (int i = 0; i < IMAGES * SIDE * SIDE * 3; i++)
        pictures[i] = (uint8_t)(i * 2654435761u >> 24);
    const void *images[LANES] = {pictures, pictures + 2 * SIDE * SIDE * 3};
    const void *targets[LANES] = {labels, labels + 2};
    graph_run *r;
    graph_run_options o = {.lanes = LANES, .last_lane = LANES, .lane_capacity = 3, .training = training};
    ck_assert_int_eq(graph_run_new(&r, g, &o), OK);
    graph_forward(r, &(batch){.size = IMAGES, .data = (const void *const *[]){images, targets}}, training);
    if (training) {
        graph_backward(r);
        graph_commit(r);
    }
    return r;
}

static double loss_of(const graph_run *r, const graph *g) {
    const node *n = graph_node(g, graph_n_nodes(g) - 1);
    return graph_sums(r, n, 0)[LOSS_SUM] + graph_sums(r, n, 1)[LOSS_SUM];
}

static void check_step(const char *frozen) {
    graph *plain = build(false, frozen), *fused = build(true, frozen);
    ck_assert_int_eq(graph_n_nodes(plain) - graph_n_nodes(fused), 9); /* five relus, three adds and the pool */
    fill_params(plain);
    fill_params(fused);
    graph_run *p = run(plain, true), *f = run(fused, true);
    ck_assert(loss_of(p, plain) == loss_of(f, fused));
    for (int i = 0; i < graph_n_params(plain); i++) {
        param *a = graph_param(plain, i), *b = graph_find_param(fused, a->name);
        double d = 0, s = 0;
        for (int64_t k = 0; param_is_trained(a) && k < a->size; k++) {
            double x = graph_grads(p, 0)[a->offset + k], y = graph_grads(f, 0)[b->offset + k];
            d += (x - y) * (x - y), s += x * x;
        }
        ck_assert_msg(d <= 1e-10 * s, "%s: %g of %g", a->name, sqrt(d), sqrt(s));
        if (a->role == PARAM_BUFFER)
            ck_assert(memcmp(a->value, b->value, (size_t)a->size * sizeof(float)) == 0);
    }
    graph_run_free(p);
    graph_run_free(f);
    graph_free(plain);
    graph_free(fused);
}

START_TEST(fused_is_the_same_net) {
    static const char *const frozen[] = {"nothing", "conv6.weight", "conv6.bias", "conv6", "conv4"};
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++)
        check_step(frozen[i]);
}
END_TEST

START_TEST(fused_evaluates_the_same) {
    graph *plain = build(false, "nothing"), *fused = build(true, "nothing");
    fill_params(plain);
    fill_params(fused);
    graph_run *p = run(plain, false), *f = run(fused, false);
    ck_assert(loss_of(p, plain) == loss_of(f, fused));
    graph_run_free(p);
    graph_run_free(f);
    graph_free(plain);
    graph_free(fused);
}
END_TEST

static int nodes_after_fusion(graph *g) {
    ops_fuse(g);
    int n = graph_n_nodes(g);
    graph_free(g);
    return n;
}

START_TEST(what_others_read_stays) {
    graph *g = graph_new(); /* the norm goes to relu and to add */
    node *norm = add_norm(g, "bn", add_input(g));
    add_plain(g, &op_add, "add", add_plain(g, &op_relu, "relu", norm, NULL), norm);
    ck_assert_int_eq(nodes_after_fusion(g), 4);

    g = graph_new(); /* the norm is both sides of add */
    norm = add_norm(g, "bn", add_input(g));
    add_plain(g, &op_add, "add", norm, norm);
    ck_assert_int_eq(nodes_after_fusion(g), 3);

    g = graph_new(); /* the norm is kept for somebody to read */
    norm = add_norm(g, "bn", add_input(g));
    norm->keep = true;
    add_plain(g, &op_relu, "relu", norm, NULL);
    ck_assert_int_eq(nodes_after_fusion(g), 3);

    g = graph_new(); /* relu goes to pool and to add */
    node *relu = add_plain(g, &op_relu, "relu", add_input(g), NULL);
    add_pool(g, relu);
    add_plain(g, &op_add, "add", relu, relu);
    ck_assert_int_eq(nodes_after_fusion(g), 4);

    g = graph_new(); /* the convolution goes to a pool that rectifies, and to relu */
    node *conv = add_conv(g, "conv", add_input(g));
    pool_attrs rectifies = halves;
    rectifies.relu = true;
    add_pool_of(g, conv, rectifies);
    add_plain(g, &op_relu, "relu", conv, NULL);
    ck_assert_int_eq(nodes_after_fusion(g), 4);

    g = graph_new(); /* the first relu is fused, the second has nothing to be fused with */
    add_plain(g, &op_relu, "relu2", add_plain(g, &op_relu, "relu1", add_norm(g, "bn", add_input(g)), NULL), NULL);
    ck_assert_int_eq(nodes_after_fusion(g), 3);
}
END_TEST

/* Nodes that are left of input, convolution, relu and pool; `keep`: the node of that index is kept for somebody to read. */
static int nodes_of_pooled(int64_t kernel, pool_attrs pool, int keep) {
    graph *g = graph_new();
    node *relu = add_plain(g, &op_relu, "relu", add_conv_of(g, "conv", add_input(g), kernel, true), NULL);
    add_pool_of(g, relu, pool);
    if (keep >= 0)
        graph_node(g, keep)->keep = true;
    return nodes_after_fusion(g);
}

START_TEST(convolutions_that_pool) {
    pool_attrs overlapping = halves, large = halves, padded = halves;
    overlapping.stride_h = overlapping.stride_w = 1;
    large.kernel_h = large.kernel_w = 3;
    padded.pad_h = padded.pad_w = 1;
    ck_assert_int_eq(nodes_of_pooled(3, halves, -1), 2);
    ck_assert_int_eq(nodes_of_pooled(3, halves, 3), 2); /* the pool is kept */
    ck_assert_int_eq(nodes_of_pooled(3, halves, 2), 4); /* relu is */
    ck_assert_int_eq(nodes_of_pooled(3, halves, 1), 3); /* the convolution is: relu goes into the pool alone, as with all below */
    ck_assert_int_eq(nodes_of_pooled(3, overlapping, -1), 3);
    ck_assert_int_eq(nodes_of_pooled(3, large, -1), 3);
    ck_assert_int_eq(nodes_of_pooled(3, padded, -1), 3);
    ck_assert_int_eq(nodes_of_pooled(2, halves, -1), 3); /* an odd plane */
}
END_TEST

int main(void) {
    if (math_init() != OK) {
        printf("skipped: %s\n", err_last()->text);
        return 77;
    }
    TCase *c = suite_case("ops_fuse");
    tcase_add_test(c, fused_is_the_same_net);
    tcase_add_test(c, fused_evaluates_the_same);
    tcase_add_test(c, what_others_read_stays);
    tcase_add_test(c, convolutions_that_pool);
    return suite_run();
}
