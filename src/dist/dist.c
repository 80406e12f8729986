/* The life of a dist: lanes, levels, buckets, thread. */
#include "dist/internal.h"

#include <inttypes.h>

enum { BUCKET_BYTES = 25000000 };

/* Buckets as equal as can be, none above bucket_bytes, with bounds on cache lines. */
static void cut_buckets(dist *d, size_t bucket_bytes) {
    const int64_t line = 16; /* floats */
    int64_t lines = (d->grad_size + line - 1) / line;
    int64_t most = (int64_t)((bucket_bytes ? bucket_bytes : BUCKET_BYTES) / sizeof(float)) / line;
    most = most > 0 ? most : 1;
    d->n_buckets = (int)((lines + most - 1) / most);
    d->bucket_end = mem_new((size_t)d->n_buckets, sizeof *d->bucket_end);
    for (int b = 0; b < d->n_buckets; b++)
        d->bucket_end[b] = lines * (b + 1) / d->n_buckets * line;
    if (d->n_buckets > 0)
        d->bucket_end[d->n_buckets - 1] = d->grad_size;
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
    d->grad_size = options->grad_size;
    cut_buckets(d, options->bucket_bytes);
    init_local(d, mine);
    d->grads = mem_new((size_t)d->n_blocks, sizeof *d->grads);
    for (int b = 0; b < d->n_blocks; b++)
        d->grads[b] = d->grad_size > 0 ? options->grads[b] : NULL;
    d->n_levels = level_init_all(d->levels, options->world, d->lanes);
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
    char *plan = text_format("%d lanes, %" PRId64 " floats in %d buckets", d->lanes, d->grad_size, d->n_buckets);
    uint64_t hash = rng_hash(plan);
    for (int b = 0; b < d->n_buckets; b++)
        hash = hash * 31 + (uint64_t)d->bucket_end[b];
    mem_free(plan);
    return hash;
}
