/* The graph as a list of nodes, while it is being built and after. */
#include <string.h>

#include "graph/internal.h"

graph *graph_new(void) {
    return mem_new(1, sizeof(graph));
}

static void free_node(node *n) {
    mem_free(n->inputs);
    mem_free(n->attrs);
    mem_free(n->name);
    mem_free(n);
}

void graph_free(graph *g) {
    if (!g)
        return;
    for (int i = 0; i < g->n_nodes; i++)
        free_node(g->nodes[i]);
    for (int i = 0; i < g->n_params; i++) {
        mem_free(g->params[i]->name);
        mem_free(g->params[i]);
    }
    for (int i = 0; i < g->n_fields; i++)
        mem_free((char *)(uintptr_t)g->fields[i].name);
    arena_reset(&g->values);
    mem_free(g->nodes);
    mem_free(g->params);
    mem_free(g->fields);
    mem_free(g);
}

node *graph_add(graph *g, const op_kind *kind, const char *name, void *attrs, int n_inputs, node *const *inputs) {
    node *n = mem_new(1, sizeof *n);
    n->kind = kind;
    n->name = mem_string(name);
    n->attrs = attrs;
    n->weight = 1;
    n->n_inputs = n_inputs;
    n->inputs = mem_new((size_t)n_inputs, sizeof *n->inputs);
    for (int i = 0; i < n_inputs; i++)
        n->inputs[i] = inputs[i];
    if (kind->infer(g, n) != OK) {
        err_prefix("%s", name);
        free_node(n);
        return NULL;
    }
    n->index = g->n_nodes;
    g->nodes = mem_resize(g->nodes, (size_t)g->n_nodes + 1, sizeof(node *));
    g->nodes[g->n_nodes++] = n;
    return n;
}

param *graph_add_param(graph *g, node *n, const char *name, param spec) {
    param *p = mem_new(1, sizeof *p);
    *p = spec;
    p->name = text_format("%s.%s", n->name, name);
    p->size = dims_size(spec.dims);
    g->params = mem_resize(g->params, (size_t)g->n_params + 1, sizeof(param *));
    g->params[g->n_params++] = p;
    n->params[n->n_params++] = p;
    return p;
}

static err check_field(const field *has, const field *wanted) {
    char has_shape[SHAPE_TEXT], wanted_shape[SHAPE_TEXT];
    if (has->type == wanted->type && shape_equal(has->shape, wanted->shape))
        return OK;
    return fail(ERR_USAGE, "reads the field %s as %s of type %s, another layer as %s of type %s", wanted->name,
                shape_text(wanted_shape, wanted->shape), field_type_text(wanted->type), shape_text(has_shape, has->shape),
                field_type_text(has->type));
}

err graph_add_field(graph *g, node *n, field spec) {
    int place = field_find(g->fields, g->n_fields, spec.name);
    if (place >= 0 && check_field(&g->fields[place], &spec) != OK)
        return ERR_USAGE;
    if (place < 0) {
        spec.name = mem_string(spec.name);
        g->fields = mem_resize(g->fields, (size_t)g->n_fields + 1, sizeof *g->fields);
        place = g->n_fields++;
        g->fields[place] = spec;
    }
    n->fields[n->n_fields++] = place;
    return OK;
}

void graph_add_input(graph *g, node *n, node *input) {
    (void)g;
    n->inputs = mem_resize(n->inputs, (size_t)n->n_inputs + 1, sizeof(node *));
    n->inputs[n->n_inputs++] = input;
}

void graph_replace(graph *g, node *old, node *by) {
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i]->n_inputs; k++)
            if (g->nodes[i]->inputs[k] == old)
                g->nodes[i]->inputs[k] = by;
    int from = by->index, to = old->index;
    memmove(g->nodes + from, g->nodes + from + 1, (size_t)(to - from - 1) * sizeof(node *));
    g->nodes[to - 1] = by;
    memmove(g->nodes + to, g->nodes + to + 1, (size_t)(g->n_nodes - to - 1) * sizeof(node *));
    g->n_nodes--;
    for (int i = from; i < g->n_nodes; i++)
        g->nodes[i]->index = i;
    by->keep |= old->keep;
    free_node(old);
}

int graph_n_uses(const graph *g, const node *n) {
    int uses = 0;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i]->n_inputs; k++)
            uses += g->nodes[i]->inputs[k] == n;
    return uses;
}

int graph_n_nodes(const graph *g) {
    return g->n_nodes;
}

node *graph_node(const graph *g, int index) {
    return g->nodes[index];
}

int graph_n_params(const graph *g) {
    return g->n_params;
}

param *graph_param(const graph *g, int index) {
    return g->params[index];
}

int graph_n_fields(const graph *g) {
    return g->n_fields;
}

const field *graph_fields(const graph *g) {
    return g->fields;
}

param *graph_find_param(const graph *g, const char *name) {
    for (int i = 0; i < g->n_params; i++)
        if (strcmp(g->params[i]->name, name) == 0)
            return g->params[i];
    return NULL;
}
