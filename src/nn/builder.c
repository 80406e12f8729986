/* The builder: scopes, names, and the first error. */
#include "nn/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_PART = 128, LONGEST_ERROR = 512 };

static const char *scope(const shoal_model *m) {
    return m->depth ? m->scopes[m->depth - 1] : "";
}

/* A name inside the scope; new string. */
static char *scoped(const shoal_model *m, const char *name) {
    return m->depth ? text_format("%s.%s", scope(m), name) : mem_string(name);
}

void shoal_error(shoal_model *m, const char *format, ...) {
    if (m->error)
        return;
    char text[LONGEST_ERROR];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    m->error = fail(ERR_USAGE, "%s%s%s", scope(m), m->depth ? ": " : "", text);
}

void shoal_enter(shoal_model *m, const char *format, ...) {
    if (m->error)
        return;
    char part[LONGEST_PART];
    va_list args;
    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    char *inner = scoped(m, part);
    m->scopes = mem_resize(m->scopes, (size_t)m->depth + 1, sizeof *m->scopes);
    m->scopes[m->depth++] = inner;
}

void shoal_leave(shoal_model *m) {
    if (m->error)
        return;
    if (m->depth == 0)
        shoal_error(m, "shoal_leave() without shoal_enter()");
    else
        mem_free(m->scopes[--m->depth]);
}

static bool is_taken(const shoal_model *m, const char *name) {
    for (int i = 0; i < m->n_values; i++)
        if (strcmp(m->values[i]->name, name) == 0)
            return true;
    return false;
}

/* `relu`, or `relu_1` where that is taken, and so on; new string. */
static char *free_name(const shoal_model *m, const char *standard) {
    char *first = scoped(m, standard), *name = mem_string(first);
    for (int i = 1; is_taken(m, name); i++) {
        mem_free(name);
        name = text_format("%s_%d", first, i);
    }
    mem_free(first);
    return name;
}

static void *copy(const void *bytes, size_t size) {
    return size ? memcpy(mem_new(1, size), bytes, size) : NULL;
}

static shoal_tensor append(shoal_model *m, const layer *l, const char *name, int n_inputs, node *const *inputs) {
    node *n = graph_add(m->graph, l->kind, name, copy(l->attrs, l->attrs_size), n_inputs, inputs);
    if (!n) {
        m->error = err_last()->code;
        return (shoal_tensor){-1};
    }
    m->values = mem_resize(m->values, (size_t)m->n_values + 1, sizeof(node *));
    m->values[m->n_values] = n;
    return (shoal_tensor){m->n_values++};
}

static shoal_tensor append_named(shoal_model *m, const layer *l, int n_inputs, node *const *inputs) {
    shoal_tensor y = {-1};
    char *name = l->name ? scoped(m, l->name) : free_name(m, l->standard);
    if (is_taken(m, name))
        shoal_error(m, "two layers are named \"%s\"", name);
    else
        y = append(m, l, name, n_inputs, inputs);
    mem_free(name);
    return y;
}

shoal_tensor builder_add(shoal_model *m, const layer *l, int n_inputs, const shoal_tensor *inputs) {
    shoal_tensor y = {-1};
    node **nodes = mem_new((size_t)n_inputs, sizeof(node *));
    for (int i = 0; i < n_inputs; i++)
        nodes[i] = builder_node(m, inputs[i]);
    if (!m->error)
        y = append_named(m, l, n_inputs, nodes);
    mem_free(nodes);
    return y;
}

node *builder_node(shoal_model *m, shoal_tensor x) {
    if (m->error)
        return NULL;
    if (x.index < 0 || x.index >= m->n_values) {
        shoal_error(m, "a layer's input is a tensor that no layer made");
        return NULL;
    }
    return m->values[x.index];
}

void builder_reset(shoal_model *m) {
    while (m->depth)
        mem_free(m->scopes[--m->depth]);
    mem_free(m->scopes);
    mem_free(m->values);
}
