/* Execution by lanes: programs are walked step by step; what lanes do alone is shared out among the threads. */
#include <string.h>

#include "graph/run.h"

static op_call *call_of(const graph_run *r, const node *n, int lane) {
    return &r->calls[n->index * r->n_lanes + lane];
}

/* ---- steps that lanes do alone ---- */

typedef struct lane_steps {
    const graph_run *run;
    const step *steps;
    int count;
} lane_steps;

static void run_lane(void *context, int lane, int thread) {
    const lane_steps *l = context;
    for (int i = 0; i < l->count; i++)
        l->steps[i].function(call_of(l->run, l->steps[i].node, lane), l->run->scratch[thread]);
}

/* ---- parameter gradients: tile by tile, each summed over the lanes while it is in cache ---- */

typedef struct tile_step {
    const graph_run *run;
    const node *node;
} tile_step;

static void add(float *restrict sum, const float *restrict term, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        sum[i] += term[i];
}

/* Sums one tile over the lanes of one block: a stack whose bottom is the gradient arena itself. */
static void sum_tile(const tile_step *t, int tile, int block, void *scratch, float *stack) {
    const graph_run *r = t->run;
    const grad_tile *g = &t->node->tiles[tile];
    tree_block lanes = r->blocks[block];
    float *bottom = r->grads[block] + t->node->params[g->param]->offset + g->offset;
    int depth = 0;
    for (int lane = lanes.first; lane < lanes.first + lanes.size; lane++) {
        bool is_last = lane == lanes.first + lanes.size - 1;
        float *top = depth == 0 ? bottom : stack + (depth - 1) * r->largest_tile;
        t->node->kind->param_grad(call_of(r, t->node, lane - r->first_lane), tile, top, scratch);
        depth++;
        for (int merges = is_last ? depth - 1 : tree_merges(lanes.first, lane); merges > 0; merges--) {
            depth--;
            float *below = depth == 1 ? bottom : stack + (depth - 2) * r->largest_tile;
            add(below, stack + (depth - 1) * r->largest_tile, g->count);
        }
    }
}

static void run_tile(void *context, int item, int thread) {
    const tile_step *t = context;
    int tile = t->run->trained_tiles[t->node->index][item];
    float *stack = (float *)(void *)(t->run->scratch[thread] + t->run->op_scratch_bytes);
    for (int block = 0; block < t->run->n_blocks; block++)
        sum_tile(t, tile, block, t->run->scratch[thread], stack);
}

/* ---- sums over lanes and ranks ---- */

/* In place, the tree over terms[0…count); the sum is in terms[0]. */
static double tree_sum(double *terms, int count) {
    for (int width = 1; width < count; width *= 2)
        for (int i = 0; i + width < count; i += 2 * width)
            terms[i] += terms[i + width];
    return terms[0];
}

static void sum_here(graph_run *r, double *const *lane_sums, int count, double *total) {
    for (int i = 0; i < count; i++) {
        for (int lane = 0; lane < r->n_lanes; lane++)
            r->terms[lane] = lane_sums[lane][i];
        total[i] = tree_sum(r->terms, r->n_lanes);
    }
}

static void sum_everywhere(graph_run *r, double *const *lane_sums, int count, double *total) {
    if (!r->options.hooks.reduce) {
        sum_here(r, lane_sums, count, total);
        return;
    }
    double start = time_now();
    r->options.hooks.reduce(r->options.hooks.context, lane_sums, count, total);
    r->reduce_seconds += time_now() - start;
}

static void reduce(graph_run *r, double *(*sums_of)(const op_call *), int count, double *total, const node *n) {
    if (r->options.norm == NORM_LANE)
        return; /* every lane's total is its own sums */
    for (int lane = 0; lane < r->n_lanes; lane++)
        r->lane_sums[lane] = sums_of(call_of(r, n, lane));
    if (r->options.norm == NORM_GLOBAL)
        sum_everywhere(r, r->lane_sums, count, total);
    else
        sum_here(r, r->lane_sums, count, total);
}

static double *sums_of(const op_call *c) {
    return c->sums;
}

static double *grad_sums_of(const op_call *c) {
    return c->grad_sums;
}

/* ---- programs ---- */

static int count_lane_steps(const program *p, int from) {
    int end = from;
    while (end < p->count && p->steps[end].kind == STEP_LANES)
        end++;
    return end - from;
}

static void run_meeting(graph_run *r, const step *s) {
    const node *n = s->node;
    switch (s->kind) {
    case STEP_REDUCE:
        reduce(r, sums_of, n->n_sums, r->totals + r->sums_offset[n->index], n);
        break;
    case STEP_REDUCE_GRAD:
        reduce(r, grad_sums_of, n->n_grad_sums, r->grad_totals + r->grad_sums_offset[n->index], n);
        break;
    case STEP_TILES:
        threads_run(r->n_trained_tiles[n->index], run_tile, &(tile_step){r, n});
        break;
    case STEP_ON_GRAD:
        if (r->options.hooks.on_grad)
            r->options.hooks.on_grad(r->options.hooks.context, s->complete);
        break;
    case STEP_LANES:
        break;
    }
}

static void run_program(graph_run *r, const program *p) {
    for (int i = 0; i < p->count;) {
        int alone = count_lane_steps(p, i);
        if (alone > 0)
            threads_run(r->n_lanes, run_lane, &(lane_steps){r, p->steps + i, alone});
        else
            run_meeting(r, &p->steps[i]);
        i += alone > 0 ? alone : 1;
    }
}

static void take_batch(graph_run *r, const graph_batch *b) {
    for (int lane = 0; lane < r->n_lanes; lane++) {
        int64_t global = r->first_lane + lane, lanes = r->options.lanes;
        int64_t first = global * b->size / lanes, end = (global + 1) * b->size / lanes;
        for (int i = 0; i < r->graph->n_nodes; i++) {
            op_call *c = call_of(r, r->graph->nodes[i], lane);
            c->n = end - first;
            c->first = first;
            c->images = b->images[lane];
            c->labels = b->labels[lane];
        }
    }
}

void graph_forward(graph_run *r, const graph_batch *batch, bool training) {
    r->state = (op_state){.training = training, .seed = r->options.seed, .step = batch->step, .batch = batch->size};
    take_batch(r, batch);
    memset(r->sums, 0, sizeof *r->sums * (size_t)(r->n_lanes * r->sums_size));
    run_program(r, training ? &r->training : &r->evaluation);
}

void graph_backward(graph_run *r) {
    memset(r->grad_sums, 0, sizeof *r->grad_sums * (size_t)(r->n_lanes * r->grad_sums_size));
    run_program(r, &r->backward);
}

void graph_commit(graph_run *r) {
    if (r->options.norm != NORM_GLOBAL) { /* lanes normalised apart; the running statistics are still those of the whole batch */
        for (int lane = 0; lane < r->n_lanes; lane++)
            r->lane_sums[lane] = r->sums + lane * r->sums_size;
        sum_everywhere(r, r->lane_sums, r->sums_size, r->pooled);
    }
    const double *pooled = r->options.norm == NORM_GLOBAL ? r->totals : r->pooled;
    for (int i = 0; i < r->graph->n_nodes; i++) {
        const node *n = r->graph->nodes[i];
        if (n->kind->commit)
            n->kind->commit(n, pooled + r->sums_offset[i]);
    }
}
