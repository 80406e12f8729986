/* Kinds of operations small enough to be read at a glance, each with one trait that the executor must respect.
 * Every function spoils its scratch memory first, so that nobody can live on what another left there. */
#ifndef SHOAL_TEST_GRAPH_TOYS_H
#define SHOAL_TEST_GRAPH_TOYS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

static void spoil(const op_call *c, void *scratch) {
    if (c->node->scratch_bytes)
        memset(scratch, 0xA5, c->node->scratch_bytes);
}

static int64_t toy_size(const op_call *c) {
    return c->n * shape_size(c->node->out);
}

static void put(float *to, bool add, float value) {
    *to = add ? *to + value : value;
}

static void needs_scratch(const graph *g, node *n) {
    n->scratch_bytes = 100 * (size_t)(graph_n_nodes(g) % 3);
}

static err infer_same(graph *g, node *n) {
    n->out = n->inputs[0]->out;
    n->dx_in_place = 1;
    needs_scratch(g, n);
    return OK;
}

/* ---- source: reads the pictures ---- */

static err source_infer(graph *g, node *n) {
    n->out = *(const shape *)n->attrs;
    needs_scratch(g, n);
    return OK;
}

static void source_forward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = (float)c->images[i] / 64.0f - 1.7f;
}

static const op_kind toy_source = {.name = "source", .infer = source_infer, .forward = source_forward};

/* ---- scale: a parameter, its gradient in two tiles ---- */

static void add_tiles(node *n, int index, int64_t count) {
    int64_t half = count / 2, starts[] = {0, half, count};
    for (int i = half == 0; i < 2; i++) {
        n->tiles = mem_resize(n->tiles, (size_t)n->n_tiles + 1, sizeof *n->tiles);
        n->tiles[n->n_tiles++] = (grad_tile){index, starts[i], starts[i + 1] - starts[i]};
    }
}

static err scale_infer(graph *g, node *n) {
    infer_same(g, n);
    graph_add_param(g, n, "weight", (param){.role = PARAM_WEIGHT, .dims = {1, {n->out.c}}});
    add_tiles(n, 0, n->out.c);
    n->scratch_bytes = (size_t)n->out.c * sizeof(float);
    return OK;
}

static void scale_forward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    float *w = memcpy(scratch, c->node->params[0]->value, c->node->scratch_bytes);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] * w[i % c->node->out.c];
}

static void scale_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    float *w = memcpy(scratch, c->node->params[0]->value, c->node->scratch_bytes);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] * w[i % c->node->out.c]);
}

static void scale_param_grad(const op_call *c, int tile, float *out, void *scratch) {
    spoil(c, scratch);
    const grad_tile *t = &c->node->tiles[tile];
    for (int64_t k = 0; k < t->count; k++)
        out[k] = 0;
    for (int64_t row = 0; row < toy_size(c); row += c->node->out.c)
        for (int64_t k = 0; k < t->count; k++)
            out[k] += c->dy[row + t->offset + k] * c->x[0][row + t->offset + k];
}

static const op_kind toy_scale = {.name = "scale",
                                  .infer = scale_infer,
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
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] / (1 + c->x[0][i] * c->x[0][i]);
}

static void bell_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        float square = c->x[0][i] * c->x[0][i];
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] * (1 - square) / ((1 + square) * (1 + square)));
    }
}

static const op_kind toy_bell = {.name = "bell", .infer = bell_infer, .forward = bell_forward, .backward = bell_backward, .needs = NEEDS_X};

/* ---- leaky: in place, and backward needs y ---- */

static void leaky_forward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] > 0 ? c->x[0][i] : 0.3f * c->x[0][i];
}

static void leaky_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->y[i] > 0 ? c->dy[i] : 0.3f * c->dy[i]);
}

static const op_kind toy_leaky = {
    .name = "leaky", .infer = infer_same, .forward = leaky_forward, .backward = leaky_backward, .needs = NEEDS_Y, .in_place = true};

/* ---- mix: a + b / 2, in place, and either gradient may take dy's storage ---- */

static err mix_infer(graph *g, node *n) {
    if (!shape_equal(n->inputs[0]->out, n->inputs[1]->out))
        return fail(ERR_USAGE, "shapes differ");
    infer_same(g, n);
    n->dx_in_place = 1 | 2;
    return OK;
}

static void mix_forward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->y[i] = c->x[0][i] + 0.5f * c->x[1][i];
}

static void mix_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        float dy = c->dy[i];
        if (c->dx[0])
            put(&c->dx[0][i], c->add_dx[0], dy);
        if (c->dx[1])
            put(&c->dx[1][i], c->add_dx[1], 0.5f * dy);
    }
}

static const op_kind toy_mix = {.name = "mix", .infer = mix_infer, .forward = mix_forward, .backward = mix_backward, .in_place = true};

/* ---- join: channels one after the other, so that sizes differ ---- */

static err join_infer(graph *g, node *n) {
    n->out = n->inputs[0]->out;
    n->out.c += n->inputs[1]->out.c;
    needs_scratch(g, n);
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
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++) {
        int input;
        int64_t from = join_source(c, i, &input);
        c->y[i] = c->x[input][from];
    }
}

static void join_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int which = 0; which < 2; which++)
        for (int64_t i = 0; i < toy_size(c); i++) {
            int input;
            int64_t to = join_source(c, i, &input);
            if (input == which && c->dx[input])
                put(&c->dx[input][to], c->add_dx[input], c->dy[i]);
        }
}

static const op_kind toy_join = {.name = "join", .infer = join_infer, .forward = join_forward, .backward = join_backward};

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
    add_tiles(n, 0, n->out.c);
    add_tiles(n, 3, n->out.c);
    n->n_sums = (int)n->out.c + 1;
    n->n_grad_sums = (int)n->out.c;
    return OK;
}

static void swing_stats(const op_call *c, void *scratch) {
    spoil(c, scratch);
    c->sums[0] += (double)(toy_size(c) / c->node->out.c);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->sums[1 + i % c->node->out.c] += large * (double)c->x[0][i];
}

static void swing_forward(const op_call *c, void *scratch) {
    spoil(c, scratch);
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
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        c->grad_sums[i % c->node->out.c] += large * (double)c->dy[i];
}

static void swing_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] - (float)(0.1 * sin(c->grad_total[i % c->node->out.c])));
}

static void swing_param_grad(const op_call *c, int tile, float *out, void *scratch) {
    spoil(c, scratch);
    const grad_tile *t = &c->node->tiles[tile];
    for (int64_t k = 0; k < t->count; k++)
        out[k] = (float)c->grad_sums[t->offset + k];
}

static const op_kind toy_swing = {.name = "swing",
                                   .infer = swing_infer,
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
    spoil(c, scratch);
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
    spoil(c, scratch);
    const float *factors = c->saved;
    for (int64_t i = 0; i < toy_size(c); i++)
        put(&c->dx[0][i], c->add_dx[0], c->dy[i] * factors[i]);
}

static const op_kind toy_noise = {.name = "noise", .infer = noise_infer, .forward = noise_forward, .backward = noise_backward};

/* ---- loss: label / 2 times the square of a sample; mean over the global batch ---- */

static err loss_infer(graph *g, node *n) {
    needs_scratch(g, n);
    n->out = (shape){1, 1, 1};
    n->n_sums = 2;
    return OK;
}

static void loss_forward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    int64_t size = shape_size(c->node->inputs[0]->out);
    for (int64_t i = 0; i < c->n; i++) {
        double square = 0;
        for (int64_t k = 0; k < size; k++)
            square += (double)c->x[0][i * size + k] * (double)c->x[0][i * size + k];
        c->y[i] = (float)(0.5 * c->labels[i] * square);
        c->sums[0] += 0.5 * c->labels[i] * square;
    }
    c->sums[1] += (double)c->n;
}

static void loss_backward(const op_call *c, void *scratch) {
    spoil(c, scratch);
    int64_t size = shape_size(c->node->inputs[0]->out);
    for (int64_t i = 0; i < c->n * size; i++)
        put(&c->dx[0][i], c->add_dx[0], (float)c->labels[i / size] * c->x[0][i] / (float)c->state->batch);
}

static const op_kind toy_loss = {.name = "loss", .infer = loss_infer, .forward = loss_forward, .backward = loss_backward, .needs = NEEDS_X};

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
