/* One node outside any network: its inputs are made-up numbers, and the test calls its functions as the executor does. */
#ifndef OPS_HARNESS_H
#define OPS_HARNESS_H

#include <check.h>
#undef fail /* an old word of libcheck, and one of ours */
#include <stdlib.h>
#include <string.h>

#include "math/math.h"
#include "ops/ops.h"

/* Numbers in [-1, 1) from their place alone; tests/golden/make_ops.py has the same function. */
static double number(uint64_t stream, uint64_t i) {
    uint32_t z = (uint32_t)(stream * 1000003u + i) * 2654435761u;
    z = (z ^ z >> 15) * 2246822519u;
    z = (z ^ z >> 13) * 3266489917u;
    z ^= z >> 16;
    return (double)(z >> 8) * 0x1p-23 - 1;
}

static err source_infer(graph *g, node *n) {
    (void)g;
    n->out = *(shape *)n->attrs;
    return OK;
}

static const op_kind source = {.name = "source", .infer = source_infer};

/* A node with sources as inputs; `attrs` is copied. */
static node *make_node(graph *g, const op_kind *kind, const void *attrs, size_t attrs_bytes, int n_inputs, const shape *in) {
    node *inputs[4] = {0};
    for (int i = 0; i < n_inputs; i++) {
        shape *s = mem_new(1, sizeof *s);
        *s = in[i];
        inputs[i] = graph_add(g, &source, "source", s, 0, NULL);
    }
    void *copy = mem_new(1, attrs_bytes + 1);
    if (attrs_bytes)
        memcpy(copy, attrs, attrs_bytes);
    return graph_add(g, kind, "node", copy, n_inputs, inputs);
}

/* malloc, so that a sanitizer sees every byte too far; filled with NaN, so that what is not written shows. */
static float *new_floats(int64_t n) {
    float *p = malloc((size_t)n * sizeof *p + 1);
    for (int64_t i = 0; i < n; i++)
        p[i] = NAN;
    return p;
}

static float *new_numbers(uint64_t stream, int64_t n) {
    float *p = new_floats(n);
    for (int64_t i = 0; i < n; i++)
        p[i] = (float)number(stream, (uint64_t)i);
    return p;
}

/* Everything of one call. */
typedef struct lane {
    op_call call;
    op_state state;
    const float *x[4];
    float *dx[4];
    bool add_dx[4];
    void *scratch;
} lane;

static void lane_init(lane *l, const node *n, int64_t samples, bool training) {
    *l = (lane){.state = {.training = training, .seed = 7, .step = 11, .batch = 5}};
    l->call = (op_call){.node = n, .state = &l->state, .n = samples, .first = 2, .x = l->x, .dx = l->dx, .add_dx = l->add_dx};
    l->call.y = new_floats(samples * shape_size(n->out));
    l->call.saved = malloc((size_t)samples * n->saved_bytes + 1);
    l->call.sums = calloc((size_t)n->n_sums + 1, sizeof(double));
    l->call.grad_sums = calloc((size_t)n->n_grad_sums + 1, sizeof(double));
    l->call.total = l->call.sums;
    l->call.grad_total = l->call.grad_sums;
    l->scratch = aligned_alloc(64, n->scratch_bytes / 64 * 64 + 64);
    memset(l->scratch, 0xFF, n->scratch_bytes);
    for (int i = 0; i < n->n_inputs; i++) {
        int64_t size = samples * shape_size(n->inputs[i]->out);
        l->x[i] = new_numbers((uint64_t)i + 1, size);
        l->dx[i] = new_floats(size);
    }
}

static void lane_forward(lane *l) {
    const op_kind *k = l->call.node->kind;
    if (k->stats && l->state.training)
        k->stats(&l->call, l->scratch);
    k->forward(&l->call, l->scratch);
}

static void lane_reset(lane *l) {
    for (int i = 0; i < l->call.node->n_inputs; i++) {
        free((float *)l->x[i]);
        if (l->dx[i] != l->call.dy)
            free(l->dx[i]);
    }
    free(l->call.y);
    free(l->call.dy);
    free(l->call.saved);
    free(l->call.sums);
    free(l->call.grad_sums);
    free(l->scratch);
}

/* |a − b| / |b|, both as vectors; NaN in `a` gives NaN. */
static inline double distance(int64_t n, const float *a, const double *b) {
    double d = 0, s = 0;
    for (int64_t i = 0; i < n; i++) {
        d += (a[i] - b[i]) * (a[i] - b[i]);
        s += b[i] * b[i];
    }
    return s > 0 ? sqrt(d / s) : sqrt(d);
}

#endif
