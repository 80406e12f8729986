/* Which lanes a rank owns: equal contiguous shares. */
#include "dist/dist.h"

#include <stdio.h>

/* `1, 2, 4 or 8 ranks`: the numbers of ranks that can share the lanes. */
static void list_divisors(int lanes, char *text, size_t size) {
    size_t used = 0;
    for (int d = 1; d <= lanes && used < size; d++)
        if (lanes % d == 0)
            used += (size_t)snprintf(text + used, size - used, "%s%d", d == 1 ? "" : d == lanes ? " or " : ", ", d);
    if (used < size)
        snprintf(text + used, size - used, lanes == 1 ? " rank" : " ranks");
}

err dist_lanes(int lanes, int rank, int size, lane_range *out) {
    if (lanes < 1)
        return fail(ERR_USAGE, "train.lanes is %d: it must be at least 1", lanes);
    if (lanes % size != 0) {
        char possible[512];
        list_divisors(lanes, possible, sizeof possible);
        return fail(ERR_USAGE, "%d %s cannot be shared equally by %d ranks: use %s, or set train.lanes to a multiple of %d", lanes,
                    lanes == 1 ? "lane" : "lanes", size, possible, size);
    }
    int share = lanes / size;
    *out = (lane_range){rank * share, (rank + 1) * share};
    return OK;
}
