/* One node outside any network: its inputs are made-up numbers, and the test calls its functions as the executor does. */
#ifndef OPS_HARNESS_H
#define OPS_HARNESS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/math.h"
#include "ops/ops.h"
#include "suite.h"

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
static inline node *make_node(graph *g, const op_kind *kind, const void *attrs, size_t attrs_bytes, int n_inputs, const shape *in) {
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

static inline float *new_numbers(uint64_t stream, int64_t n) {
    float *p = new_floats(n);
    for (int64_t i = 0; i < n; i++)
        p[i] = (float)number(stream, (uint64_t)i);
    return p;
}

/* Memory of an op with borders behind it that nobody may write to, sanitizer or not. */
typedef struct guarded {
    unsigned char *memory;
    size_t bytes;
} guarded;

enum { BORDER = 256, BORDER_VALUE = 0xB7 };

static guarded guarded_new(size_t bytes) {
    guarded m = {aligned_alloc(64, (bytes + BORDER + 63) / 64 * 64), bytes};
    memset(m.memory, 0xFF, bytes); /* NaN, in floats and doubles */
    memset(m.memory + bytes, BORDER_VALUE, BORDER);
    return m;
}

static void guarded_free(guarded *m, const char *what) {
    for (size_t i = m->bytes; m->memory && i < m->bytes + BORDER; i++)
        if (m->memory[i] != BORDER_VALUE)
            ck_abort_msg("%s of %zu bytes: byte %zu was written", what, m->bytes, i);
    free(m->memory);
    *m = (guarded){0};
}

/* Everything of one call. */
typedef struct lane {
    op_call call;
    op_state state;
    const float *x[4];
    float *dx[4];
    bool add_dx[4];
    guarded saved, scratch, prepared;
    const void *field;
} lane;

enum { MOST_LEVELS = 4 }; /* of the lanes of a test */

static inline guarded new_scratch(const node *n) {
    return guarded_new(n->kind->scratch ? n->kind->scratch(n, MOST_LEVELS) : 0);
}

static inline void lane_init(lane *l, const node *n, int64_t samples, bool training) {
    *l = (lane){.state = {.training = training, .seed = 7, .step = 11, .batch = 5}};
    l->call = (op_call){.node = n, .state = &l->state, .n = samples, .first = 2, .x = l->x, .dx = l->dx, .add_dx = l->add_dx};
    l->call.y = new_floats(samples * shape_size(n->out));
    l->saved = guarded_new((size_t)samples * n->saved_bytes);
    l->call.saved = l->saved.memory;
    l->call.sums = calloc((size_t)n->n_sums + 1, sizeof(double));
    l->call.grad_sums = calloc((size_t)n->n_grad_sums + 1, sizeof(double));
    l->call.total = l->call.sums;
    l->call.grad_total = l->call.grad_sums;
    l->scratch = new_scratch(n);
    for (int i = 0; i < n->n_inputs; i++) {
        int64_t size = samples * shape_size(n->inputs[i]->out);
        l->x[i] = new_numbers((uint64_t)i + 1, size);
        l->dx[i] = new_floats(size);
    }
}

/* What the node reads of the samples; it has one field at most. `l` must stay where it is. */
static inline void lane_set_field(lane *l, const void *values) {
    l->field = values;
    l->call.fields = &l->field;
}

/* The node's forward or backward on the lane's samples, with weights prepared as its kind wants them, in all its parts. */
static inline void lane_pass(lane *l, bool backward) {
    const node *n = l->call.node;
    const op_kind *k = n->kind;
    size_t bytes = k->prepared ? k->prepared(n, backward) : 0;
    int parts = backward ? n->backward_parts : n->forward_parts;
    ck_assert(k->whole || (bytes == 0 && parts == 0));
    if (bytes > 0) {
        l->prepared = guarded_new(bytes);
        for (int part = k->prepare_parts(n, backward) - 1; part >= 0; part--) /* they may run in any order */
            k->prepare(n, backward, part, l->prepared.memory);
        l->call.prepared = l->prepared.memory;
    }
    for (int part = parts > 0 ? parts - 1 : 0; part >= 0; part--) {
        l->call.part = part;
        (backward ? k->backward : k->forward)(&l->call, l->scratch.memory);
    }
    l->call.prepared = NULL;
    guarded_free(&l->prepared, "prepared weights");
}

static inline void lane_forward(lane *l) {
    const op_kind *k = l->call.node->kind;
    if (k->stats && l->state.training)
        k->stats(&l->call, l->scratch.memory);
    lane_pass(l, false);
}

static inline void lane_grad_stats(lane *l) {
    const op_kind *k = l->call.node->kind;
    memset(l->call.grad_sums, 0, (size_t)l->call.node->n_grad_sums * sizeof(double));
    if (k->grad_stats)
        k->grad_stats(&l->call, l->scratch.memory);
}

static inline void lane_backward(lane *l) {
    lane_pass(l, true);
}

/* The lane as a group by itself. Valid until the next call. */
static inline lane_group lane_alone(const lane *l) {
    static const int merges[] = {0};
    static int64_t bounds[2];
    bounds[1] = l->call.n;
    return (lane_group){.tree = {1, 1, bounds, merges}, .grad_sums = l->call.grad_sums};
}

/* Gradients of all trained parameters; out[i] is NULL or has room for params[i]. */
static inline void lane_param_grads(lane *l, const lane_group *lanes, float *const *out) {
    const node *n = l->call.node;
    for (int part = n->grad_parts - 1; part >= 0; part--)
        n->kind->param_grad(&l->call, lanes, part, out, l->scratch.memory);
}

static inline void lane_reset(lane *l) {
    for (int i = 0; i < l->call.node->n_inputs; i++) {
        free((float *)l->x[i]);
        if (l->dx[i] != l->call.dy)
            free(l->dx[i]);
    }
    free(l->call.y);
    free(l->call.dy);
    free(l->call.sums);
    free(l->call.grad_sums);
    guarded_free(&l->saved, "saved memory");
    guarded_free(&l->scratch, "scratch memory");
}

/* What a part of a parameter's gradient did not write. */
static const uint32_t untouched = 0x7FC5A5A5; /* a NaN */

static inline float *new_untouched(int64_t n) {
    float *p = new_floats(n);
    for (int64_t i = 0; i < n; i++)
        memcpy(p + i, &untouched, sizeof untouched);
    return p;
}

static inline bool is_untouched(const float *p) {
    return memcmp(p, &untouched, sizeof untouched) == 0;
}

/* Parts write to disjoint elements, which together are all of every trained parameter; on return out[i] is params[i]'s gradient, or NULL.
 * Free with free(). */
static inline void param_grads_once(lane *l, const lane_group *lanes, float **out) {
    const node *n = l->call.node;
    float *by_part[NODE_MAX_PARAMS];
    for (int i = 0; i < n->n_params; i++)
        out[i] = param_is_trained(n->params[i]) ? new_untouched(n->params[i]->size) : NULL;
    for (int part = n->grad_parts - 1; part >= 0; part--) {
        for (int i = 0; i < n->n_params; i++)
            by_part[i] = out[i] ? new_untouched(n->params[i]->size) : NULL;
        n->kind->param_grad(&l->call, lanes, part, by_part, l->scratch.memory);
        for (int i = 0; i < n->n_params; i++)
            for (int64_t k = 0; out[i] && k < n->params[i]->size; k++) {
                if (is_untouched(by_part[i] + k))
                    continue;
                if (!is_untouched(out[i] + k))
                    ck_abort_msg("%s: element %d belongs to two parts", n->params[i]->name, (int)k);
                out[i][k] = by_part[i][k];
            }
        for (int i = 0; i < n->n_params; i++)
            free(by_part[i]);
    }
    for (int i = 0; i < n->n_params; i++)
        for (int64_t k = 0; out[i] && k < n->params[i]->size; k++)
            if (is_untouched(out[i] + k))
                ck_abort_msg("%s: element %d belongs to no part", n->params[i]->name, (int)k);
}

/* Chooses the kernels. Where SHOAL_ISA names a set that this machine lacks, says so; then the program ends with SKIPPED. */
enum { SKIPPED = 77 };

static inline bool kernels_are_here(void) {
    if (math_init() == OK)
        return true;
    printf("skipped: %s\n", err_last()->text);
    return false;
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
