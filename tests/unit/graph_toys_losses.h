/* Toy operations that backward begins at. */
#ifndef SHOAL_TEST_GRAPH_TOYS_LOSSES_H
#define SHOAL_TEST_GRAPH_TOYS_LOSSES_H

#include "graph_toys.h"

/* ---- loss: label / 2 times the square of a sample; mean over the global batch, or over the sum of its labels ---- */

static err loss_infer(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    n->n_sums = 2;
    return graph_add_field(g, n, (field){"labels", FIELD_I32, {1, 1, 1}});
}

static void loss_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const int32_t *labels = op_field(c, 0);
    int64_t size = shape_size(c->node->inputs[0]->out);
    for (int64_t i = 0; i < c->n; i++) {
        double square = 0;
        for (int64_t k = 0; k < size; k++)
            square += (double)c->x[0][i * size + k] * (double)c->x[0][i * size + k];
        c->y[i] = (float)(0.5 * labels[i] * square);
        c->sums[0] += 0.5 * labels[i] * square;
    }
    c->sums[1] += (double)c->n;
}

static void loss_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const int32_t *labels = op_field(c, 0);
    int64_t size = shape_size(c->node->inputs[0]->out);
    for (int64_t i = 0; i < c->n * size; i++)
        put(&c->dx[0][i], c->add_dx[0],
            (float)(c->node->weight / (c->node->n_stats ? c->total[2] : (double)c->state->batch)) * (float)labels[i / size] * c->x[0][i]);
}

static err mean_infer(graph *g, node *n) {
    err code = loss_infer(g, n);
    n->n_sums = n->n_stats = 3;
    return code;
}

static void mean_stats(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const int32_t *labels = op_field(c, 0);
    for (int64_t i = 0; i < c->n; i++)
        c->sums[2] += 0.1 * labels[i];
}

static const op_kind toy_loss = {.name = "loss",
                                 .infer = loss_infer,
                                 .scratch = toy_scratch,
                                 .forward = loss_forward,
                                 .backward = loss_backward,
                                 .needs = NEEDS_X,
                                 .root = true};
static const op_kind toy_mean = {.name = "mean",
                                 .infer = mean_infer,
                                 .scratch = toy_scratch,
                                 .stats = mean_stats,
                                 .forward = loss_forward,
                                 .backward = loss_backward,
                                 .needs = NEEDS_X,
                                 .root = true};

#endif
