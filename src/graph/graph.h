/* graph: a network as a list of nodes, the plan of its memory, and its execution by lanes.
 *
 *   graph_new → graph_add… (by nn/) → graph_seal → plan/run: graph_run_new → per step: load, forward, backward
 *
 * A node calls the functions of its op_kind for a lane, or for a range of samples; the executor alone knows threads, order and memory. */
#ifndef SHOAL_GRAPH_H
#define SHOAL_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "math/math.h"
#include "tensor/tensor.h"

typedef struct graph graph;
typedef struct node node;
typedef struct param param;
typedef struct op_kind op_kind;
typedef struct graph_run graph_run;

/* ---- parameters and buffers ---- */

typedef enum param_role {
    PARAM_WEIGHT,      /* conv, linear */
    PARAM_BIAS,        /* conv, linear */
    PARAM_NORM_WEIGHT, /* batch norm's gamma */
    PARAM_NORM_BIAS,   /* batch norm's beta */
    PARAM_BUFFER,      /* state that no gradient reaches: running_mean, running_var */
    PARAM_COUNTER,     /* one int64: num_batches_tracked */
} param_role;

/* How values lie in memory. Files always hold PyTorch's order. */
typedef enum param_layout {
    LAYOUT_PLAIN, /* as dims */
    LAYOUT_CONV,  /* dims [oc, ic/groups, kh, kw], in memory [kh, kw, ic/groups, oc] */
} param_layout;

typedef enum param_init {
    INIT_CONSTANT, /* init_value everywhere */
    INIT_NORMAL,   /* mean 0, standard deviation init_value */
    INIT_UNIFORM,  /* in [-init_value, init_value) */
} param_init;

struct param {
    char *name; /* `layer1.0.conv1.weight` */
    dims dims;
    param_layout layout;
    param_role role;
    param_init init;
    double init_value;
    bool frozen;     /* no gradient, no update */
    int64_t size;    /* elements */
    int64_t offset;  /* of a trained parameter in the arenas of values, gradients and optimiser slots, in floats */
    float *value;    /* NULL for a counter, and before graph_seal() */
    int64_t counter; /* PARAM_COUNTER's value */
};

/* Whether a gradient is made for it. */
bool param_is_trained(const param *p);

/* Between PyTorch's order (files) and memory's order, p->size floats each. `memory` is p->value, or p's part of an optimiser slot. */
void param_to_plain(const param *p, const float *memory, float *plain);
void param_from_plain(const param *p, const float *plain, float *memory);

/* ---- nodes ---- */

enum { NODE_MAX_PARAMS = 5, NODE_MAX_FIELDS = 4 };

struct node {
    const op_kind *kind;
    char *name;  /* scope and layer: `layer1.0.conv1` */
    void *attrs; /* the kind's own struct; freed with the node */
    int n_inputs;
    node **inputs; /* a node has one output: node and value are one */
    int index;     /* place in execution order */
    int n_params;
    param *params[NODE_MAX_PARAMS];
    int n_fields;
    int fields[NODE_MAX_FIELDS]; /* that it reads: places in graph_fields() */

    /* set by infer */
    shape out;
    size_t saved_bytes; /* a sample, from forward to backward: masks, indices */
    int n_sums;         /* doubles that are added up over the samples of a lane: by stats, or by forward */
    int n_stats;        /* the first of them, which stats makes; 0: it is not called */
    int n_grad_sums;    /* doubles that grad_stats adds up */
    int dx_in_place;    /* bit i: dx[i] may share storage with dy where add_dx[i] is false; one input does, the first that can */
    int forward_parts, backward_parts; /* of a kind that takes the whole batch: see op_kind.whole; 0: shared out by samples */
    int grad_parts;                    /* pieces of the parameter gradients that are computed by themselves */

    double weight;   /* of a root: its share of the total loss; 1 where nobody says otherwise */
    bool keep;       /* the output stays readable until the next forward; set by whoever reads it with graph_output */
    bool needs_grad; /* some trained parameter lies at or before it; set by graph_seal */
};

/* What one call of an op sees: one node, and the samples of one lane (or, where the kind says `whole`, any number of lanes). Only the
 * fields of `state` change from step to step, and all others only with the size of the batch. */
typedef struct op_state {
    bool training;
    uint64_t seed, step;
    int64_t batch; /* samples of the global batch: gradients of the mean loss are divided by it */
} op_state;

typedef struct op_call {
    const node *node;
    const op_state *state;
    int64_t n;             /* samples; may be 0 */
    int64_t first;         /* place of the first sample in the global batch */
    int part;              /* of node->forward_parts or backward_parts */
    const void *prepared;  /* what the kind's prepare made */
    const void *const *fields; /* [graph's field] the lane's samples: see op_field() */
    const uint8_t *present;    /* a byte a sample, 0 where there is none; NULL: all are there */

    const float **x; /* inputs[i]: [n, h, w, c] */
    float *y;        /* output; may share storage with x[0] where the kind says in_place */
    float *dy;       /* gradient of the output; may be overwritten by the last of the node's backward functions that reads it */
    float **dx;      /* gradients of the inputs; NULL where nobody needs it. May share storage with dy as the node says */
    bool *add_dx;    /* dx[i] already holds another consumer's share: add to it */
    void *saved;     /* n * node->saved_bytes */

    double *sums;        /* n_sums: this lane's own, zeroed before */
    const double *total; /* n_stats: over the lanes that belong together: see op_kind.root */
    double *grad_sums;   /* n_grad_sums: this lane's own, written by grad_stats (zeroed before) */
    const double *grad_total;
} op_call;

/* The i-th of the fields that the node reads. */
static inline const void *op_field(const op_call *c, int i) {
    return c->fields[c->node->fields[i]];
}

/* Whether there is a sample i; where there is none, its fields mean nothing. */
static inline bool op_is_present(const op_call *c, int64_t i) {
    return !c->present || c->present[i];
}

/* What backward reads: bits of op_kind.needs. */
enum {
    NEEDS_Y = 1, /* value of the output */
    NEEDS_X = 2, /* value of the first input; NEEDS_X << i: of input i */
};

/* Lanes whose shares of a parameter gradient are added up along the tree. */
typedef struct lane_group {
    math_lanes tree;         /* bounds count samples of the call */
    const double *grad_sums; /* of the first lane; the next lane's are `stride` further */
    int64_t stride;
    const math_sink *sink; /* takes params[0]'s gradient instead of out[0]; or NULL */
} lane_group;

/* A kind of operation: one file of ops/, one entry of its table. Functions that are NULL are not called. Everything that can fail
 * fails in infer; the others are called in parallel for different lanes (or parts), must touch nothing but what op_call gives, and
 * must compute a sample the same way whatever n is. `scratch` is aligned to 64, its content undefined. */
struct op_kind {
    const char *name;
    /* Checks the inputs' shapes and attrs; sets node->out and the sizes; adds parameters with graph_add_param(). */
    err (*infer)(graph *g, node *n);
    /* Bytes of scratch that a thread needs in any of the functions below; `levels` as in math_lanes. */
    size_t (*scratch)(const node *n, int levels);
    /* Once a step, before forward and again before backward: brings the parameters into the form that the kernels want, in parts that
     * may run side by side. `prepared` bytes of memory; with 0 bytes it is not called. */
    size_t (*prepared)(const node *n, bool backward);
    int (*prepare_parts)(const node *n, bool backward);
    void (*prepare)(const node *n, bool backward, int part, void *prepared);
    /* Training only, before forward, lane by lane: the first n_stats sums over samples (a batch norm's statistics; what a root divides by).
     */
    void (*stats)(const op_call *c, void *scratch);
    void (*forward)(const op_call *c, void *scratch);
    /* Once a node and step after forward, on one thread: running statistics, from the totals over all lanes of the global batch. */
    void (*commit)(const node *n, const double *global_total);
    /* Before backward, lane by lane: sums over samples. */
    void (*grad_stats)(const op_call *c, void *scratch);
    /* dx from dy. */
    void (*backward)(const op_call *c, void *scratch);
    /* Part `part` of the parameters' gradients, summed over the lanes' samples along the tree; out[i] is params[i]'s gradient (NULL: not
     * wanted), where the part's elements are overwritten. `c` holds all of this rank's samples. dy is whole: this runs before backward, or
     * else (with a sink, or while ranks meet) behind one that leaves dy alone, where node.dx_in_place is 0. */
    void (*param_grad)(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch);
    /* Floating-point operations of one sample's forward (a multiply-add is 2). */
    double (*flops)(const node *n);
    /* Which algorithm its kernels use in a direction, where there is a choice. */
    const char *(*algorithm)(const node *n, math_direction d);
    unsigned needs;
    /* Backward begins here: the output is a sample's loss, and dx is that of node.weight times its mean, over the samples of the global
     * batch or, with stats, over what these count. They are added up over all lanes; those of other kinds over lanes that normalise
     * together. */
    bool root;
    bool in_place; /* y may be x[0]: elementwise, and backward does not need x */
    /* Forward and backward take the samples of several lanes at once, which saves reading parameters again and again: threads share out
     * the samples, or the node's parts, of which each sees all samples. */
    bool whole;
    bool hands_out; /* param_grad can give params[0]'s gradient to a sink, which asks for dx_in_place 0 */
};

/* ---- building (nn/ does this; collective only in that every rank must build the same) ---- */

graph *graph_new(void);
void graph_free(graph *g);

/* Appends a node; runs kind->infer. `attrs` (mem_new) belongs to the graph from here on, also where it fails. The name and the inputs
 * are copied. NULL where infer fails: the error names the node. */
node *graph_add(graph *g, const op_kind *kind, const char *name, void *attrs, int n_inputs, node *const *inputs);

/* From infer: adds `NODE.NAME` to the graph and to n->params; what the caller leaves 0 of `spec` but name is decided here. Returns it. */
param *graph_add_param(graph *g, node *n, const char *name, param spec);

/* From infer: the node reads a field of every sample; those of one name must be alike. The name is copied. ERR_USAGE. */
err graph_add_field(graph *g, node *n, field spec);

/* For passes that fuse nodes: `by` moves to the place of `old` in the list, whoever used `old` uses `by`, and `old` is freed. `by` must
 * stand before `old`, and nothing between the two may use `by` but `old`. */
void graph_replace(graph *g, node *old, node *by);

/* Appends an input to a node. The input must stand before the node. */
void graph_add_input(graph *g, node *n, node *input);

/* How many nodes use the node's output. */
int graph_n_uses(const graph *g, const node *n);

/* Ends building: decides offsets (in the order in which backward completes gradients), who needs gradients, allocates values. Frozen
 * flags must be set before. */
err graph_seal(graph *g);

int graph_n_nodes(const graph *g);
node *graph_node(const graph *g, int index);
int graph_n_params(const graph *g); /* in order of creation, buffers and counters among them: PyTorch's state_dict order */
param *graph_param(const graph *g, int index);
param *graph_find_param(const graph *g, const char *name);
int graph_n_fields(const graph *g); /* what nodes read of a batch, each once */
const field *graph_fields(const graph *g);

/* Floats of the arena of trained parameters; padding between parameters is zero and stays zero. */
int64_t graph_trained_size(const graph *g);
float *graph_values(graph *g); /* that arena */

/* All other values: buffers and frozen parameters, one after the other. */
int64_t graph_fixed_size(const graph *g);
float *graph_fixed(graph *g);

/* ---- running ---- */

typedef enum norm_scope {
    NORM_GLOBAL, /* batch statistics over the whole global batch */
    NORM_RANK,   /* over the lanes of this rank: depends on the number of ranks */
    NORM_LANE,   /* over each lane */
} norm_scope;

/* How the run meets the other ranks. dist/ supplies them; NULL functions mean that there are no other ranks. */
typedef struct graph_hooks {
    void *context;
    /* Adds up lane_sums[lane][0…count) over all lanes of all ranks in the tree's order into total. Collective. */
    void (*reduce)(void *context, double *const *lane_sums, int count, double *total);
    /* Announces the reduce() of the same sums that is called next, so that the others need not wait for this rank until then. */
    void (*offer)(void *context, double *const *lane_sums, int count);
    /* Every gradient with offset < complete is whole in the gradient arena. Called in order, from the thread that runs backward. */
    void (*on_grad)(void *context, int64_t complete);
    /* Takes gradients of large parameters (graph_handed_out) instead of the gradient arena, whose places it counts; only where there are
     * no other ranks. Nothing reads the values of what it is given any more in this step. `take` is NULL: none. */
    math_sink sink;
} graph_hooks;

typedef struct graph_run_options {
    int lanes;                 /* of the job */
    int first_lane, last_lane; /* this rank's: [first, last) */
    int64_t lane_capacity;     /* most samples of a lane in a batch */
    bool training;             /* false: no gradients are planned */
    bool recompute;            /* outputs that are cheap to make are made again in backward rather than kept: less memory, more time */
    norm_scope norm;
    uint64_t seed;
    graph_hooks hooks;
} graph_run_options;

/* Plans and allocates everything a step needs, for threads_count() threads: no more may be set later. The graph must be sealed and
 * outlive the run. */
err graph_run_new(graph_run **out, graph *g, const graph_run_options *options);
void graph_run_free(graph_run *r);

/* Forward for a batch, whose fields are those of graph_fields(). `training`: batch statistics, dropout, commits of running statistics
 * follow in graph_commit(). */
void graph_forward(graph_run *r, const batch *b, bool training);

/* Gradients of the last forward into the gradient arena: for every block of this rank's lanes (tree_blocks) one arena, added up in
 * the tree's order. Calls hooks.on_grad. */
void graph_backward(graph_run *r);

/* Takes the last training forward's statistics over into running_mean and running_var. Before it, a bad batch can still be dropped. */
void graph_commit(graph_run *r);

/* The lane's own sums of a node after forward (a loss: its parts), and its output [n, h, w, c]. `lane` is local. */
const double *graph_sums(const graph_run *r, const node *n, int lane);
const float *graph_output(const graph_run *r, const node *n, int lane);

/* From here on, adds the seconds that every pass of a node takes to seconds[node]; NULL: no longer. */
typedef enum graph_pass {
    PASS_FORWARD,
    PASS_BACKWARD,
    PASS_PARAM_GRAD,
    N_PASSES,
} graph_pass;

void graph_profile(graph_run *r, double (*seconds)[N_PASSES]);

/* A value that is not finite, the first that a step makes. Plain data, so that ranks can tell each other. */
typedef struct graph_suspect {
    int64_t turn;     /* in the order of computation, which ranks share; INT64_MAX: none was met */
    int64_t node;     /* its index */
    int64_t lane;     /* of the job */
    int64_t gradient; /* 1: of one of the node's inputs; 0: the node's output */
    double value;     /* inf or nan */
} graph_suspect;

/* From here on the first such value of forward and backward on this rank is noted, at the price of reading all that they make; NULL: no
 * longer. Gradients of parameters, which are sums over lanes, are not looked at. */
void graph_watch(graph_run *r, graph_suspect *first);

/* Gradient arena of block `block`: graph_trained_size() floats. */
int graph_n_blocks(const graph_run *r);
float *graph_grads(graph_run *r, int block);

/* The first parameter that ends behind `offset` and whose gradient goes to hooks.sink; NULL where there is none. */
const param *graph_handed_out(const graph_run *r, int64_t offset);

/* Seconds that this thread spent inside hooks.reduce since the run was made. */
double graph_reduce_seconds(const graph_run *r);

/* Bytes the plan holds: activations and their gradients over all lanes of this rank; scratch of all threads. */
size_t graph_activation_bytes(const graph_run *r);

#endif
