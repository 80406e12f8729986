/* Looking for the value where a step went bad. Every output and every gradient of an input is read right after it was made, for later its
 * place may hold another one. */
#include <math.h>

#include "graph/run.h"

void graph_watch(graph_run *r, graph_suspect *first) {
    r->suspect = first;
    if (first)
        *first = (graph_suspect){.turn = INT64_MAX};
}

static double first_bad_float(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return (double)values[i];
    return 0;
}

static double first_bad_double(const double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return values[i];
    return 0;
}

/* 0: what the lane's forward made is finite. A loss is only in its sums. */
static double bad_output(const op_call *c) {
    const node *n = c->node;
    double bad = first_bad_float(c->y, c->n * shape_size(n->out));
    return bad == 0 && n->kind->root ? first_bad_double(c->sums, n->n_sums) : bad;
}

static double bad_gradient(const op_call *c) {
    const node *n = c->node;
    double bad = 0;
    for (int i = 0; i < n->n_inputs && bad == 0; i++)
        if (c->dx[i])
            bad = first_bad_float(c->dx[i], c->n * shape_size(n->inputs[i]->out));
    return bad;
}

void run_watch(graph_run *r, const step *s, int64_t turn) {
    bool backward = s->function && s->function == s->node->kind->backward;
    for (int lane = 0; lane < r->n_lanes && r->suspect->turn > turn && (s->is_forward || backward); lane++) {
        const op_call *c = run_call(r, s->node, lane);
        double bad = s->is_forward ? bad_output(c) : bad_gradient(c);
        if (bad != 0) /* nor is nan */
            *r->suspect = (graph_suspect){turn, s->node->index, r->first_lane + lane, backward, bad};
    }
}
