/* The insides of a graph_run, for the files that make it and that walk it. */
#ifndef SHOAL_GRAPH_RUN_H
#define SHOAL_GRAPH_RUN_H

#include "graph/internal.h"

enum { MAX_LEVELS = 32 };

/* How a node's parameter gradients are cut up for the threads: where it has too few parts, runs of lanes (subtrees) are summed apart,
 * into buffers of their own, and then joined. */
typedef struct grad_cut {
    int piece_lanes; /* lanes of a subtree, or all of a block's */
    int n_pieces;    /* over all blocks */
} grad_cut;

struct graph_run {
    graph *graph;
    graph_run_options options;
    int first_lane, n_lanes; /* this rank's */
    int n_threads;
    op_state state;
    program training, evaluation, backward;
    plan plan;
    arena activations, gradients, working, prepared, partials;

    /* What calls see of the batch: a view a lane, then a view a thread (its share of the samples), then the whole. */
    op_call *calls; /* [node][view] */
    int n_views;
    const void **fields; /* [lane][graph's field] of the batch */
    int64_t *bounds;  /* [lane] its first sample, of this rank's; one more: their number */
    int64_t laid_out; /* the global batch that calls and bounds are for */

    tree_block blocks[TREE_DEPTH]; /* of this rank's lanes, and the gradient arena of each */
    float *grads[TREE_DEPTH];
    int n_blocks;
    int *merges[MAX_LEVELS + 1]; /* [level][lane], as in math_lanes, for pieces of 1 << level lanes; the last: for whole blocks */
    grad_cut *cuts;              /* [node] */
    int64_t partial_floats;      /* of one piece's buffer */

    char **scratch; /* [thread] */
    size_t scratch_bytes;

    double *sums, *grad_sums;            /* [lane][all nodes' sums] */
    double *totals, *grad_totals;        /* [all nodes' sums] over the lanes of run_scope() */
    double *pooled;                      /* [all nodes' sums] over all lanes of all ranks, where those are fewer */
    int *sums_offset, *grad_sums_offset; /* [node] */
    int sums_size, grad_sums_size;
    double **lane_sums, *terms; /* [lane], for a reduction */
    double reduce_seconds;
    double (*profile)[N_PASSES]; /* [node], or NULL */
    graph_suspect *suspect;      /* or NULL */
};

static inline op_call *run_call(const graph_run *r, const node *n, int view) {
    return &r->calls[n->index * r->n_views + view];
}

static inline op_call *run_whole_call(const graph_run *r, const node *n) {
    return run_call(r, n, r->n_views - 1);
}

/* Over which lanes the node's statistics are added up. */
static inline norm_scope run_scope(const graph_run *r, const node *n) {
    return n->kind->root ? NORM_GLOBAL : r->options.norm;
}

/* ---- views.c ---- */

void run_new_views(graph_run *r);
void run_free_views(graph_run *r);

/* Points the calls at a batch of `size` samples over all lanes of all ranks. */
void run_lay_out(graph_run *r, int64_t size);

/* ---- watch.c ---- */

/* Looks at what the step has just made; `turn` counts steps of forward, and on from there those of backward. */
void run_watch(graph_run *r, const step *s, int64_t turn);

/* ---- param_grads.c ---- */

err run_new_param_grads(graph_run *r);
void run_free_param_grads(graph_run *r);

/* The node's parameter gradients into the gradient arenas. */
void run_param_grads(graph_run *r, const node *n);

#endif
