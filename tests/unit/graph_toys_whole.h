/* Toys that take the samples of several lanes at once: one by ranges of samples, one by parts of itself. */
#ifndef SHOAL_TEST_GRAPH_TOYS_WHOLE_H
#define SHOAL_TEST_GRAPH_TOYS_WHOLE_H

#include "graph_toys_losses.h"
#include "suite.h"

/* ---- gain: scale and shift, of samples of several lanes at once; both gradients in one part ---- */

static err gain_infer(graph *g, node *n) {
    scale_infer(g, n);
    graph_add_param(g, n, "bias", (param){.role = PARAM_BIAS, .dims = {1, {n->out.c}}});
    n->grad_parts = 1;
    return OK;
}

static void gain_forward(const op_call *c, void *scratch) {
    scale_forward(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] += c->node->params[1]->value[i % c->node->out.c];
}

static void gain_param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    ck_assert_int_eq(part, 0);
    spoil(c, lanes->tree.levels, scratch);
    sum_shares(c, lanes, (slice){0, 0, c->node->out.c}, share_of_scale, out, scratch);
    sum_shares(c, lanes, (slice){1, 0, c->node->out.c}, share_of_bias, out, scratch);
}

static const op_kind toy_gain = {.name = "gain",
                                 .infer = gain_infer,
                                 .scratch = rows_scratch,
                                 .forward = gain_forward,
                                 .backward = scale_backward,
                                 .param_grad = gain_param_grad,
                                 .needs = NEEDS_X,
                                 .whole = true};

/* ---- dense: a matrix over channels, y = W · x + bias, in parts of outputs (of inputs in backward) that see all samples. Forward wants
 * the matrix transposed; backward wants it negated, unless the number of channels is odd ---- */

static err dense_infer(graph *g, node *n) {
    infer_same(g, n);
    n->dx_in_place = 0;
    int64_t c = n->out.c;
    graph_add_param(g, n, "weight", (param){.role = PARAM_WEIGHT, .dims = {2, {c, c}}});
    graph_add_param(g, n, "bias", (param){.role = PARAM_BIAS, .dims = {1, {c}}});
    n->forward_parts = n->backward_parts = halves(c);
    n->grad_parts = 1 + halves(c * c);
    return OK;
}

static size_t dense_scratch(const node *n, int levels) {
    return (size_t)levels * (size_t)(n->out.c * n->out.c) * sizeof(float);
}

static size_t dense_prepared(const node *n, bool backward) {
    return backward && n->out.c % 2 ? 0 : (size_t)(n->out.c * n->out.c) * sizeof(float);
}

static int dense_prepare_parts(const node *n, bool backward) {
    (void)backward;
    return halves(n->out.c);
}

static void dense_prepare(const node *n, bool backward, int part, void *prepared) {
    const float *w = n->params[0]->value;
    float *out = prepared;
    int64_t c = n->out.c;
    slice s = half_of(0, c, part);
    for (int64_t i = s.from; i < s.to; i++)
        for (int64_t k = 0; k < c; k++)
            out[i * c + k] = backward ? -w[i * c + k] : w[k * c + i];
}

static void dense_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const float *transposed = c->prepared;
    int64_t channels = c->node->out.c;
    slice s = half_of(0, channels, c->part);
    for (int64_t at = 0; at < toy_size(c); at += channels)
        for (int64_t k = s.from; k < s.to; k++) {
            c->y[at + k] = c->node->params[1]->value[k];
            for (int64_t i = 0; i < channels; i++)
                c->y[at + k] += c->x[0][at + i] * transposed[i * channels + k];
        }
}

static void dense_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    ck_assert((c->prepared != NULL) == (dense_prepared(c->node, true) > 0));
    const float *w = c->prepared ? c->prepared : c->node->params[0]->value;
    float sign = c->prepared ? -1 : 1;
    int64_t channels = c->node->out.c;
    slice s = half_of(0, channels, c->part);
    for (int64_t at = 0; at < toy_size(c); at += channels)
        for (int64_t i = s.from; i < s.to; i++) {
            float sum = 0;
            for (int64_t k = 0; k < channels; k++)
                sum += c->dy[at + k] * sign * w[k * channels + i];
            put(&c->dx[0][at + i], c->add_dx[0], sum);
        }
}

static void share_of_dense(const op_call *c, const lane_group *lanes, int lane, slice s, float *out) {
    int64_t row = shape_size(c->node->out), channels = c->node->out.c;
    memset(out, 0, (size_t)(s.to - s.from) * sizeof *out);
    for (int64_t at = lanes->tree.bounds[lane] * row; at < lanes->tree.bounds[lane + 1] * row; at += channels)
        for (int64_t k = s.from; k < s.to; k++)
            out[k - s.from] += c->dy[at + k / channels] * c->x[0][at + k % channels];
}

static void dense_param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    spoil(c, lanes->tree.levels, scratch);
    if (part == c->node->grad_parts - 1)
        sum_shares(c, lanes, (slice){1, 0, c->node->out.c}, share_of_bias, out, scratch);
    else
        sum_shares(c, lanes, half_of(0, c->node->params[0]->size, part), share_of_dense, out, scratch);
}

static const op_kind toy_dense = {.name = "dense",
                                  .infer = dense_infer,
                                  .scratch = dense_scratch,
                                  .prepared = dense_prepared,
                                  .prepare_parts = dense_prepare_parts,
                                  .prepare = dense_prepare,
                                  .forward = dense_forward,
                                  .backward = dense_backward,
                                  .param_grad = dense_param_grad,
                                  .needs = NEEDS_X,
                                  .whole = true};

#endif
