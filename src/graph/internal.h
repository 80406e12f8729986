/* What the files of graph share. */
#ifndef SHOAL_GRAPH_INTERNAL_H
#define SHOAL_GRAPH_INTERNAL_H

#include "graph/graph.h"

struct graph {
    node **nodes;
    int n_nodes;
    param **params;
    int n_params;
    field *fields;
    int n_fields;
    int64_t trained_size, fixed_size; /* floats */
    arena values;                     /* trained, then fixed */
};

/* ---- program: what a forward or a backward does, in order ---- */

typedef enum step_kind {
    STEP_LANES,       /* `function` for every lane */
    STEP_PREPARE,     /* the node's parameters for the next step */
    STEP_WHOLE,       /* `function` for all samples, or all parts */
    STEP_REDUCE,      /* the node's sums over lanes and ranks */
    STEP_OFFER_GRAD,  /* the node's grad_sums are given to the other ranks */
    STEP_REDUCE_GRAD, /* and added up */
    STEP_PARAM_GRAD,  /* the node's parameter gradients, part by part */
    STEP_ON_GRAD,     /* every gradient below `complete` is whole */
} step_kind;

typedef struct step {
    step_kind kind;
    const node *node;
    void (*function)(const op_call *c, void *scratch);
    bool is_forward; /* STEP_LANES, STEP_WHOLE: `function` is the kind's forward */
    bool last_first; /* STEP_LANES: the last lane begins */
    bool backward;   /* of STEP_PREPARE and STEP_WHOLE */
    bool prepared;   /* STEP_WHOLE uses what the STEP_PREPARE before it made */
    int64_t complete;
} step;

typedef struct program {
    step *steps;
    int count;
} program;

program program_forward(const graph *g, bool training);
/* With `recompute`, nodes whose outputs cost little (see program.c) are run forward again before backward reads their outputs. Gradients
 * that node_hands_out() come when the node has read its parameters for the last time. */
program program_backward(const graph *g, bool recompute, const graph_hooks *hooks);
void program_free(program *p);

/* Whether the node's backward reads the value of an input. */
bool node_needs_input(const node *n, int input);

/* Whether the node has a parameter that is trained. */
bool node_has_trained(const node *n);

/* Whether the gradient of params[0] goes to hooks->sink: the kind can do it, the parameter is large, and the node takes part in backward
 * and leaves dy whole. */
bool node_hands_out(const node *n, const graph_hooks *hooks);

/* ---- plan: where tensors lie ---- */

enum { NO_BUFFER = -1 };

/* Byte offsets, an entry a node; NO_BUFFER where there is nothing. A tensor holds the samples of all of this rank's lanes one after the
 * other. */
typedef struct plan {
    int64_t *value, *grad, *saved;
    bool **add_dx; /* [node][input] */
    size_t bytes;
} plan;

/* Nodes that run forward in `backward` too live twice, at one place. */
plan plan_make(const graph *g, const program *forward, const program *backward, int64_t capacity);
void plan_free(plan *p, const graph *g);

#endif
