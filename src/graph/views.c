/* Calls: where a node finds its tensors for one lane, for a thread's share of the samples, or for all of them. */
#include "graph/run.h"

static void new_call(graph_run *r, const node *n, op_call *c) {
    c->node = n;
    c->state = &r->state;
    c->x = mem_new((size_t)n->n_inputs, sizeof *c->x);
    c->dx = mem_new((size_t)n->n_inputs, sizeof *c->dx);
    c->add_dx = r->plan.add_dx[n->index];
}

/* Sums belong to lanes. */
static void point_at_sums(graph_run *r, int lane, op_call *c) {
    bool alone = run_scope(r, c->node) == NORM_LANE;
    int at = r->sums_offset[c->node->index], grad_at = r->grad_sums_offset[c->node->index];
    c->sums = r->sums + lane * r->sums_size + at;
    c->grad_sums = r->grad_sums + lane * r->grad_sums_size + grad_at;
    c->total = alone ? c->sums : r->totals + at;
    c->grad_total = alone ? c->grad_sums : r->grad_totals + grad_at;
}

void run_new_views(graph_run *r) {
    r->n_views = r->n_lanes + r->n_threads + 1;
    r->fields = mem_new(mem_product((size_t)r->n_lanes, (size_t)r->graph->n_fields), sizeof *r->fields);
    r->bounds = mem_new((size_t)r->n_lanes + 1, sizeof *r->bounds);
    r->calls = mem_new(mem_product((size_t)r->graph->n_nodes, (size_t)r->n_views), sizeof *r->calls);
    r->laid_out = -1;
    for (int i = 0; i < r->graph->n_nodes; i++)
        for (int view = 0; view < r->n_views; view++) {
            op_call *c = run_call(r, r->graph->nodes[i], view);
            new_call(r, r->graph->nodes[i], c);
            if (view < r->n_lanes) {
                point_at_sums(r, view, c);
                c->fields = r->fields + view * r->graph->n_fields;
            }
        }
}

void run_free_views(graph_run *r) {
    for (int i = 0; r->calls && i < r->graph->n_nodes * r->n_views; i++) {
        mem_free(r->calls[i].x);
        mem_free(r->calls[i].dx);
    }
    mem_free(r->calls);
    mem_free(r->bounds);
    mem_free(r->fields);
}

/* Sample `first` of a tensor whose samples are `bytes` large. */
static void *sample_at(const graph_run *r, int64_t offset, int64_t first, int64_t bytes) {
    return offset == NO_BUFFER ? NULL : r->activations.base + offset + first * bytes;
}

static float *tensor_at(const graph_run *r, const int64_t *offsets, const node *n, int64_t first) {
    return sample_at(r, offsets[n->index], first, shape_size(n->out) * (int64_t)sizeof(float));
}

static void point_at_samples(const graph_run *r, op_call *c, int64_t first, int64_t count) {
    const node *n = c->node;
    c->n = count;
    c->y = tensor_at(r, r->plan.value, n, first);
    c->dy = tensor_at(r, r->plan.grad, n, first);
    c->saved = sample_at(r, r->plan.saved[n->index], first, (int64_t)n->saved_bytes);
    for (int i = 0; i < n->n_inputs; i++) {
        c->x[i] = tensor_at(r, r->plan.value, n->inputs[i], first);
        c->dx[i] = tensor_at(r, r->plan.grad, n->inputs[i], first);
    }
}

void run_lay_out(graph_run *r, int64_t size) {
    if (size == r->laid_out)
        return;
    r->laid_out = size;
    int64_t lanes = r->options.lanes, start = r->first_lane * size / lanes;
    for (int lane = 0; lane <= r->n_lanes; lane++)
        r->bounds[lane] = (r->first_lane + lane) * size / lanes - start;
    int64_t all = r->bounds[r->n_lanes];
    for (int i = 0; i < r->graph->n_nodes; i++)
        for (int view = 0; view < r->n_views; view++) {
            int64_t first = 0, end = all;
            if (view < r->n_lanes) {
                first = r->bounds[view];
                end = r->bounds[view + 1];
            } else if (view < r->n_views - 1) {
                first = (view - r->n_lanes) * all / r->n_threads;
                end = (view - r->n_lanes + 1) * all / r->n_threads;
            }
            op_call *c = run_call(r, r->graph->nodes[i], view);
            c->first = start + first;
            point_at_samples(r, c, first, end - first);
        }
}
