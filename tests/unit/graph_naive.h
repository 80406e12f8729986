/* The evaluator that the executor is compared with: every tensor of every lane has a buffer of its own, lanes are walked one after the
 * other, and sums over lanes follow the tree as it is drawn: a node of n lanes has the largest power of two below n on its left. */
#ifndef SHOAL_TEST_GRAPH_NAIVE_H
#define SHOAL_TEST_GRAPH_NAIVE_H

#include "graph_toys_whole.h"

enum { MOST_RANKS = 4 };

/* One batch, and how lanes are shared out: rank r has lanes [cuts[r], cuts[r + 1]). */
typedef struct trial {
    int lanes, n_ranks, cuts[MOST_RANKS + 1];
    norm_scope norm;
    op_state state;
    const void **images, **labels; /* [lane] */
} trial;

typedef struct naive {
    graph *g;
    const trial *t;
    op_call *calls;      /* [node][lane] */
    const void **fields; /* [lane][field] */
    void *scratch, *prepared;
} naive;

static node *last_node(const graph *g) {
    return graph_node(g, graph_n_nodes(g) - 1);
}

static int left_lanes(int n) {
    int left = 1;
    while (2 * left < n)
        left *= 2;
    return left;
}

static op_call *naive_call(const naive *v, const node *n, int lane) {
    return &v->calls[n->index * v->t->lanes + lane];
}

static bool leads_to_a_loss(const graph *g, const node *n) {
    if (n->kind == &toy_loss || n->kind == &toy_mean)
        return true;
    for (int i = n->index + 1; i < graph_n_nodes(g); i++)
        for (int k = 0; k < graph_node(g, i)->n_inputs; k++)
            if (graph_node(g, i)->inputs[k] == n && leads_to_a_loss(g, graph_node(g, i)))
                return true;
    return false;
}

static bool is_trained(const param *p) {
    return p->role <= PARAM_NORM_BIAS && !p->frozen;
}

static bool has_trained(const node *n) {
    for (int i = 0; i < n->n_params; i++)
        if (is_trained(n->params[i]))
            return true;
    return false;
}

static bool trained_before(const node *n) {
    bool any = has_trained(n);
    for (int k = 0; k < n->n_inputs; k++)
        any = any || trained_before(n->inputs[k]);
    return any;
}

static bool wants_gradient(const graph *g, const node *n) {
    return leads_to_a_loss(g, n) && trained_before(n);
}

static void *naive_floats(int64_t samples, const node *n) {
    return mem_new((size_t)(samples * shape_size(n->out)), sizeof(float));
}

static void naive_init_call(naive *v, const node *n, int lane) {
    const trial *t = v->t;
    op_call *c = naive_call(v, n, lane);
    int64_t first = lane * t->state.batch / t->lanes, end = (lane + 1) * t->state.batch / t->lanes;
    *c = (op_call){.node = n, .state = &t->state, .n = end - first, .first = first, .fields = v->fields + 2 * lane};
    v->fields[2 * lane] = t->images[lane]; /* in the order in which random_graph() reads them */
    v->fields[2 * lane + 1] = t->labels[lane];
    c->x = mem_new((size_t)n->n_inputs, sizeof *c->x);
    c->dx = mem_new((size_t)n->n_inputs, sizeof *c->dx);
    c->add_dx = mem_new((size_t)n->n_inputs, sizeof *c->add_dx);
    c->y = naive_floats(c->n, n);
    c->dy = wants_gradient(v->g, n) ? naive_floats(c->n, n) : NULL;
    c->saved = mem_new((size_t)c->n, n->saved_bytes);
    c->sums = mem_new((size_t)n->n_sums, sizeof(double));
    c->total = mem_new((size_t)n->n_sums, sizeof(double));
    c->grad_sums = mem_new((size_t)n->n_grad_sums, sizeof(double));
    c->grad_total = mem_new((size_t)n->n_grad_sums, sizeof(double));
    for (int k = 0; k < n->n_inputs; k++) {
        c->x[k] = naive_call(v, n->inputs[k], lane)->y;
        c->dx[k] = naive_call(v, n->inputs[k], lane)->dy;
    }
}

static naive naive_new(graph *g, const trial *t) {
    naive v = {.g = g, .t = t, .calls = mem_new((size_t)(graph_n_nodes(g) * t->lanes), sizeof *v.calls)};
    v.fields = mem_new(2 * (size_t)t->lanes, sizeof *v.fields);
    size_t scratch = 0;
    for (int i = 0; i < graph_n_nodes(g); i++) {
        size_t bytes = graph_node(g, i)->kind->scratch(graph_node(g, i), 1);
        scratch = bytes > scratch ? bytes : scratch;
        for (int lane = 0; lane < t->lanes; lane++)
            naive_init_call(&v, graph_node(g, i), lane);
    }
    v.scratch = mem_new(scratch, 1);
    return v;
}

static void naive_free(naive *v) {
    for (int i = 0; i < graph_n_nodes(v->g) * v->t->lanes; i++) {
        op_call *c = &v->calls[i];
        void *const owned[] = {c->x,         c->dx,
                               c->add_dx,    c->y,
                               c->dy,        c->saved,
                               c->sums,      (void *)(uintptr_t)c->total,
                               c->grad_sums, (void *)(uintptr_t)c->grad_total};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
            mem_free(owned[k]);
    }
    mem_free(v->calls);
    mem_free(v->fields);
    mem_free(v->scratch);
}

/* ---- sums of doubles ---- */

static double tree_of_doubles(const naive *v, const node *n, bool grad, int index, int first, int count) {
    if (count == 1) {
        const op_call *c = naive_call(v, n, first);
        return (grad ? c->grad_sums : c->sums)[index];
    }
    int left = left_lanes(count);
    return tree_of_doubles(v, n, grad, index, first, left) + tree_of_doubles(v, n, grad, index, first + left, count - left);
}

/* The lanes that normalise together with this one; all of them for a mean. */
static void lanes_together(const trial *t, const node *n, int lane, int *first, int *count) {
    norm_scope scope = n->kind == &toy_mean ? NORM_GLOBAL : t->norm;
    int rank = 0;
    while (t->cuts[rank + 1] <= lane)
        rank++;
    *first = scope == NORM_GLOBAL ? 0 : scope == NORM_LANE ? lane : t->cuts[rank];
    *count = scope == NORM_GLOBAL ? t->lanes : scope == NORM_LANE ? 1 : t->cuts[rank + 1] - t->cuts[rank];
}

static void naive_totals(const naive *v, const node *n, bool grad) {
    for (int lane = 0; lane < v->t->lanes; lane++) {
        int first, count;
        lanes_together(v->t, n, lane, &first, &count);
        const op_call *c = naive_call(v, n, lane);
        double *total = (double *)(uintptr_t)(grad ? c->grad_total : c->total);
        for (int i = 0; i < (grad ? n->n_grad_sums : n->n_sums); i++)
            total[i] = tree_of_doubles(v, n, grad, i, first, count);
    }
}

/* ---- programs ---- */

static void naive_lanes(const naive *v, const node *n, void (*function)(const op_call *, void *)) {
    for (int lane = 0; lane < v->t->lanes; lane++)
        function(naive_call(v, n, lane), v->scratch);
}

/* Forward or backward of a node. A lane's samples are computed alike whoever else is in the call, so here every lane is a call of its own,
 * also of kinds that take the whole batch. */
static void naive_pass(naive *v, const node *n, bool backward) {
    const op_kind *kind = n->kind;
    size_t bytes = kind->prepared ? kind->prepared(n, backward) : 0;
    int parts = backward ? n->backward_parts : n->forward_parts;
    v->prepared = bytes ? mem_new(1, bytes) : NULL;
    for (int part = 0; bytes && part < kind->prepare_parts(n, backward); part++)
        kind->prepare(n, backward, part, v->prepared);
    for (int part = 0; part < (kind->whole && parts ? parts : 1); part++)
        for (int lane = 0; lane < v->t->lanes; lane++) {
            op_call *c = naive_call(v, n, lane);
            c->part = part;
            c->prepared = v->prepared;
            (backward ? kind->backward : kind->forward)(c, v->scratch);
        }
    mem_free(v->prepared);
}

static void naive_forward(naive *v) {
    for (int i = 0; i < graph_n_nodes(v->g); i++) {
        const node *n = graph_node(v->g, i);
        if (v->t->state.training && n->kind->stats) {
            naive_lanes(v, n, n->kind->stats);
            naive_totals(v, n, false);
        }
        naive_pass(v, n, false);
    }
}

static void naive_backward(naive *v) {
    bool *begun = mem_new((size_t)graph_n_nodes(v->g), sizeof *begun);
    for (int i = graph_n_nodes(v->g) - 1; i >= 0; i--) {
        const node *n = graph_node(v->g, i);
        if (!wants_gradient(v->g, n))
            continue;
        bool passes_on = false;
        for (int k = 0; k < n->n_inputs; k++) {
            for (int lane = 0; lane < v->t->lanes; lane++)
                naive_call(v, n, lane)->add_dx[k] = begun[n->inputs[k]->index];
            begun[n->inputs[k]->index] = true;
            passes_on = passes_on || wants_gradient(v->g, n->inputs[k]);
        }
        if (n->kind->grad_stats) {
            naive_lanes(v, n, n->kind->grad_stats);
            naive_totals(v, n, true);
        }
        if (passes_on)
            naive_pass(v, n, true);
    }
    mem_free(begun);
}

static void naive_commit(const naive *v) {
    for (int i = 0; i < graph_n_nodes(v->g); i++) {
        const node *n = graph_node(v->g, i);
        double *total = mem_new((size_t)n->n_sums, sizeof *total);
        for (int k = 0; k < n->n_sums; k++)
            total[k] = tree_of_doubles(v, n, false, k, 0, v->t->lanes);
        if (n->kind->commit)
            n->kind->commit(n, total);
        mem_free(total);
    }
}

/* ---- parameter gradients ---- */

static void lane_gradient(const naive *v, const node *n, int lane, float *arena) {
    static const int merges[] = {0};
    const op_call *c = naive_call(v, n, lane);
    lane_group alone = {.tree = {1, 1, (const int64_t[]){0, c->n}, merges}, .grad_sums = c->grad_sums};
    float *out[NODE_MAX_PARAMS];
    for (int i = 0; i < n->n_params; i++)
        out[i] = is_trained(n->params[i]) ? arena + n->params[i]->offset : NULL;
    for (int part = 0; part < n->grad_parts; part++)
        n->kind->param_grad(c, &alone, part, out, v->scratch);
}

/* The gradients of one node's trained parameters over lanes [first, first + count), into a gradient arena. */
static void naive_gradient(const naive *v, const node *n, int first, int count, float *arena) {
    if (count == 1) {
        lane_gradient(v, n, first, arena);
        return;
    }
    int left = left_lanes(count);
    float *right = mem_new((size_t)graph_trained_size(v->g), sizeof *right);
    naive_gradient(v, n, first, left, arena);
    naive_gradient(v, n, first + left, count - left, right);
    for (int k = 0; k < n->n_params; k++) {
        const param *p = n->params[k];
        for (int64_t i = p->offset; is_trained(p) && i < p->offset + p->size; i++)
            arena[i] += right[i];
    }
    mem_free(right);
}

/* The whole gradient arena of a block of lanes; zero where no gradient comes. Free with mem_free(). */
static float *naive_gradients(const naive *v, tree_block block) {
    float *arena = mem_new((size_t)graph_trained_size(v->g), sizeof *arena);
    for (int i = 0; i < graph_n_nodes(v->g); i++) {
        const node *n = graph_node(v->g, i);
        if (wants_gradient(v->g, n) && has_trained(n))
            naive_gradient(v, n, block.first, block.size, arena);
    }
    return arena;
}

#endif
