/* What the files of graph share. */
#ifndef SHOAL_GRAPH_INTERNAL_H
#define SHOAL_GRAPH_INTERNAL_H

#include "graph/graph.h"

struct graph {
    node **nodes;
    int n_nodes;
    param **params;
    int n_params;
    int64_t trained_size, fixed_size; /* floats */
    arena values;                     /* trained, then fixed */
};

/* ---- program: what a forward or a backward does, in order ---- */

typedef enum step_kind {
    STEP_LANES,       /* `function` for every lane */
    STEP_REDUCE,      /* the node's sums over lanes and ranks */
    STEP_REDUCE_GRAD, /* the node's grad_sums */
    STEP_TILES,       /* the node's parameter gradients, tile by tile */
    STEP_ON_GRAD,     /* every gradient below `complete` is whole */
} step_kind;

typedef struct step {
    step_kind kind;
    const node *node;
    void (*function)(const op_call *c, void *scratch);
    int64_t complete;
} step;

typedef struct program {
    step *steps;
    int count;
} program;

program program_forward(const graph *g, bool training);
program program_backward(const graph *g);
void program_free(program *p);

/* Whether the node has a parameter that is trained. */
bool node_has_trained(const node *n);

/* ---- plan: where a lane's tensors lie ---- */

enum { NO_BUFFER = -1 };

/* Byte offsets in the lane's region, an entry a node; NO_BUFFER where there is nothing. Every lane has the same plan in a region of its
 * own, so lanes never wait for each other. */
typedef struct plan {
    int64_t *value, *grad, *saved;
    bool **add_dx; /* [node][input] */
    size_t lane_bytes;
} plan;

plan plan_make(const graph *g, const program *forward, const program *backward, int64_t lane_capacity);
void plan_free(plan *p, const graph *g);

#endif
