/* Kinds of operations small enough to be read at a glance, each with one trait that the executor must respect.
 * Every function spoils its scratch memory first, so that nobody can live on what another left there. Numbers of a sample depend on nothing
 * but the sample, so the executor may hand out samples as it likes. */
#ifndef SHOAL_TEST_GRAPH_TOYS_H
#define SHOAL_TEST_GRAPH_TOYS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "suite.h"

static size_t toy_scratch(const node *n, int levels) {
    (void)levels;
    return 100 * (size_t)(n->index % 3);
}

/* `levels` as in lane_group; 1 outside param_grad. */
static void spoil(const op_call *c, int levels, void *scratch) {
    size_t bytes = c->node->kind->scratch(c->node, levels);
    if (bytes)
        memset(scratch, 0xA5, bytes);
}

static int64_t toy_size(const op_call *c) {
    return c->n * shape_size(c->node->out);
}

static void put(float *to, bool add, float value) {
    *to = add ? *to + value : value;
}

static err infer_same(graph *g, node *n) {
    (void)g;
    n->out = n->inputs[0]->out;
    n->dx_in_place = 1;
    return OK;
}

/* ---- gradients of parameters ---- */

/* Elements [from, to) of a parameter. */
typedef struct slice {
    int param;
    int64_t from, to;
} slice;

/* Writes what lane `lane`, which has samples [first, last) of the call, gives to a slice of a gradient. */
typedef void toy_share(const op_call *c, const lane_group *lanes, int lane, slice s, float *out);

/* The lanes' shares along the tree. The sums that wait lie in `waiting`, as many as the group says. */
static void sum_shares(const op_call *c, const lane_group *lanes, slice s, toy_share *share, float *const *out, float *waiting) {
    int64_t count = s.to - s.from;
    int depth = 0;
    if (!out[s.param])
        return;
    for (int lane = 0; lane < lanes->tree.count; lane++) {
        ck_assert_int_lt(depth, lanes->tree.levels);
        share(c, lanes, lane, s, waiting + depth++ * count);
        for (int merges = lanes->tree.merges[lane]; merges > 0; merges--, depth--)
            for (int64_t i = 0; i < count; i++)
                waiting[(depth - 2) * count + i] += waiting[(depth - 1) * count + i];
    }
    ck_assert_int_eq(depth, 1);
    memcpy(out[s.param] + s.from, waiting, (size_t)count * sizeof *waiting);
}

/* Σ dy · x, channel by channel; the call's samples lie in rows of `out.c` channels. */
static void share_of_scale(const op_call *c, const lane_group *lanes, int lane, slice s, float *out) {
    int64_t row = shape_size(c->node->out), channels = c->node->out.c;
    memset(out, 0, (size_t)(s.to - s.from) * sizeof *out);
    for (int64_t at = lanes->tree.bounds[lane] * row; at < lanes->tree.bounds[lane + 1] * row; at += channels)
        for (int64_t k = s.from; k < s.to; k++)
            out[k - s.from] += c->dy[at + k] * c->x[0][at + k];
}

/* Σ dy */
static void share_of_bias(const op_call *c, const lane_group *lanes, int lane, slice s, float *out) {
    int64_t row = shape_size(c->node->out), channels = c->node->out.c;
    memset(out, 0, (size_t)(s.to - s.from) * sizeof *out);
    for (int64_t at = lanes->tree.bounds[lane] * row; at < lanes->tree.bounds[lane + 1] * row; at += channels)
        for (int64_t k = s.from; k < s.to; k++)
            out[k - s.from] += c->dy[at + k];
}

/* Part `part` of two of `count` elements; of one there is one part. */
static slice half_of(int param, int64_t count, int part) {
    int64_t half = count / 2;
    return count < 2 ? (slice){param, 0, count} : part == 0 ? (slice){param, 0, half} : (slice){param, half, count};
}

static int halves(int64_t count) {
    return count < 2 ? 1 : 2;
}

/* ---- source: reads the pictures ---- */

static err source_infer(graph *g, node *n) {
    n->out = *(const shape *)n->attrs;
    return graph_add_field(g, n, (field){"images", FIELD_U8, n->out});
}

static void source_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const uint8_t *bytes = op_field(c, 0);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = (float)bytes[i] / 64.0f - 1.7f;
}

static const op_kind toy_source = {.name = "source", .infer = source_infer, .scratch = toy_scratch, .forward = source_forward};

/* ---- scale: a parameter, its gradient in two parts ---- */

static err scale_infer(graph *g, node *n) {
    infer_same(g, n);
    graph_add_param(g, n, "weight", (param){.role = PARAM_WEIGHT, .dims = {1, {n->out.c}}});
    n->grad_parts = halves(n->out.c);
    return OK;
}

/* A row of channels for each sum that waits. */
static size_t rows_scratch(const node *n, int levels) {
    return (size_t)levels * (size_t)n->out.c * sizeof(float);
}

static float *copied_weights(const op_call *c, void *scratch) {
    return memcpy(scratch, c->node->params[0]->value, rows_scratch(c->node, 1));
}

static void scale_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const float *w = copied_weights(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] * w[i % c->node->out.c];
}

static void scale_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const float *w = copied_weights(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] * w[i % c->node->out.c]);
}

static void scale_param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    spoil(c, lanes->tree.levels, scratch);
    sum_shares(c, lanes, half_of(0, c->node->out.c, part), share_of_scale, out, scratch);
}

static const op_kind toy_scale = {.name = "scale",
                                  .infer = scale_infer,
                                  .scratch = rows_scratch,
                                  .forward = scale_forward,
                                  .backward = scale_backward,
                                  .param_grad = scale_param_grad,
                                  .needs = NEEDS_X};

/* ---- bell: x / (1 + x²), whose backward needs x and shares nothing ---- */

static err bell_infer(graph *g, node *n) {
    infer_same(g, n);
    n->dx_in_place = 0;
    return OK;
}

static void bell_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] / (1 + c->x[0][i] * c->x[0][i]);
}

static void bell_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        float square = c->x[0][i] * c->x[0][i];
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] * (1 - square) / ((1 + square) * (1 + square)));
    }
}

static const op_kind toy_bell = {
    .name = "bell", .infer = bell_infer, .scratch = toy_scratch, .forward = bell_forward, .backward = bell_backward, .needs = NEEDS_X};

/* ---- half: backward needs nothing, so where outputs are made again its input is read for that alone ---- */

static void half_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = 0.5f * c->x[0][i];
}

static void half_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], 0.5f * c->dy[i]);
}

static const op_kind toy_half = {
    .name = "half", .infer = infer_same, .scratch = toy_scratch, .forward = half_forward, .backward = half_backward};

/* ---- leaky: in place, and backward needs y ---- */

static void leaky_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] > 0 ? c->x[0][i] : 0.3f * c->x[0][i];
}

static void leaky_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->y[i] > 0 ? c->dy[i] : 0.3f * c->dy[i]);
}

static const op_kind toy_leaky = {.name = "leaky",
                                  .infer = infer_same,
                                  .scratch = toy_scratch,
                                  .forward = leaky_forward,
                                  .backward = leaky_backward,
                                  .needs = NEEDS_Y,
                                  .in_place = true};

/* ---- mix: a + b / 2, in place, and either gradient may take dy's storage ---- */

static err mix_infer(graph *g, node *n) {
    if (!shape_equal(n->inputs[0]->out, n->inputs[1]->out))
        return fail(ERR_USAGE, "shapes differ");
    infer_same(g, n);
    n->dx_in_place = 1 | 2;
    return OK;
}

static void mix_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] + 0.5f * c->x[1][i];
}

static void mix_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        float dy = c->dy[i];
        if (c->dx[0])
            put(&c->dx[0][i], c->add_dx[0], dy);
        if (c->dx[1])
            put(&c->dx[1][i], c->add_dx[1], 0.5f * dy);
    }
}

static const op_kind toy_mix = {
    .name = "mix", .infer = mix_infer, .scratch = toy_scratch, .forward = mix_forward, .backward = mix_backward, .in_place = true};

/* ---- product: backward needs both inputs ---- */

static err product_infer(graph *g, node *n) {
    err code = mix_infer(g, n);
    n->dx_in_place = 0;
    return code;
}

static void product_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] / (1 + c->x[1][i] * c->x[1][i]);
}

static void product_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        float dy = c->dy[i], a = c->x[0][i], b = c->x[1][i], under = 1 + b * b;
        if (c->dx[0])
            put(&c->dx[0][i], c->add_dx[0], dy / under);
        if (c->dx[1])
            put(&c->dx[1][i], c->add_dx[1], -2 * dy * a * b / (under * under));
    }
}

static const op_kind toy_product = {.name = "product",
                                    .infer = product_infer,
                                    .scratch = toy_scratch,
                                    .forward = product_forward,
                                    .backward = product_backward,
                                    .needs = NEEDS_X | NEEDS_X << 1};

/* ---- join: channels one after the other, so that sizes differ ---- */

static err join_infer(graph *g, node *n) {
    (void)g;
    n->out = n->inputs[0]->out;
    n->out.c += n->inputs[1]->out.c;
    return OK;
}

/* Where element i of the output comes from. */
static int64_t join_source(const op_call *c, int64_t i, int *input) {
    int64_t first = c->node->inputs[0]->out.c, second = c->node->inputs[1]->out.c;
    int64_t row = i / (first + second), channel = i % (first + second);
    *input = channel >= first;
    return *input ? row * second + channel - first : row * first + channel;
}

static void join_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        int input;
        int64_t from = join_source(c, i, &input);
        c->y[i] = c->x[input][from];
    }
}

static void join_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int which = 0; which < 2; which++)
        for (int64_t i = 0; i < toy_size(c); i++) {
            int input;
            int64_t to = join_source(c, i, &input);
            if (input == which && c->dx[input])
                put(&c->dx[input][to], c->add_dx[input], c->dy[i]);
        }
}

static const op_kind toy_join = {
    .name = "join", .infer = join_infer, .scratch = toy_scratch, .forward = join_forward, .backward = join_backward};

/* ---- swing: x minus the sine of a large sum over all that normalise together, so that the order of additions shows; plus two
 * biases, of which one may be frozen; a running value for evaluation ---- */

static const double large = 1e14;

static err swing_infer(graph *g, node *n) {
    infer_same(g, n);
    dims d = {1, {n->out.c}};
    graph_add_param(g, n, "bias", (param){.role = PARAM_NORM_BIAS, .dims = d});
    graph_add_param(g, n, "running", (param){.role = PARAM_BUFFER, .dims = d});
    graph_add_param(g, n, "batches", (param){.role = PARAM_COUNTER});
    graph_add_param(g, n, "bias2", (param){.role = PARAM_BIAS, .dims = d});
    n->grad_parts = 2;
    n->n_sums = n->n_stats = (int)n->out.c + 1;
    n->n_grad_sums = (int)n->out.c;
    return OK;
}

static void swing_stats(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    c->sums[0] += (double)(toy_size(c) / c->node->out.c);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->sums[1 + i % c->node->out.c] += large * (double)c->x[0][i];
}

static void swing_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const float *bias = c->node->params[0]->value, *running = c->node->params[1]->value, *bias2 = c->node->params[3]->value;
    for (int64_t i = 0; i < toy_size(c); i++) {
        int64_t k = i % c->node->out.c;
        float shift = c->state->training ? (float)sin(c->total[1 + k]) : running[k];
        c->y[i] = c->x[0][i] - shift + bias[k] + bias2[k];
    }
}

static void swing_commit(const node *n, const double *total) {
    for (int64_t k = 0; k < n->out.c; k++)
        n->params[1]->value[k] = (float)(0.75 * (double)n->params[1]->value[k] + 0.25 * sin(total[1 + k] / total[0]));
    n->params[2]->counter++;
}

static void swing_grad_stats(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->grad_sums[i % c->node->out.c] += large * (double)c->dy[i];
}

static void swing_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] - (float)(0.1 * sin(c->grad_total[i % c->node->out.c])));
}

static void share_of_swing(const op_call *c, const lane_group *lanes, int lane, slice s, float *out) {
    (void)c;
    for (int64_t k = s.from; k < s.to; k++)
        out[k - s.from] = (float)lanes->grad_sums[lane * lanes->stride + k];
}

static void swing_param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    spoil(c, lanes->tree.levels, scratch);
    sum_shares(c, lanes, (slice){part == 0 ? 0 : 3, 0, c->node->out.c}, share_of_swing, out, scratch);
}

static const op_kind toy_swing = {.name = "swing",
                                  .infer = swing_infer,
                                  .scratch = rows_scratch,
                                  .stats = swing_stats,
                                  .forward = swing_forward,
                                  .commit = swing_commit,
                                  .grad_stats = swing_grad_stats,
                                  .backward = swing_backward,
                                  .param_grad = swing_param_grad,
                                  .in_place = true};

/* ---- noise: factors drawn by seed, step and place, saved for backward ---- */

static err noise_infer(graph *g, node *n) {
    infer_same(g, n);
    n->saved_bytes = (size_t)shape_size(n->out) * sizeof(float);
    return OK;
}

static void noise_forward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    float *factors = c->saved;
    rng_key key = rng_make_key(c->state->seed, RNG_DROPOUT, c->state->step, rng_hash(c->node->name));
    for (int64_t i = 0; i < toy_size(c); i++) {
        uint64_t place = (uint64_t)(c->first * shape_size(c->node->out) + i);
        float factor = c->state->training ? (float)(0.5 + rng_uniform(key, place)) : 1;
        c->y[i] = c->x[0][i] * factor;
        factors[i] = factor;
    }
}

static void noise_backward(const op_call *c, void *scratch) {
    spoil(c, 1, scratch);
    const float *factors = c->saved;
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] * factors[i]);
}

static const op_kind toy_noise = {
    .name = "noise", .infer = noise_infer, .scratch = toy_scratch, .forward = noise_forward, .backward = noise_backward};

/* ---- networks ---- */

static node *add_toy(graph *g, const op_kind *kind, node *a, node *b) {
    char *name = text_format("%s%d", kind->name, graph_n_nodes(g));
    node *n = graph_add(g, kind, name, NULL, b ? 2 : 1, (node *[]){a, b});
    mem_free(name);
    return n;
}

static node *add_source(graph *g, shape s) {
    shape *attrs = mem_new(1, sizeof *attrs);
    *attrs = s;
    return graph_add(g, &toy_source, "source", attrs, 0, NULL);
}

#endif
