/* The insides of a graph_run, for the files that make it and that walk it. */
#ifndef SHOAL_GRAPH_RUN_H
#define SHOAL_GRAPH_RUN_H

#include "graph/internal.h"

struct graph_run {
    graph *graph;
    graph_run_options options;
    int first_lane, n_lanes; /* this rank's */
    op_state state;
    op_call *calls;          /* [node][lane] */
    program training, evaluation, backward;
    plan plan;
    arena activations, gradients, working;

    tree_block blocks[TREE_DEPTH]; /* of this rank's lanes, and the gradient arena of each */
    float *grads[TREE_DEPTH];
    int n_blocks;

    int **trained_tiles;     /* [node] -> its tiles of trained parameters */
    int *n_trained_tiles;
    int64_t largest_tile;    /* floats */

    char **scratch;          /* [thread]: op_scratch_bytes for ops, then the stack of tiles */
    size_t op_scratch_bytes;

    double *sums, *grad_sums;            /* [lane][all nodes' sums] */
    double *totals, *grad_totals;        /* [all nodes' sums] over the lanes that normalise together */
    double *pooled;                      /* [all nodes' sums] over all lanes of all ranks, where those are fewer */
    int *sums_offset, *grad_sums_offset; /* [node] */
    int sums_size, grad_sums_size;
    double **lane_sums, *terms;          /* [lane], for a reduction */
    double reduce_seconds;
};

#endif
