/* The memory plan: every tensor has a span of steps in which it lives; tensors whose spans do not meet share memory.
 * Placement is greedy by size (Pisarchyk and Lee: Efficient memory management for deep neural net inference; 2020): the largest first,
 * each at the lowest offset that is free during its span. */
#include <stdlib.h>

#include "graph/internal.h"

enum { ALIGNMENT = 64, NOBODY = -1 };

/* A piece of memory, and the steps in which it is used: in one span, or, where it is made again in backward, in two. Tensors that are
 * computed in place share one. */
typedef struct buffer {
    int64_t bytes, offset;
    int first, last;
    int first_again, last_again; /* NOBODY: one span only */
} buffer;

typedef struct planner {
    const graph *g;
    int64_t capacity;
    int backward_start; /* steps of backward are counted on from those of forward */
    int *forward_step;  /* [node] its forward */
    int *again;         /* [node] its second forward, within backward; NOBODY without one */
    int *last_back;     /* [node] its last step of backward; NOBODY without one */
    int *writes;        /* [node] the step that writes the gradients of its inputs */
    buffer *buffers;
    int n_buffers;
    int *value, *grad, *saved; /* [node] -> buffer */
    bool **add_dx;
} planner;

static int max_int(int a, int b) {
    return a > b ? a : b;
}

static int new_buffer(planner *p, int64_t bytes, int first, int last) {
    p->buffers = mem_resize(p->buffers, (size_t)p->n_buffers + 1, sizeof *p->buffers);
    int64_t aligned = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    p->buffers[p->n_buffers] = (buffer){.bytes = aligned, .first = first, .last = last, .first_again = NOBODY};
    return p->n_buffers++;
}

static void note_steps(planner *p, const program *forward, const program *backward) {
    int n = p->g->n_nodes;
    p->backward_start = forward->count;
    p->forward_step = mem_new((size_t)n, sizeof(int));
    p->again = mem_new((size_t)n, sizeof(int));
    p->last_back = mem_new((size_t)n, sizeof(int));
    p->writes = mem_new((size_t)n, sizeof(int));
    for (int i = 0; i < n; i++)
        p->again[i] = p->last_back[i] = NOBODY;
    for (int s = 0; s < forward->count; s++) /* the last of a node's steps is its forward */
        p->forward_step[forward->steps[s].node->index] = s;
    for (int s = 0; s < backward->count; s++) {
        if (!backward->steps[s].node)
            continue;
        int i = backward->steps[s].node->index, t = p->backward_start + s;
        if (backward->steps[s].is_forward) {
            p->again[i] = t;
            continue;
        }
        p->last_back[i] = t;
        if (backward->steps[s].function == p->g->nodes[i]->kind->backward)
            p->writes[i] = t;
    }
}

/* When a value is read last: in forward, and in backward (NOBODY: not at all). */
typedef struct reads {
    int forward, backward;
} reads;

static reads *list_reads(const planner *p) {
    reads *list = mem_new((size_t)p->g->n_nodes, sizeof *list);
    for (int i = 0; i < p->g->n_nodes; i++) {
        const node *n = p->g->nodes[i];
        list[i] = (reads){p->forward_step[i], n->kind->needs & NEEDS_Y ? p->last_back[i] : NOBODY};
        if (n->keep)
            list[i].backward = INT32_MAX;
        for (int k = 0; k < n->n_inputs; k++) {
            reads *x = &list[n->inputs[k]->index];
            x->forward = max_int(x->forward, p->forward_step[i]);
            x->backward = max_int(x->backward, p->again[i]);
            if (node_needs_input(n, k))
                x->backward = max_int(x->backward, p->last_back[i]);
        }
    }
    return list;
}

/* A node that may overwrite its input, which nobody reads later. */
static bool is_in_place(const planner *p, const node *n, const reads *list) {
    if (!n->kind->in_place || !shape_equal(n->out, n->inputs[0]->out))
        return false;
    const reads *x = &list[n->inputs[0]->index];
    return x->forward == p->forward_step[n->index] && x->backward == NOBODY;
}

static int plan_value(planner *p, const node *n, const reads *r) {
    int64_t bytes = p->capacity * shape_size(n->out) * (int64_t)sizeof(float);
    int forward = p->forward_step[n->index], again = p->again[n->index];
    if (again == NOBODY)
        return new_buffer(p, bytes, forward, max_int(r->forward, r->backward));
    int index = new_buffer(p, bytes, forward, r->forward);
    p->buffers[index].first_again = again;
    p->buffers[index].last_again = r->backward;
    return index;
}

static void plan_values(planner *p) {
    reads *list = list_reads(p);
    for (int i = 0; i < p->g->n_nodes; i++) {
        const node *n = p->g->nodes[i];
        if (is_in_place(p, n, list)) {
            p->value[i] = p->value[n->inputs[0]->index];
            buffer *shared = &p->buffers[p->value[i]];
            shared->last = max_int(shared->last, max_int(list[i].forward, list[i].backward));
        } else {
            p->value[i] = plan_value(p, n, &list[i]);
        }
        if (n->saved_bytes)
            p->saved[i] =
                new_buffer(p, p->capacity * (int64_t)n->saved_bytes, p->forward_step[i], max_int(p->forward_step[i], p->last_back[i]));
    }
    mem_free(list);
}

/* Bits of dx_in_place: a node may have more inputs than those. */
static bool may_share(const node *n, int input) {
    return input < 31 && (n->dx_in_place >> input & 1);
}

/* Backward goes from the last node to the first: a node's gradient is first written by its last user. */
static void plan_input_gradient(planner *p, const node *n, int input, bool *dy_taken) {
    int x = n->inputs[input]->index;
    p->add_dx[n->index][input] = p->grad[x] != NO_BUFFER;
    if (p->grad[x] != NO_BUFFER)
        return;
    bool shares = !*dy_taken && p->grad[n->index] != NO_BUFFER && may_share(n, input);
    if (shares) {
        *dy_taken = true;
        p->grad[x] = p->grad[n->index];
        buffer *shared = &p->buffers[p->grad[x]];
        shared->last = max_int(shared->last, p->last_back[x]);
    } else {
        int64_t bytes = p->capacity * shape_size(n->inputs[input]->out) * (int64_t)sizeof(float);
        p->grad[x] = new_buffer(p, bytes, p->writes[n->index], max_int(p->writes[n->index], p->last_back[x]));
    }
}

static void plan_gradients(planner *p) {
    for (int i = p->g->n_nodes - 1; i >= 0; i--) {
        const node *n = p->g->nodes[i];
        bool dy_taken = false;
        if (p->last_back[i] == NOBODY)
            continue;
        for (int k = 0; k < n->n_inputs; k++)
            if (n->inputs[k]->needs_grad)
                plan_input_gradient(p, n, k, &dy_taken);
    }
}

static int larger_first(const void *a, const void *b) {
    const buffer *x = *(buffer *const *)a, *y = *(buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int lower_first(const void *a, const void *b) {
    const buffer *x = *(buffer *const *)a, *y = *(buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool spans_meet(int first, int last, int other_first, int other_last) {
    return first != NOBODY && other_first != NOBODY && first <= other_last && other_first <= last;
}

static bool live_together(const buffer *a, const buffer *b) {
    return spans_meet(a->first, a->last, b->first, b->last) || spans_meet(a->first, a->last, b->first_again, b->last_again) ||
           spans_meet(a->first_again, a->last_again, b->first, b->last) ||
           spans_meet(a->first_again, a->last_again, b->first_again, b->last_again);
}

/* The lowest offset at which `b` fits beside those of placed[0…count) (sorted by offset) that live at the same time. */
static int64_t free_offset(const buffer *b, buffer *const *placed, int count) {
    int64_t offset = 0;
    for (int i = 0; i < count; i++) {
        const buffer *other = placed[i];
        if (!live_together(b, other))
            continue;
        if (offset + b->bytes <= other->offset)
            break;
        if (other->offset + other->bytes > offset)
            offset = other->offset + other->bytes;
    }
    return offset;
}

static size_t place_buffers(planner *p) {
    buffer **order = mem_new((size_t)p->n_buffers, sizeof *order);
    for (int i = 0; i < p->n_buffers; i++)
        order[i] = &p->buffers[i];
    qsort(order, (size_t)p->n_buffers, sizeof *order, larger_first);
    int64_t end = 0;
    buffer **placed = mem_new((size_t)p->n_buffers, sizeof *placed);
    for (int i = 0; i < p->n_buffers; i++) {
        order[i]->offset = free_offset(order[i], placed, i);
        if (order[i]->offset + order[i]->bytes > end)
            end = order[i]->offset + order[i]->bytes;
        placed[i] = order[i];
        qsort(placed, (size_t)i + 1, sizeof *placed, lower_first);
    }
    mem_free(placed);
    mem_free(order);
    return (size_t)end;
}

static int64_t *offsets(const planner *p, const int *buffer_of) {
    int64_t *out = mem_new((size_t)p->g->n_nodes, sizeof *out);
    for (int i = 0; i < p->g->n_nodes; i++)
        out[i] = buffer_of[i] == NO_BUFFER ? NO_BUFFER : p->buffers[buffer_of[i]].offset;
    return out;
}

static int *no_buffers(int count) {
    int *list = mem_new((size_t)count, sizeof *list);
    for (int i = 0; i < count; i++)
        list[i] = NO_BUFFER;
    return list;
}

plan plan_make(const graph *g, const program *forward, const program *backward, int64_t capacity) {
    planner p = {.g = g, .capacity = capacity};
    p.value = no_buffers(g->n_nodes);
    p.grad = no_buffers(g->n_nodes);
    p.saved = no_buffers(g->n_nodes);
    p.add_dx = mem_new((size_t)g->n_nodes, sizeof *p.add_dx);
    for (int i = 0; i < g->n_nodes; i++)
        p.add_dx[i] = mem_new((size_t)g->nodes[i]->n_inputs, sizeof(bool));

    note_steps(&p, forward, backward);
    plan_values(&p);
    plan_gradients(&p);
    plan out = {.bytes = place_buffers(&p), .add_dx = p.add_dx};
    out.value = offsets(&p, p.value);
    out.grad = offsets(&p, p.grad);
    out.saved = offsets(&p, p.saved);

    void *const owned[] = {p.value, p.grad, p.saved, p.forward_step, p.again, p.last_back, p.writes, p.buffers};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        mem_free(owned[i]);
    return out;
}

void plan_free(plan *p, const graph *g) {
    for (int i = 0; p->add_dx && i < g->n_nodes; i++)
        mem_free(p->add_dx[i]);
    mem_free(p->add_dx);
    mem_free(p->value);
    mem_free(p->grad);
    mem_free(p->saved);
    *p = (plan){0};
}
