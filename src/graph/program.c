/* A forward or backward as a flat list of steps. Runs of STEP_LANES need no meeting of lanes, so a thread takes one lane through all of
 * them; batch norm's sums and parameter gradients are where lanes meet. */
#include "graph/internal.h"

static void append(program *p, step s) {
    p->steps = mem_resize(p->steps, (size_t)p->count + 1, sizeof *p->steps);
    p->steps[p->count++] = s;
}

static void append_lanes(program *p, const node *n, void (*function)(const op_call *c, void *scratch)) {
    append(p, (step){.kind = STEP_LANES, .node = n, .function = function});
}

program program_forward(const graph *g, bool training) {
    program p = {0};
    for (int i = 0; i < g->n_nodes; i++) {
        const node *n = g->nodes[i];
        if (training && n->kind->stats) {
            append_lanes(&p, n, n->kind->stats);
            append(&p, (step){.kind = STEP_REDUCE, .node = n});
        }
        append_lanes(&p, n, n->kind->forward);
    }
    return p;
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

program program_backward(const graph *g) {
    program p = {0};
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const node *n = g->nodes[i];
        if (!has_backward(n))
            continue;
        if (n->kind->grad_stats) {
            append_lanes(&p, n, n->kind->grad_stats);
            append(&p, (step){.kind = STEP_REDUCE_GRAD, .node = n});
        }
        if (node_has_trained(n)) {
            append(&p, (step){.kind = STEP_TILES, .node = n});
            append(&p, (step){.kind = STEP_ON_GRAD, .node = n, .complete = end_of_gradients(n)});
        }
        if (passes_gradient_on(n))
            append_lanes(&p, n, n->kind->backward);
    }
    if (p.count > 0) /* the arena's padding belongs to the last bucket */
        append(&p, (step){.kind = STEP_ON_GRAD, .complete = g->trained_size});
    return p;
}

void program_free(program *p) {
    mem_free(p->steps);
    *p = (program){0};
}
