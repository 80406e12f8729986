/* Blocks and merges: arithmetic on lane numbers alone. */
#include "base/tree.h"

#include <stdbool.h>

int tree_block_merges(int first, tree_block block) {
    int merges = 0;
    int start = block.first, size = block.size;
    /* the block is a right-hand child, and its left-hand sister was pushed whole */
    while (start % (2 * size) == size && start - size >= first) {
        start -= size;
        size *= 2;
        merges++;
    }
    return merges;
}

int tree_merges(int first, int lane) {
    return tree_block_merges(first, (tree_block){lane, 1});
}

int tree_levels(int lanes) {
    int levels = 1;
    while ((1 << (levels - 1)) < lanes)
        levels++;
    return levels;
}

/* Whether [start, lanes) is a whole subtree: one of those on the tree's right edge, which may lack lanes. */
static bool is_right_edge(int lanes, int start) {
    int power = 1;
    while (power <= lanes - start)
        power *= 2;
    return start % power == 0;
}

int tree_blocks(int lanes, int first, int last, tree_block *blocks) {
    int count = 0;
    for (int start = first; start < last;) {
        int size = 1;
        while (start % (2 * size) == 0 && start + 2 * size <= last)
            size *= 2;
        if (last == lanes && is_right_edge(lanes, start))
            size = lanes - start;
        blocks[count++] = (tree_block){start, size};
        start += size;
    }
    return count;
}
