/* dist: what ranks do together in a step: sums over all lanes in the tree's order, gradients overlapped with backward. */
#ifndef SHOAL_DIST_H
#define SHOAL_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "comm/comm.h"

/* ---- lanes ---- */

typedef struct lane_range {
    int first, last; /* [first, last) */
} lane_range;

/* The lanes of a rank: shares are as equal as can be, and in rank order. ERR_USAGE where there are more ranks than lanes. */
err dist_lanes(int lanes, int rank, int size, lane_range *out);

/* The first of them, of 1 to `lanes` ranks; `lanes` where rank is `size`. */
int dist_first_lane(int lanes, int rank, int size);

/* ---- the sums ---- */

typedef struct dist dist;

/* How gradients travel between nodes, or between ranks where there is but one node. 16 bits halve the bytes and round: every rank still
 * gets the same sum, but another number of ranks, or of nodes, gives another one. */
typedef enum dist_format {
    DIST_FLOAT32, /* exact: the same bits for any number of ranks */
    DIST_BF16,    /* every value that travels errs by at most 2^-8 of itself */
    DIST_FP16,    /* by 2^-11; scaled by powers of two, so that nothing overflows */
} dist_format;

/* The words of comm.gradients. */
extern const char *const dist_format_names[]; /* [dist_format], then NULL */
extern const int n_dist_format_names;
dist_format dist_find_format(const char *name);

typedef struct dist_options {
    comm *world;          /* copied */
    int lanes;
    float *const *grads;  /* this rank's gradient arenas, one a block of its lanes; the sum appears in grads[0] of every rank */
    int64_t grad_size;    /* floats of one arena */
    size_t bucket_bytes;  /* most of a bucket; 0: the default */
    dist_format format;
} dist_options;

/* Allocates all buffers and, where there is more than one rank, starts the communication thread. Collective. Where a node's lanes are
 * whole subtrees, sums go within the node first, then one rank a node and slice goes on the network: same bits in float32. */
err dist_new(dist **out, const dist_options *options);
void dist_free(dist *d); /* collective; NULL is allowed */

/* graph_hooks.reduce: adds lane_sums[local lane][0…count) over all lanes of all ranks into total, in the tree's order; the same bits on
 * every rank. Collective; `context` is the dist. */
void dist_reduce(void *context, double *const *lane_sums, int count, double *total);

/* graph_hooks.offer: gives the other ranks of the node this one's share of the dist_reduce() that follows with the same sums. Does not
 * wait. */
void dist_offer(void *context, double *const *lane_sums, int count);

/* graph_hooks.on_grad: gradients below `complete` are whole: buckets that end there are handed to the communication thread. */
void dist_on_grad(void *context, int64_t complete);

/* Buckets of a step, in order of completion. Bucket b is floats [first, last) of the arenas. */
int dist_n_buckets(const dist *d);
void dist_bucket(const dist *d, int bucket, int64_t *first, int64_t *last);

/* Waits until bucket b of this step is summed in grads[0]. After the last bucket the next step may begin. */
void dist_wait(dist *d, int bucket);

/* Seconds dist_wait() and dist_reduce() made the caller wait since dist_new(). */
double dist_wait_seconds(const dist *d);

/* A description of lanes, buckets and format that all ranks must share, for comm_same(). */
uint64_t dist_plan_hash(const dist *d);

#endif
