/* The life of a dist: lanes, levels, buckets, thread. */
#include "dist/internal.h"

#include <inttypes.h>

enum { BUCKET_BYTES = 25000000 };

/* Each bucket is half of what is left, but not above `most` nor below a sixteenth of it: the exchange of the last one, which nothing hides,
 * is short. Bounds lie on cache lines. Returns how many there are; `end` may be NULL. */
static int cut_buckets(int64_t size, int64_t most, int64_t *end) {
    const int64_t line = 16; /* floats */
    int count = 0;
    for (int64_t at = 0; at < size; count++) {
        int64_t half = (size - at) / 2, bucket = half > most ? most : half < most / 16 ? most / 16 : half;
        bucket = bucket > line ? bucket / line * line : line;
        at = bucket < size - at ? at + bucket : size;
        if (end)
            end[count] = at;
    }
    return count;
}

static void init_local(dist *d, lane_range mine) {
    tree_block blocks[TREE_DEPTH], *leaves = mem_new((size_t)d->n_mine, sizeof *leaves);
    d->n_blocks = tree_blocks(d->lanes, mine.first, mine.last, blocks);
    for (int lane = 0; lane < d->n_mine; lane++)
        leaves[lane] = (tree_block){mine.first + lane, 1};
    fold_init(&d->local, fold_add_doubles, d->lanes, mine, leaves, d->n_mine);
    mem_free(leaves);
    d->lane_vectors = mem_new((size_t)d->n_mine, sizeof *d->lane_vectors);
}

err dist_new(dist **out, const dist_options *options) {
    lane_range mine;
    err code = dist_lanes(options->lanes, comm_rank(options->world), comm_size(options->world), &mine);
    if (code != OK)
        return code;
    dist *d = mem_new(1, sizeof *d);
    d->lanes = options->lanes;
    d->n_mine = mine.last - mine.first;
    d->format = options->format;
    d->grad_size = options->grad_size;
    int64_t most = (int64_t)((options->bucket_bytes ? options->bucket_bytes : BUCKET_BYTES) / sizeof(float));
    d->n_buckets = cut_buckets(d->grad_size, most, NULL);
    d->bucket_end = mem_new((size_t)d->n_buckets, sizeof *d->bucket_end);
    cut_buckets(d->grad_size, most, d->bucket_end);
    init_local(d, mine);
    d->grads = mem_new((size_t)d->n_blocks, sizeof *d->grads);
    for (int b = 0; b < d->n_blocks; b++)
        d->grads[b] = d->grad_size > 0 ? options->grads[b] : NULL;
    d->n_levels = level_init_all(d->levels, options->world, d->lanes, narrow_of(options->format));
    code = comm_agree(options->world, dist_start_thread(d));
    if (code != OK)
        dist_free(d);
    else
        *out = d;
    return code;
}

void dist_free(dist *d) {
    if (!d)
        return;
    dist_stop_thread(d);
    for (int l = 0; l < d->n_levels; l++)
        level_reset(&d->levels[l]);
    fold_reset(&d->local);
    mem_free(d->lane_vectors);
    mem_free(d->grads);
    mem_free(d->bucket_end);
    mem_free(d);
}

double dist_wait_seconds(const dist *d) {
    return d->wait_seconds;
}

uint64_t dist_plan_hash(const dist *d) {
    char *plan = text_format("%d lanes, %" PRId64 " floats in %d buckets as %s", d->lanes, d->grad_size, d->n_buckets,
                             dist_format_names[d->format]);
    uint64_t hash = rng_hash(plan);
    for (int b = 0; b < d->n_buckets; b++)
        hash = hash * 31 + (uint64_t)d->bucket_end[b];
    mem_free(plan);
    return hash;
}
