/* The end of building: who needs gradients, and where parameters lie. Gradients lie in the order in which backward completes them, so
 * that what is complete is always a prefix of the arena, and a bucket is a slice of it. */
#include "graph/internal.h"

enum { FLOATS_OF_A_CACHE_LINE = 16 };

bool node_has_trained(const node *n) {
    for (int i = 0; i < n->n_params; i++)
        if (param_is_trained(n->params[i]))
            return true;
    return false;
}

/* A gradient is wanted where a trained parameter lies at or before the node, and comes only to what a root, a loss, depends on. */
static void mark_gradients(graph *g) {
    bool *in_loss = mem_new((size_t)g->n_nodes, sizeof *in_loss);
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        in_loss[i] |= g->nodes[i]->kind->root;
        for (int k = 0; k < g->nodes[i]->n_inputs; k++)
            in_loss[g->nodes[i]->inputs[k]->index] |= in_loss[i];
    }
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->nodes[i];
        n->needs_grad = in_loss[i] && node_has_trained(n);
        for (int k = 0; k < n->n_inputs; k++)
            n->needs_grad |= in_loss[i] && n->inputs[k]->needs_grad;
    }
    mem_free(in_loss);
}

static int64_t place(param *p, int64_t end) {
    p->offset = end;
    return (end + p->size + FLOATS_OF_A_CACHE_LINE - 1) / FLOATS_OF_A_CACHE_LINE * FLOATS_OF_A_CACHE_LINE;
}

static void place_trained(graph *g) {
    int64_t end = 0;
    for (int i = g->n_nodes - 1; i >= 0; i--)
        for (int k = 0; k < g->nodes[i]->n_params; k++)
            if (param_is_trained(g->nodes[i]->params[k]))
                end = place(g->nodes[i]->params[k], end);
    g->trained_size = end;
}

static bool is_fixed(const param *p) {
    return !param_is_trained(p) && p->role != PARAM_COUNTER;
}

static void place_fixed(graph *g) {
    int64_t end = 0;
    for (int i = 0; i < g->n_params; i++)
        if (is_fixed(g->params[i]))
            end = place(g->params[i], end);
    g->fixed_size = end;
}

err graph_seal(graph *g) {
    mark_gradients(g);
    place_trained(g);
    place_fixed(g);
    err code = arena_init(&g->values, (size_t)(g->trained_size + g->fixed_size) * sizeof(float), "parameters");
    if (code != OK)
        return code;
    for (int i = 0; i < g->n_params; i++) {
        param *p = g->params[i];
        if (param_is_trained(p))
            p->value = graph_values(g) + p->offset;
        else if (is_fixed(p))
            p->value = graph_fixed(g) + p->offset;
    }
    return OK;
}

int64_t graph_trained_size(const graph *g) {
    return g->trained_size;
}

float *graph_values(graph *g) {
    return (float *)(void *)g->values.base;
}

int64_t graph_fixed_size(const graph *g) {
    return g->fixed_size;
}

float *graph_fixed(graph *g) {
    return graph_values(g) + g->trained_size;
}
