/* The memory plan of one lane: every tensor has a span of steps in which it lives; tensors whose spans do not meet share memory.
 * Placement is greedy by size (Pisarchyk and Lee: Efficient memory management for deep neural net inference; 2020): the largest first,
 * each at the lowest offset that is free during its span. */
#include <stdlib.h>

#include "graph/internal.h"

enum { ALIGNMENT = 64, NOBODY = -1 };

/* A piece of memory, and the steps in which it is used. Tensors that are computed in place share one. */
typedef struct buffer {
    int64_t bytes, offset;
    int first, last;
} buffer;

typedef struct planner {
    const graph *g;
    int64_t capacity;
    int backward_start; /* steps of backward are counted on from those of forward */
    int *forward_step;  /* [node] its forward */
    int *first_back, *last_back; /* [node] its first and last step of backward; NOBODY without one */
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
    p->buffers[p->n_buffers] = (buffer){.bytes = aligned, .first = first, .last = last};
    return p->n_buffers++;
}

static void note_steps(planner *p, const program *forward, const program *backward) {
    int n = p->g->n_nodes;
    p->backward_start = forward->count;
    p->forward_step = mem_new((size_t)n, sizeof(int));
    p->first_back = mem_new((size_t)n, sizeof(int));
    p->last_back = mem_new((size_t)n, sizeof(int));
    for (int i = 0; i < n; i++)
        p->first_back[i] = p->last_back[i] = NOBODY;
    for (int s = 0; s < forward->count; s++) /* the last of a node's steps is its forward */
        p->forward_step[forward->steps[s].node->index] = s;
    for (int s = 0; s < backward->count; s++) {
        if (!backward->steps[s].node)
            continue;
        int i = backward->steps[s].node->index, t = p->backward_start + s;
        if (p->first_back[i] == NOBODY)
            p->first_back[i] = t;
        p->last_back[i] = t;
    }
}

/* The last step in which each node's output is read. */
static int *last_reads(const planner *p) {
    int *last = mem_new((size_t)p->g->n_nodes, sizeof(int));
    for (int i = 0; i < p->g->n_nodes; i++) {
        const node *n = p->g->nodes[i];
        last[i] = max_int(last[i], p->forward_step[i]);
        if (n->kind->needs & NEEDS_Y)
            last[i] = max_int(last[i], p->last_back[i]);
        if (n->keep)
            last[i] = INT32_MAX;
        for (int k = 0; k < n->n_inputs; k++) {
            int x = n->inputs[k]->index;
            last[x] = max_int(last[x], p->forward_step[i]);
            if (n->kind->needs & NEEDS_X)
                last[x] = max_int(last[x], p->last_back[i]);
        }
    }
    return last;
}

static void plan_values(planner *p) {
    int *last = last_reads(p);
    for (int i = 0; i < p->g->n_nodes; i++) {
        const node *n = p->g->nodes[i];
        const int x = n->n_inputs ? n->inputs[0]->index : NOBODY;
        if (n->kind->in_place && last[x] == p->forward_step[i] && shape_equal(n->out, n->inputs[0]->out)) {
            p->value[i] = p->value[x];
            buffer *shared = &p->buffers[p->value[i]];
            shared->last = max_int(shared->last, last[i]);
        } else {
            int64_t bytes = p->capacity * shape_size(n->out) * (int64_t)sizeof(float);
            p->value[i] = new_buffer(p, bytes, p->forward_step[i], last[i]);
        }
        if (n->saved_bytes)
            p->saved[i] = new_buffer(p, p->capacity * (int64_t)n->saved_bytes, p->forward_step[i],
                                     max_int(p->forward_step[i], p->last_back[i]));
    }
    mem_free(last);
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
        p->grad[x] = new_buffer(p, bytes, p->last_back[n->index], max_int(p->last_back[n->index], p->last_back[x]));
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

/* The lowest offset at which `b` fits beside those of placed[0…count) (sorted by offset) that live at the same time. */
static int64_t free_offset(const buffer *b, buffer *const *placed, int count) {
    int64_t offset = 0;
    for (int i = 0; i < count; i++) {
        const buffer *other = placed[i];
        if (other->last < b->first || b->last < other->first)
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

plan plan_make(const graph *g, const program *forward, const program *backward, int64_t lane_capacity) {
    planner p = {.g = g, .capacity = lane_capacity};
    p.value = no_buffers(g->n_nodes);
    p.grad = no_buffers(g->n_nodes);
    p.saved = no_buffers(g->n_nodes);
    p.add_dx = mem_new((size_t)g->n_nodes, sizeof *p.add_dx);
    for (int i = 0; i < g->n_nodes; i++)
        p.add_dx[i] = mem_new((size_t)g->nodes[i]->n_inputs, sizeof(bool));

    note_steps(&p, forward, backward);
    plan_values(&p);
    plan_gradients(&p);
    plan out = {.lane_bytes = place_buffers(&p), .add_dx = p.add_dx};
    out.value = offsets(&p, p.value);
    out.grad = offsets(&p, p.grad);
    out.saved = offsets(&p, p.saved);

    void *const owned[] = {p.value, p.grad, p.saved, p.forward_step, p.first_back, p.last_back, p.buffers};
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
