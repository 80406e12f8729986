/* level: ranks that make one sum together. There is one level of all ranks, or two: the ranks of a node, then the ranks with the same
 * place in their nodes. What a level sums are whole subtrees of the lane tree, so both ways give the same bits. */
#ifndef SHOAL_DIST_LEVEL_H
#define SHOAL_DIST_LEVEL_H

#include "dist/fold.h"
#include "dist/narrow.h"

/* Most that is summed at once. On a node pieces are short, so that they stay in cache; between nodes long, for each costs two waits. */
enum { SHORT_PIECE = 1 << 20, LONG_PIECE = 1 << 22, CHUNK_DOUBLES = 4096, MAX_LEVELS = 2 };

typedef struct level {
    comm *slow, *quick; /* the same ranks: for the communication thread, and for the step's own thread */
    int size, me;
    int *first_leaf; /* member m gives leaves [first_leaf[m], first_leaf[m + 1]) */

    /* gradients: a piece is cut into slices, member m sums slice m */
    size_t piece; /* most floats */
    fold floats;
    void **leaves;   /* [leaf] -> my slice of it */
    float *received; /* slices of the others' leaves */
    size_t slice;    /* most floats of a slice */
    comm_message *sends, *receives;
    const narrow *narrow;               /* how slices travel; NULL: as they are */
    uint16_t *packed, *packed_received; /* [message][slice + 1] */

    /* statistics: every member sums everything */
    fold doubles;
    comm_board *board;    /* of a node; otherwise NULL: messages */
    bool shown;           /* what lies there is for the sum that follows */
    double *gathered;     /* [leaf][n], of messages */
    void **gathered_leaf; /* [leaf] */
    size_t *given_bytes;  /* [member] */
} level;

/* Fills levels[MAX_LEVELS] and returns how many there are: none for one rank. The last of them is `narrow`. Collective. */
int level_init_all(level *levels, comm *world, int lanes, const narrow *narrow);
void level_reset(level *v); /* collective */

/* Part [first, first + count) of a vector. */
typedef struct slice {
    size_t first, count;
} slice;

/* The slice of n floats that a member sums; empty where there is not enough for all. Member 0 has the largest. */
slice level_slice(const level *v, size_t n, int member);

/* How level_sum_slices() cuts and joins: afterwards v->leaves[leaf] is my slice of every leaf; all slices of target are everybody's. */
void level_scatter(level *v, void *const *in, size_t n);
void level_gather(level *v, float *target, size_t n);
void level_scatter_packed(level *v, void *const *in, size_t n);
void level_gather_packed(level *v, float *target, size_t n);

/* target[0…n) = the sum of in[my leaf][0…n) over everybody's leaves. `in` is overwritten; target may be in[0]. */
void level_sum_slices(level *levels, int n_levels, void *const *in, size_t n, float *target);

/* Where this rank puts its leaves of n ≤ CHUNK_DOUBLES doubles before level_sum_gathered(): [my leaf] -> n doubles. */
void *const *level_given(level *v, size_t n);

/* Shows the leaves to the ranks of the level, where there is a board for that; the sum itself must follow. */
void level_show(level *v);

/* The same sum for a few doubles: total[0…n). */
void level_sum_gathered(level *levels, int n_levels, size_t n, double *total);

#endif
