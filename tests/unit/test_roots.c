/* Two weighted losses on one trunk: the gradients are PyTorch's, and what a mean of samples with weights is divided by is the sum over all
 * lanes, however they normalise. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../golden/roots.h"
#include "math/math.h"
#include "ops/ops.h"
#include "suite.h"

enum { SAMPLES = 7, INPUTS = 6, TRUNK = 5, FIRST = 3, SECOND = 4, LANES = 3 };

/* ---- the network ---- */

static node *add_linear(graph *g, const char *name, node *x, int64_t outputs) {
    linear_attrs *a = mem_new(1, sizeof *a);
    *a = (linear_attrs){outputs, true};
    return graph_add(g, &op_linear, name, a, 1, &x);
}

static node *add_loss(graph *g, const char *name, node *x, softmax_cross_entropy_attrs attrs, double share) {
    softmax_cross_entropy_attrs *a = mem_new(1, sizeof *a);
    *a = attrs;
    node *n = graph_add(g, &op_softmax_cross_entropy, name, a, 1, &x);
    n->weight = share;
    return n;
}

/* Values of the parameters by their place, in the order in which they were made. */
static void set_values(graph *g) {
    int place = 0;
    for (int i = 0; i < graph_n_params(g); i++)
        for (int64_t k = 0; k < graph_param(g, i)->size; k++, place++)
            graph_param(g, i)->value[k] = (float)(place * 37 % 19 - 9) / 16;
}

typedef struct network {
    graph *graph;
    node *first, *second;
} network;

static network build(void) {
    graph *g = graph_new();
    input_attrs *pictures = mem_new(1, sizeof *pictures);
    *pictures = (input_attrs){.shape = {1, INPUTS, 1}, .mean = &(float){.5f}, .std = &(float){.25f}};
    node *x = graph_add(g, &op_input, "images", pictures, 0, NULL);
    x = add_linear(g, "trunk", graph_add(g, &op_flatten, "flatten", NULL, 1, &x), TRUNK);
    x = graph_add(g, &op_relu, "relu", NULL, 1, &x);
    network net = {.graph = g};
    node *head = add_linear(g, "first", x, FIRST);
    net.first = add_loss(g, "loss", head, (softmax_cross_entropy_attrs){0}, golden_shares[0]);
    head = add_linear(g, "second", x, SECOND);
    net.second = add_loss(g, "loss2", head, (softmax_cross_entropy_attrs){.field = "others", .weights = "weights"}, golden_shares[1]);
    ck_assert_int_eq(graph_seal(g), OK);
    set_values(g);
    return net;
}

/* ---- a step ---- */

/* A step of all lanes; the gradients of lanes that have to be added up before they are a gradient. */
static graph_run *run(const network *net, float first_weight, norm_scope norm) {
    static uint8_t pictures[SAMPLES * INPUTS];
    static int32_t labels[SAMPLES], others[SAMPLES];
    static float weights[SAMPLES];
    const void *data[4][LANES];
    for (int i = 0; i < SAMPLES * INPUTS; i++)
        pictures[i] = (uint8_t)(i * 53 % 256);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = i % FIRST;
        others[i] = 3 * i % SECOND;
        weights[i] = first_weight * (float)(i % 4);
    }
    for (int lane = 0; lane < LANES; lane++) {
        int first = lane * SAMPLES / LANES;
        data[0][lane] = pictures + first * INPUTS;
        data[1][lane] = labels + first;
        data[2][lane] = others + first;
        data[3][lane] = weights + first;
    }
    graph_run *r;
    graph_run_options o = {.lanes = LANES, .last_lane = LANES, .lane_capacity = 3, .training = true, .norm = norm};
    ck_assert_int_eq(graph_run_new(&r, net->graph, &o), OK);
    graph_forward(r, &(batch){.size = SAMPLES, .data = (const void *const *[]){data[0], data[1], data[2], data[3]}}, true);
    graph_backward(r);
    return r;
}

static double loss_of(const graph_run *r, const node *root) {
    double sum = 0, weight = 0;
    for (int lane = 0; lane < LANES; lane++) {
        sum += graph_sums(r, root, lane)[LOSS_SUM];
        weight += graph_sums(r, root, lane)[LOSS_WEIGHT];
    }
    return sum / weight;
}

START_TEST(as_pytorch) {
    network net = build();
    for (int norm = NORM_GLOBAL; norm <= NORM_LANE; norm++) {
        graph_run *r = run(&net, 0.25f, (norm_scope)norm);
        ck_assert_double_eq_tol(loss_of(r, net.first), golden_losses[0], 1e-6);
        ck_assert_double_eq_tol(loss_of(r, net.second), golden_losses[1], 1e-6);
        const double *wanted = golden_grads;
        for (int i = 0; i < graph_n_params(net.graph); i++) {
            const param *p = graph_param(net.graph, i);
            for (int64_t k = 0; k < p->size; k++, wanted++)
                ck_assert_msg(fabs((double)graph_grads(r, 0)[p->offset + k] - *wanted) < 1e-6, "%s, element %d: %g, not %g", p->name,
                              (int)k, (double)graph_grads(r, 0)[p->offset + k], *wanted);
        }
        graph_run_free(r);
    }
    graph_free(net.graph);
}
END_TEST

/* Samples that weigh nothing are no loss, and the other loss goes on. */
START_TEST(weights_of_zero) {
    network net = build();
    graph_run *r = run(&net, 0, NORM_GLOBAL);
    for (int i = 0; i < graph_n_params(net.graph); i++) {
        const param *p = graph_param(net.graph, i);
        float largest = 0;
        for (int64_t k = 0; k < p->size; k++)
            largest = fmaxf(largest, fabsf(graph_grads(r, 0)[p->offset + k]));
        ck_assert_msg(isfinite(largest) && (largest == 0) == (strncmp(p->name, "second.", 7) == 0), "%s: %g", p->name, (double)largest);
    }
    graph_run_free(r);
    graph_free(net.graph);
}
END_TEST

int main(void) {
    if (math_init() != OK)
        return 77;
    TCase *tests = suite_case("roots");
    tcase_add_test(tests, as_pytorch);
    tcase_add_test(tests, weights_of_zero);
    return suite_run();
}
