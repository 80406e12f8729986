/* Sums over lanes along the fixed tree (base/tree.h). */
#include "math/kernels/kernels.h"

void MATH(sum_lanes)(const math_lanes *lanes, int64_t count, lane_share *share, const void *context, float *sum, float *stack) {
    int depth = 0;
    for (int lane = 0; lane < lanes->count; lane++) {
        float *top = depth == 0 ? sum : stack + (depth - 1) * count;
        share(context, lanes->bounds[lane], lanes->bounds[lane + 1], top);
        depth++;
        for (int merges = lanes->merges[lane]; merges > 0; merges--) {
            depth--;
            float *below = depth == 1 ? sum : stack + (depth - 2) * count;
            MATH(add)(count, below, stack + (depth - 1) * count, below);
        }
    }
}
