/* The fixed binary tree over the lanes [0, L): the order in which everything that is summed over samples is summed.
 *
 *      lane   0   1   2   3   4   5   6
 *              \ /     \ /     \ /    |       Blocks are aligned at powers of two, as the carries of a binary counter:
 *              [0,2)   [2,4)   [4,6)  [6,7)   a lane is pushed, and while the two newest blocks are an aligned pair of one size,
 *                 \     /         \   /       they become one. At the end of [0, L) what is left is joined from the right.
 *                 [0,4)           [4,7)       So a sum over any contiguous range of lanes is a few whole subtrees, its blocks,
 *                     \           /           and whoever has all blocks can finish the sum: same order, same bits.
 *                         [0,7)                */
#ifndef SHOAL_BASE_TREE_H
#define SHOAL_BASE_TREE_H

enum { TREE_DEPTH = 64 }; /* more than the blocks of any range */

/* One whole subtree: lanes [first, first + size). */
typedef struct tree_block {
    int first, size;
} tree_block;

/* How many times the two newest blocks merge after lane `lane` has been pushed, where pushing began at lane `first`. */
int tree_merges(int first, int lane);

/* The same for a whole block pushed as one. `first` is where pushing began. */
int tree_block_merges(int first, tree_block block);

/* How many partial sums wait at most while `lanes` lanes are pushed. */
int tree_levels(int lanes);

/* The blocks of lanes [first, last) in order, into blocks[TREE_DEPTH]: the fewest whole subtrees that make it up; returns how many. */
int tree_blocks(int lanes, int first, int last, tree_block *blocks);

#endif
