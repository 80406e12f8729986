/* Which lanes a rank owns: contiguous shares, as equal as can be.
 *
 * What a rank's gradients cost on their way is its number of blocks (whole subtrees of the lane tree), so the larger shares come all first
 * or all last, whichever makes fewer blocks together. Shares of 2^k lanes lie on whole subtrees as long as no share of another size
 * stands before them: 8 lanes on 5 ranks are 2, 2, 2, 1, 1, a block each. Over all numbers of ranks up to 32 lanes no order of the shares
 * makes more than a thousandth fewer blocks, on the average. */
#include "dist/dist.h"

/* The larger shares first, or last. */
static int first_lane(int lanes, int rank, int size, bool larger_first) {
    int larger = lanes % size, before = larger_first ? rank : rank - (size - larger);
    return rank * (lanes / size) + (before < 0 ? 0 : before > larger ? larger : before);
}

static int count_blocks(int lanes, int size, bool larger_first) {
    int count = 0;
    for (int rank = 0; rank < size; rank++) {
        tree_block blocks[TREE_DEPTH];
        count += tree_blocks(lanes, first_lane(lanes, rank, size, larger_first), first_lane(lanes, rank + 1, size, larger_first), blocks);
    }
    return count;
}

int dist_first_lane(int lanes, int rank, int size) {
    bool larger_first = lanes % size == 0 || count_blocks(lanes, size, true) <= count_blocks(lanes, size, false);
    return first_lane(lanes, rank, size, larger_first);
}

err dist_lanes(int lanes, int rank, int size, lane_range *out) {
    if (lanes < 1)
        return fail(ERR_USAGE, "train.lanes is %d: it must be at least 1", lanes);
    if (size > lanes)
        return fail(ERR_USAGE, "%d %s cannot be shared by %d ranks: start %d at most, or set train.lanes to %d or more", lanes,
                    lanes == 1 ? "lane" : "lanes", size, lanes, size);
    *out = (lane_range){dist_first_lane(lanes, rank, size), dist_first_lane(lanes, rank + 1, size)};
    return OK;
}
