/* A forward or backward as a flat list of steps. */
#include "graph/internal.h"

static void append(program *p, step s) {
    p->steps = mem_resize(p->steps, (size_t)p->count + 1, sizeof *p->steps);
    p->steps[p->count++] = s;
}

static void append_lanes(program *p, const node *n, void (*function)(const op_call *c, void *scratch)) {
    append(p, (step){.kind = STEP_LANES, .node = n, .function = function, .is_forward = function == n->kind->forward});
}

/* Sums over what the step before has written, of which the last is still in the caches. */
static void append_sums(program *p, const node *n, void (*function)(const op_call *c, void *scratch)) {
    append(p, (step){.kind = STEP_LANES, .node = n, .function = function, .last_first = true});
}

/* Forward, or backward, of a node. */
static void append_pass(program *p, const node *n, bool backward) {
    void (*function)(const op_call *c, void *scratch) = backward ? n->kind->backward : n->kind->forward;
    if (!n->kind->whole) {
        append_lanes(p, n, function);
        return;
    }
    bool prepared = n->kind->prepared && n->kind->prepared(n, backward) > 0;
    if (prepared)
        append(p, (step){.kind = STEP_PREPARE, .node = n, .backward = backward});
    append(
        p,
        (step){.kind = STEP_WHOLE, .node = n, .function = function, .is_forward = !backward, .backward = backward, .prepared = prepared});
}

program program_forward(const graph *g, bool training) {
    program p = {0};
    for (int i = 0; i < g->n_nodes; i++) {
        const node *n = g->nodes[i];
        if (training && n->n_stats > 0) {
            append_sums(&p, n, n->kind->stats);
            append(&p, (step){.kind = STEP_REDUCE, .node = n});
        }
        append_pass(&p, n, false);
    }
    return p;
}

bool node_needs_input(const node *n, int input) {
    return input < 31 && n->kind->needs & (unsigned)NEEDS_X << input;
}

static bool passes_gradient_on(const node *n) {
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i]->needs_grad)
            return true;
    return false;
}

/* Whether the node takes part in backward: it passes gradients on, or has some of its own. */
static bool has_backward(const node *n) {
    return n->needs_grad && (passes_gradient_on(n) || node_has_trained(n));
}

static int64_t end_of_gradients(const node *n) {
    int64_t end = 0;
    for (int i = 0; i < n->n_params; i++)
        if (param_is_trained(n->params[i]) && n->params[i]->offset + n->params[i]->size > end)
            end = n->params[i]->offset + n->params[i]->size;
    return end;
}

/* ---- making outputs again ----
 *
 * Chen et al. (Training deep nets with sublinear memory cost, 2016) make all of a block again from its input. Much of that memory is to be
 * had for a small part of the time: batch norms cost a pass over memory, and 1×1 convolutions few operations an element, while they
 * write the largest outputs. So joins of branches and costly convolutions keep theirs, and what lies between is made again. */

enum { CHEAP_FLOPS = 1024 }; /* an element of the output */

static bool node_is_cheap(const node *n) {
    double flops = n->kind->flops ? n->kind->flops(n) : 0;
    return n->n_inputs == 1 && !n->kind->in_place && !n->kind->root && n->saved_bytes == 0 && !n->keep && n->needs_grad &&
           flops <= (double)CHEAP_FLOPS * (double)shape_size(n->out);
}

typedef struct backward_builder {
    program program;
    bool recompute;
    bool *there; /* [node] its output has been made again */
    const graph_hooks *hooks;
    const node *waiting; /* its parameter gradients are still to be made */
} backward_builder;

/* Makes the output of `n` again, and before it what that needs. */
static void append_again(backward_builder *b, const node *n) {
    if (!b->recompute || !node_is_cheap(n) || b->there[n->index])
        return;
    b->there[n->index] = true;
    append_again(b, n->inputs[0]);
    append_pass(&b->program, n, false);
}

/* ---- parameter gradients while the ranks meet ----
 *
 * A convolution's parameter gradients need not come before its dx. Where the node that goes backward next is a batch norm, they are put
 * between the moment when a rank has given its sums and the moment when it needs those of the others: a rank that is a little late then
 * holds up nobody. */

static void append_param_grad(program *p, const node *n) {
    append(p, (step){.kind = STEP_PARAM_GRAD, .node = n});
    append(p, (step){.kind = STEP_ON_GRAD, .node = n, .complete = end_of_gradients(n)});
}

static void append_waiting(backward_builder *b) {
    if (b->waiting)
        append_param_grad(&b->program, b->waiting);
    b->waiting = NULL;
}

static bool may_wait(const graph *g, const node *n) {
    if (!node_has_trained(n) || n->dx_in_place || n->kind->grad_stats || !passes_gradient_on(n))
        return false;
    int next = n->index - 1;
    while (next >= 0 && !has_backward(g->nodes[next]))
        next--;
    return next >= 0 && g->nodes[next]->kind->grad_stats;
}

/* When a node's parameter gradients are made. */
typedef enum grad_turn {
    GRAD_NONE,
    GRAD_FIRST, /* before its dx */
    GRAD_LAST,  /* after it: the sink that they go to changes the parameters, which dx reads */
    GRAD_WAITS, /* later still */
} grad_turn;

static grad_turn turn_of(const backward_builder *b, const graph *g, const node *n) {
    if (!node_has_trained(n))
        return GRAD_NONE;
    if (may_wait(g, n))
        return GRAD_WAITS;
    return node_hands_out(n, b->hooks) ? GRAD_LAST : GRAD_FIRST;
}

static void append_backward(backward_builder *b, const graph *g, const node *n) {
    program *p = &b->program;
    for (int i = 0; i < n->n_inputs; i++)
        if (node_needs_input(n, i))
            append_again(b, n->inputs[i]);
    if (n->kind->needs & NEEDS_Y)
        append_again(b, n);
    if (n->kind->grad_stats) {
        append_sums(p, n, n->kind->grad_stats);
        append(p, (step){.kind = STEP_OFFER_GRAD, .node = n});
        append_waiting(b);
        append(p, (step){.kind = STEP_REDUCE_GRAD, .node = n});
    }
    grad_turn turn = turn_of(b, g, n);
    if (turn == GRAD_FIRST)
        append_param_grad(p, n);
    if (passes_gradient_on(n))
        append_pass(p, n, true);
    if (turn == GRAD_LAST)
        append_param_grad(p, n);
    if (turn == GRAD_WAITS)
        b->waiting = n;
}

program program_backward(const graph *g, bool recompute, const graph_hooks *hooks) {
    backward_builder b = {.recompute = recompute, .hooks = hooks, .there = mem_new((size_t)g->n_nodes, sizeof *b.there)};
    for (int i = g->n_nodes - 1; i >= 0; i--)
        if (has_backward(g->nodes[i]))
            append_backward(&b, g, g->nodes[i]);
    mem_free(b.there);
    if (b.program.count > 0) /* the arena's padding belongs to the last bucket */
        append(&b.program, (step){.kind = STEP_ON_GRAD, .complete = g->trained_size});
    return b.program;
}

void program_free(program *p) {
    mem_free(p->steps);
    *p = (program){0};
}
