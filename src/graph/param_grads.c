/* Parameter gradients: parts side by side, each summed over the lanes along the tree. A node with few parts (a small convolution has
 * one) would keep few threads busy: there the subtrees of a block are summed side by side too, and joined afterwards in the tree's order.
 */
#include "graph/run.h"

enum {
    PARTIAL_FLOATS = 1 << 22,    /* nodes with larger parameters have parts enough */
    HANDED_OUT_FLOATS = 1 << 20, /* smaller gradients are still in cache when the optimiser comes */
    ITEMS_A_THREAD = 2,
    FLOATS_OF_A_CACHE_LINE = 16,
};

/* ---- once ---- */

/* A parameter's place in a buffer: a whole number of cache lines, as in the gradient arena. */
static int64_t place_floats(const param *p) {
    return (p->size + FLOATS_OF_A_CACHE_LINE - 1) / FLOATS_OF_A_CACHE_LINE * FLOATS_OF_A_CACHE_LINE;
}

static int64_t node_floats(const node *n) {
    int64_t floats = 0;
    for (int i = 0; i < n->n_params; i++)
        floats += param_is_trained(n->params[i]) ? place_floats(n->params[i]) : 0;
    return floats;
}

bool node_hands_out(const node *n, const graph_hooks *hooks) {
    return hooks->sink.take && n->kind->hands_out && n->needs_grad && !n->dx_in_place && param_is_trained(n->params[0]) &&
           node_floats(n) > HANDED_OUT_FLOATS;
}

const param *graph_handed_out(const graph_run *r, int64_t offset) {
    const param *next = NULL;
    for (int i = 0; i < r->graph->n_nodes; i++) {
        const node *n = r->graph->nodes[i];
        const param *p = node_hands_out(n, &r->options.hooks) ? n->params[0] : NULL;
        if (p && p->offset + p->size > offset && (!next || p->offset < next->offset))
            next = p;
    }
    return next;
}

static int count_pieces(const graph_run *r, int piece_lanes) {
    int pieces = 0;
    for (int b = 0; b < r->n_blocks; b++)
        pieces += (r->blocks[b].size + piece_lanes - 1) / piece_lanes;
    return pieces;
}

static int largest_power(int lanes) {
    int power = 1;
    while (power * 2 <= lanes)
        power *= 2;
    return power;
}

static grad_cut cut_node(const graph_run *r, const node *n) {
    grad_cut cut = {r->n_lanes, r->n_blocks};
    if (!n->kind->whole || r->n_threads == 1 || node_floats(n) > PARTIAL_FLOATS || node_hands_out(n, &r->options.hooks))
        return cut;
    while (cut.piece_lanes > 1 && cut.n_pieces * n->grad_parts < ITEMS_A_THREAD * r->n_threads) {
        int power = largest_power(cut.piece_lanes);
        cut.piece_lanes = power < cut.piece_lanes ? power : power / 2;
        cut.n_pieces = count_pieces(r, cut.piece_lanes);
    }
    return cut;
}

/* What merges after each lane, where pieces of the blocks are pushed lane by lane. */
static int *list_merges(const graph_run *r, int piece_lanes) {
    int *merges = mem_new((size_t)r->n_lanes, sizeof *merges);
    for (int b = 0; b < r->n_blocks; b++) {
        int end = r->blocks[b].first + r->blocks[b].size;
        for (int first = r->blocks[b].first; first < end; first += piece_lanes) {
            int last = end - first < piece_lanes ? end - 1 : first + piece_lanes - 1, depth = 0;
            for (int lane = first; lane <= last; lane++) {
                int count = lane == last ? depth : tree_merges(first, lane);
                depth += 1 - count;
                merges[lane - r->first_lane] = count;
            }
        }
    }
    return merges;
}

err run_new_param_grads(graph_run *r) {
    const graph_run_options *o = &r->options;
    r->n_blocks = tree_blocks(o->lanes, o->first_lane, o->last_lane, r->blocks);
    size_t floats = (size_t)r->graph->trained_size;
    err code = arena_init(&r->gradients, (size_t)r->n_blocks * floats * sizeof(float), "gradients");
    for (int b = 0; code == OK && b < r->n_blocks; b++)
        r->grads[b] = (float *)(void *)r->gradients.base + (size_t)b * floats;
    for (int level = 0; level < MAX_LEVELS && (1 << level) < r->n_lanes; level++)
        r->merges[level] = list_merges(r, 1 << level);
    r->merges[MAX_LEVELS] = list_merges(r, r->n_lanes);

    r->cuts = mem_new((size_t)r->graph->n_nodes, sizeof *r->cuts);
    int most = 0;
    for (int i = 0; i < r->graph->n_nodes; i++) {
        const node *n = r->graph->nodes[i];
        r->cuts[i] = cut_node(r, n);
        if (r->cuts[i].n_pieces == r->n_blocks)
            continue;
        most = r->cuts[i].n_pieces > most ? r->cuts[i].n_pieces : most;
        r->partial_floats = node_floats(n) > r->partial_floats ? node_floats(n) : r->partial_floats;
    }
    if (code == OK)
        code = arena_init(&r->partials, (size_t)(most * r->partial_floats) * sizeof(float), "partial gradients");
    return code;
}

void run_free_param_grads(graph_run *r) {
    for (int level = 0; level <= MAX_LEVELS; level++)
        mem_free(r->merges[level]);
    mem_free(r->cuts);
    arena_reset(&r->gradients);
    arena_reset(&r->partials);
}

/* ---- every step ---- */

/* A run of lanes that is summed by itself. */
typedef struct piece {
    tree_block lanes;
    int block;
    bool is_first; /* of its block: summed in the gradient arena itself */
    int index;     /* among the node's pieces */
} piece;

static piece nth_piece(const graph_run *r, const grad_cut *cut, int index) {
    int block = 0, left = index;
    for (;; block++) {
        int pieces = (r->blocks[block].size + cut->piece_lanes - 1) / cut->piece_lanes;
        if (left < pieces)
            break;
        left -= pieces;
    }
    tree_block all = r->blocks[block];
    int first = all.first + left * cut->piece_lanes, end = all.first + all.size;
    int size = end - first < cut->piece_lanes ? end - first : cut->piece_lanes;
    return (piece){{first, size}, block, left == 0, index};
}

/* Where the gradients of the node's parameters over a piece are summed; NULL for those that are not trained. */
static void piece_outputs(const graph_run *r, const node *n, piece p, float *out[NODE_MAX_PARAMS]) {
    float *partial = (float *)(void *)r->partials.base + p.index * r->partial_floats;
    for (int i = 0; i < n->n_params; i++) {
        out[i] = NULL;
        if (!param_is_trained(n->params[i]))
            continue;
        out[i] = p.is_first ? r->grads[p.block] + n->params[i]->offset : partial;
        partial += p.is_first ? 0 : place_floats(n->params[i]);
    }
}

static const int *merges_of(const graph_run *r, const grad_cut *cut) {
    if (cut->piece_lanes == r->n_lanes)
        return r->merges[MAX_LEVELS];
    int level = 0;
    while (1 << level < cut->piece_lanes)
        level++;
    return r->merges[level];
}

typedef struct node_job {
    const graph_run *run;
    const node *node;
    const grad_cut *cut;
} node_job;

static void run_part(void *context, int item, int thread) {
    const node_job *job = context;
    const graph_run *r = job->run;
    const node *n = job->node;
    piece p = nth_piece(r, job->cut, item / n->grad_parts);
    int lane = p.lanes.first - r->first_lane;
    lane_group lanes = {.tree = {p.lanes.size, tree_levels(p.lanes.size), r->bounds + lane, merges_of(r, job->cut) + lane},
                        .grad_sums = r->grad_sums + lane * r->grad_sums_size + r->grad_sums_offset[n->index],
                        .stride = r->grad_sums_size};
    math_sink sink = r->options.hooks.sink;
    sink.origin = n->params[0]->offset;
    if (node_hands_out(n, &r->options.hooks))
        lanes.sink = &sink;
    float *out[NODE_MAX_PARAMS];
    piece_outputs(r, n, p, out);
    n->kind->param_grad(run_whole_call(r, n), &lanes, item % n->grad_parts, out, r->scratch[thread]);
}

static void add_piece(const graph_run *r, const node *n, piece below, piece above) {
    float *sum[NODE_MAX_PARAMS], *term[NODE_MAX_PARAMS];
    piece_outputs(r, n, below, sum);
    piece_outputs(r, n, above, term);
    for (int i = 0; i < n->n_params; i++)
        if (sum[i])
            math->add(n->params[i]->size, sum[i], term[i], sum[i]);
}

/* The pieces of every block, joined along the tree. */
static void join_pieces(const graph_run *r, const node *n, const grad_cut *cut) {
    piece stack[TREE_DEPTH];
    int depth = 0;
    for (int i = 0; i < cut->n_pieces; i++) {
        piece p = nth_piece(r, cut, i);
        tree_block block = r->blocks[p.block];
        bool is_last = p.lanes.first + p.lanes.size == block.first + block.size;
        stack[depth++] = p;
        for (int merges = is_last ? depth - 1 : tree_block_merges(block.first, p.lanes); merges > 0; merges--, depth--)
            add_piece(r, n, stack[depth - 2], stack[depth - 1]);
        depth = is_last ? 0 : depth;
    }
}

void run_param_grads(graph_run *r, const node *n) {
    const grad_cut *cut = &r->cuts[n->index];
    threads_run(cut->n_pieces * n->grad_parts, run_part, &(node_job){r, n, cut});
    if (cut->n_pieces > r->n_blocks)
        join_pieces(r, n, cut);
}
