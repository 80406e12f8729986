/* fold: adds up vectors that belong to subtrees of the lane tree, in the tree's order. */
#ifndef SHOAL_DIST_FOLD_H
#define SHOAL_DIST_FOLD_H

#include "dist/dist.h"

/* sum = left + right over `bytes` bytes of one number format. `sum` may be `left`. */
typedef void fold_add(void *sum, const void *left, const void *right, size_t bytes);
fold_add fold_add_floats, fold_add_doubles;

/* The leaves are pushed one after the other; merges[i] times after leaf i the two newest sums become one. What is left are the roots. */
typedef struct fold {
    fold_add *add;
    int n_leaves, n_roots;
    int *merges;
    char *partial; /* working memory: a tile for every sum that can be open at once */
} fold;

/* `leaves` are whole subtrees that make up `range`, in order, out of `lanes` lanes; the roots are the blocks of the range. */
void fold_init(fold *f, fold_add *add, int lanes, lane_range range, const tree_block *leaves, int n_leaves);
void fold_reset(fold *f);

/* out[root] = the sum of its leaves in[leaf], `bytes` bytes each. out[i] may be in[i]; out[0] of a single root may be any leaf. */
void fold_run(const fold *f, void *const *in, void *const *out, size_t bytes);

#endif
