/* Sums of a few doubles over all lanes, on the step's own thread: batch-norm statistics, losses, metrics.
 *
 * They are gathered rather than cut into slices even where ranks and vectors are many: one wait instead of two, and statistics of the
 * widest layers (4,096 doubles) on 64 ranks, 8 a node, are 14 blocks of 32 KB: less than a millisecond on any network. */
#include "dist/internal.h"

/* This rank's share: its lanes, added up into its blocks. */
static void give_chunk(dist *d, double *const *lane_sums, size_t first, size_t n, double *total) {
    for (int lane = 0; lane < d->n_mine; lane++)
        d->lane_vectors[lane] = lane_sums[lane] + first;
    void *sum = total;
    fold_run(&d->local, d->lane_vectors, d->n_levels == 0 ? &sum : level_given(&d->levels[0], n), n * sizeof(double));
}

void dist_offer(void *context, double *const *lane_sums, int count) {
    dist *d = context;
    if (d->n_levels == 0 || count > CHUNK_DOUBLES)
        return;
    give_chunk(d, lane_sums, 0, (size_t)count, NULL);
    level_show(&d->levels[0]);
    d->offered = true;
}

void dist_reduce(void *context, double *const *lane_sums, int count, double *total) {
    dist *d = context;
    double start = time_now();
    place_waits(true);
    for (int first = 0; first < count; first += CHUNK_DOUBLES) {
        size_t n = (size_t)(count - first < CHUNK_DOUBLES ? count - first : CHUNK_DOUBLES);
        if (!d->offered)
            give_chunk(d, lane_sums, (size_t)first, n, total + first);
        d->offered = false;
        if (d->n_levels > 0)
            level_sum_gathered(d->levels, d->n_levels, n, total + first);
    }
    place_waits(false);
    d->wait_seconds += time_now() - start;
}
