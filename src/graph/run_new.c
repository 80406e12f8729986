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
    r->sums = mem_new(mem_product((size_t)r->n_lanes, (size_t)r->sums_size), sizeof(double));
    r->grad_sums = mem_new(mem_product((size_t)r->n_lanes, (size_t)r->grad_sums_size), sizeof(double));
    r->totals = mem_new((size_t)r->sums_size, sizeof(double));
    r->pooled = mem_new((size_t)r->sums_size, sizeof(double));
    r->grad_totals = mem_new((size_t)r->grad_sums_size, sizeof(double));
    r->lane_sums = mem_new((size_t)r->n_lanes, sizeof *r->lane_sums);
    r->terms = mem_new((size_t)r->n_lanes, sizeof(double));
}

static err allocate_scratch(graph_run *r) {
    int levels = tree_levels(r->n_lanes);
    for (int i = 0; i < r->graph->n_nodes; i++) {
        const node *n = r->graph->nodes[i];
        size_t bytes = n->kind->scratch ? n->kind->scratch(n, levels) : 0;
        r->scratch_bytes = bytes > r->scratch_bytes ? bytes : r->scratch_bytes;
    }
    r->scratch_bytes = (r->scratch_bytes + 63) / 64 * 64;
    err code = arena_init(&r->working, (size_t)r->n_threads * r->scratch_bytes, "working buffers");
    r->scratch = mem_new((size_t)r->n_threads, sizeof *r->scratch);
    for (int t = 0; code == OK && t < r->n_threads; t++)
        r->scratch[t] = r->working.base + (size_t)t * r->scratch_bytes;
    return code;
}

/* One buffer serves all: what a STEP_PREPARE makes is used up by the next step. */
static err allocate_prepared(graph_run *r) {
    size_t most = 0;
    for (int i = 0; i < r->graph->n_nodes; i++) {
        const node *n = r->graph->nodes[i];
        for (int backward = 0; n->kind->prepared && backward <= r->options.training; backward++) {
            size_t bytes = n->kind->prepared(n, backward);
            most = bytes > most ? bytes : most;
        }
    }
    return arena_init(&r->prepared, most, "prepared weights");
}

/* What no machine holds is refused before products of sizes are made, which could turn out small beyond the range of their type. */
static err check_size(const graph *g, const graph_run_options *options) {
    const double most = 1e15;
    double floats = 0, samples = (double)(options->last_lane - options->first_lane) * (double)options->lane_capacity;
    for (int i = 0; i < g->n_nodes; i++)
        floats += (double)shape_size(g->nodes[i]->out);
    if (floats * samples * sizeof(float) < most)
        return OK;
    return fail(ERR_BROKEN, "out of memory: activations of %.0f samples need more than %.0f TB; use a smaller batch", samples, most / 1e12);
}

err graph_run_new(graph_run **out, graph *g, const graph_run_options *options) {
    *out = NULL;
    err code = check_size(g, options);
    if (code != OK)
        return code;
    graph_run *r = mem_new(1, sizeof *r);
    r->graph = g;
    r->options = *options;
    r->first_lane = options->first_lane;
    r->n_lanes = options->last_lane - options->first_lane;
    r->n_threads = threads_count();
    r->evaluation = program_forward(g, false);
    if (options->training) {
        r->training = program_forward(g, true);
        r->backward = program_backward(g, options->recompute, &r->options.hooks);
    }
    const program *forward = options->training ? &r->training : &r->evaluation;
    r->plan = plan_make(g, forward, &r->backward, r->n_lanes * options->lane_capacity);
    lay_out_sums(r);
    run_new_views(r);

    code = arena_init(&r->activations, r->plan.bytes, "activations");
    if (code == OK && options->training)
        code = run_new_param_grads(r);
    if (code == OK)
        code = allocate_scratch(r);
    if (code == OK)
        code = allocate_prepared(r);
    if (code != OK) {
        graph_run_free(r);
        r = NULL;
    }
    *out = r;
    return code;
}

void graph_run_free(graph_run *r) {
    if (!r)
        return;
    run_free_views(r);
    run_free_param_grads(r);
    plan_free(&r->plan, r->graph);
    program_free(&r->training);
    program_free(&r->evaluation);
    program_free(&r->backward);
    arena_reset(&r->activations);
    arena_reset(&r->working);
    arena_reset(&r->prepared);
    void *const owned[] = {r->scratch,          r->sums,      r->grad_sums, r->totals, r->grad_totals, r->pooled, r->sums_offset,
                           r->grad_sums_offset, r->lane_sums, r->terms,     r};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        mem_free(owned[i]);
}

/* ---- what others may look at ---- */

const double *graph_sums(const graph_run *r, const node *n, int lane) {
    return run_call(r, n, lane)->sums;
}

const float *graph_output(const graph_run *r, const node *n, int lane) {
    return run_call(r, n, lane)->y;
}

int graph_n_blocks(const graph_run *r) {
    return r->n_blocks;
}

float *graph_grads(graph_run *r, int block) {
    return r->grads[block];
}

void graph_profile(graph_run *r, double (*seconds)[N_PASSES]) {
    r->profile = seconds;
}

double graph_reduce_seconds(const graph_run *r) {
    return r->reduce_seconds;
}

size_t graph_activation_bytes(const graph_run *r) {
    return r->activations.bytes + r->working.bytes + r->prepared.bytes;
}
