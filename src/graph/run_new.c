/* Everything a step needs is planned and allocated here, once. */
#include "graph/run.h"

static void lay_out_sums(graph_run *r) {
    int n = r->graph->n_nodes;
    r->sums_offset = mem_new((size_t)n, sizeof(int));
    r->grad_sums_offset = mem_new((size_t)n, sizeof(int));
    for (int i = 0; i < n; i++) {
        r->sums_offset[i] = r->sums_size;
        r->grad_sums_offset[i] = r->grad_sums_size;
        r->sums_size += r->graph->nodes[i]->n_sums;
        r->grad_sums_size += r->graph->nodes[i]->n_grad_sums;
    }
    r->sums = mem_new((size_t)(r->n_lanes * r->sums_size), sizeof(double));
    r->grad_sums = mem_new((size_t)(r->n_lanes * r->grad_sums_size), sizeof(double));
    r->totals = mem_new((size_t)r->sums_size, sizeof(double));
    r->pooled = mem_new((size_t)r->sums_size, sizeof(double));
    r->grad_totals = mem_new((size_t)r->grad_sums_size, sizeof(double));
    r->lane_sums = mem_new((size_t)r->n_lanes, sizeof *r->lane_sums);
    r->terms = mem_new((size_t)r->n_lanes, sizeof(double));
}

static void list_trained_tiles(graph_run *r) {
    int n = r->graph->n_nodes;
    r->trained_tiles = mem_new((size_t)n, sizeof *r->trained_tiles);
    r->n_trained_tiles = mem_new((size_t)n, sizeof(int));
    for (int i = 0; i < n; i++) {
        const node *of = r->graph->nodes[i];
        r->trained_tiles[i] = mem_new((size_t)of->n_tiles, sizeof(int));
        for (int t = 0; t < of->n_tiles; t++) {
            if (!param_is_trained(of->params[of->tiles[t].param]))
                continue;
            r->trained_tiles[i][r->n_trained_tiles[i]++] = t;
            if (of->tiles[t].count > r->largest_tile)
                r->largest_tile = of->tiles[t].count;
        }
    }
}

static err allocate_gradients(graph_run *r) {
    const graph_run_options *o = &r->options;
    r->n_blocks = tree_blocks(o->lanes, o->first_lane, o->last_lane, r->blocks);
    size_t floats = (size_t)r->graph->trained_size;
    err code = arena_init(&r->gradients, (size_t)r->n_blocks * floats * sizeof(float), "gradients");
    for (int i = 0; code == OK && i < r->n_blocks; i++)
        r->grads[i] = (float *)(void *)r->gradients.base + (size_t)i * floats;
    return code;
}

/* Depth of the stack of tiles above its bottom, which is the gradient arena: one level for every doubling of the lanes. */
static int tile_levels(int lanes) {
    int levels = 1;
    while ((1 << levels) < lanes)
        levels++;
    return levels;
}

static err allocate_scratch(graph_run *r) {
    for (int i = 0; i < r->graph->n_nodes; i++)
        if (r->graph->nodes[i]->scratch_bytes > r->op_scratch_bytes)
            r->op_scratch_bytes = r->graph->nodes[i]->scratch_bytes;
    r->op_scratch_bytes = (r->op_scratch_bytes + 63) / 64 * 64;
    r->largest_tile = (r->largest_tile + 15) / 16 * 16;
    size_t stack = (size_t)(tile_levels(r->n_lanes) * r->largest_tile) * sizeof(float);
    size_t each = r->op_scratch_bytes + stack;
    int threads = threads_count();
    err code = arena_init(&r->working, (size_t)threads * each, "working buffers");
    r->scratch = mem_new((size_t)threads, sizeof *r->scratch);
    for (int t = 0; code == OK && t < threads; t++)
        r->scratch[t] = r->working.base + (size_t)t * each;
    return code;
}

static float *tensor_at(const graph_run *r, int lane, int64_t offset) {
    if (offset == NO_BUFFER)
        return NULL;
    return (float *)(void *)(r->activations.base + (size_t)lane * r->plan.lane_bytes + offset);
}

static void fill_call(graph_run *r, const node *n, int lane, op_call *c) {
    bool alone = r->options.norm == NORM_LANE;
    c->node = n;
    c->state = &r->state;
    c->x = mem_new((size_t)n->n_inputs, sizeof *c->x);
    c->dx = mem_new((size_t)n->n_inputs, sizeof *c->dx);
    c->add_dx = r->plan.add_dx[n->index];
    c->y = tensor_at(r, lane, r->plan.value[n->index]);
    c->dy = tensor_at(r, lane, r->plan.grad[n->index]);
    c->saved = tensor_at(r, lane, r->plan.saved[n->index]);
    for (int i = 0; i < n->n_inputs; i++) {
        c->x[i] = tensor_at(r, lane, r->plan.value[n->inputs[i]->index]);
        c->dx[i] = tensor_at(r, lane, r->plan.grad[n->inputs[i]->index]);
    }
    c->sums = r->sums + lane * r->sums_size + r->sums_offset[n->index];
    c->grad_sums = r->grad_sums + lane * r->grad_sums_size + r->grad_sums_offset[n->index];
    c->total = alone ? c->sums : r->totals + r->sums_offset[n->index];
    c->grad_total = alone ? c->grad_sums : r->grad_totals + r->grad_sums_offset[n->index];
}

static void fill_calls(graph_run *r) {
    r->calls = mem_new((size_t)(r->graph->n_nodes * r->n_lanes), sizeof *r->calls);
    for (int i = 0; i < r->graph->n_nodes; i++)
        for (int lane = 0; lane < r->n_lanes; lane++)
            fill_call(r, r->graph->nodes[i], lane, &r->calls[i * r->n_lanes + lane]);
}

err graph_run_new(graph_run **out, graph *g, const graph_run_options *options) {
    graph_run *r = mem_new(1, sizeof *r);
    r->graph = g;
    r->options = *options;
    r->first_lane = options->first_lane;
    r->n_lanes = options->last_lane - options->first_lane;
    r->evaluation = program_forward(g, false);
    if (options->training) {
        r->training = program_forward(g, true);
        r->backward = program_backward(g);
    }
    const program *forward = options->training ? &r->training : &r->evaluation;
    r->plan = plan_make(g, forward, &r->backward, options->lane_capacity);
    lay_out_sums(r);
    list_trained_tiles(r);
    *out = r;

    err code = arena_init(&r->activations, (size_t)r->n_lanes * r->plan.lane_bytes, "activations");
    if (code == OK && options->training)
        code = allocate_gradients(r);
    if (code == OK)
        code = allocate_scratch(r);
    if (code == OK) {
        fill_calls(r);
        return OK;
    }
    graph_run_free(r);
    *out = NULL;
    return code;
}

static void free_calls(graph_run *r) {
    if (!r->calls)
        return;
    for (int i = 0; i < r->graph->n_nodes * r->n_lanes; i++) {
        mem_free(r->calls[i].x);
        mem_free(r->calls[i].dx);
    }
    mem_free(r->calls);
}

void graph_run_free(graph_run *r) {
    if (!r)
        return;
    free_calls(r);
    for (int i = 0; i < r->graph->n_nodes; i++)
        mem_free(r->trained_tiles[i]);
    plan_free(&r->plan, r->graph);
    program_free(&r->training);
    program_free(&r->evaluation);
    program_free(&r->backward);
    arena_reset(&r->activations);
    arena_reset(&r->gradients);
    arena_reset(&r->working);
    void *const owned[] = {r->trained_tiles, r->n_trained_tiles, r->scratch, r->sums, r->grad_sums, r->totals, r->grad_totals, r->pooled,
                           r->sums_offset, r->grad_sums_offset, r->lane_sums, r->terms, r};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        mem_free(owned[i]);
}

/* ---- what others may look at ---- */

const double *graph_sums(const graph_run *r, const node *n, int lane) {
    return r->calls[n->index * r->n_lanes + lane].sums;
}

const float *graph_output(const graph_run *r, const node *n, int lane) {
    return r->calls[n->index * r->n_lanes + lane].y;
}

int graph_n_blocks(const graph_run *r) {
    return r->n_blocks;
}

float *graph_grads(graph_run *r, int block) {
    return r->grads[block];
}

double graph_reduce_seconds(const graph_run *r) {
    return r->reduce_seconds;
}

size_t graph_activation_bytes(const graph_run *r) {
    return r->activations.bytes + r->working.bytes;
}
