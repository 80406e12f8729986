/* Sums in the tree's order, a tile at a time, so that all that is open at once stays in the nearest cache. */
#include "dist/fold.h"

#include <string.h>

enum { TILE = 8192 }; /* bytes */

void fold_add_floats(void *sum, const void *left, const void *right, size_t bytes) {
    float *s = sum;
    const float *a = left, *b = right;
    /* every element stands alone, also where s is a: the compiler cannot know that it need not ask */
#pragma omp simd
    for (size_t i = 0; i < bytes / sizeof *s; i++)
        s[i] = a[i] + b[i];
}

void fold_add_doubles(void *sum, const void *left, const void *right, size_t bytes) {
    double *s = sum;
    const double *a = left, *b = right;
#pragma omp simd
    for (size_t i = 0; i < bytes / sizeof *s; i++)
        s[i] = a[i] + b[i];
}

void fold_init(fold *f, fold_add *add, int lanes, lane_range range, const tree_block *leaves, int n_leaves) {
    *f = (fold){.add = add, .n_leaves = n_leaves, .merges = mem_new((size_t)n_leaves, sizeof *f->merges)};
    int open = 0, most = 0;
    for (int i = 0; i < n_leaves; i++) {
        most = ++open > most ? open : most;
        f->merges[i] = tree_block_merges(range.first, leaves[i]);
        open -= f->merges[i];
    }
    tree_block roots[TREE_DEPTH];
    f->n_roots = tree_blocks(lanes, range.first, range.last, roots);
    f->merges[n_leaves - 1] += open - f->n_roots; /* at the end of all lanes nothing follows: what is left is joined from the right */
    f->partial = mem_new((size_t)most, TILE);
}

void fold_reset(fold *f) {
    mem_free(f->merges);
    mem_free(f->partial);
    *f = (fold){0};
}

/* One tile, `at` bytes into the vectors. */
static void run_tile(const fold *f, void *const *in, void *const *out, size_t at, size_t bytes) {
    const char *open[TREE_DEPTH];
    int count = 0;
    for (int leaf = 0; leaf < f->n_leaves; leaf++) {
        open[count++] = (const char *)in[leaf] + at;
        for (int m = 0; m < f->merges[leaf]; m++) {
            count--;
            char *sum = f->partial + (size_t)(count - 1) * TILE;
            f->add(sum, open[count - 1], open[count], bytes);
            open[count - 1] = sum;
        }
    }
    /* only now: a result may take the place of a leaf */
    for (int root = 0; root < f->n_roots; root++)
        if (open[root] != (const char *)out[root] + at)
            memcpy((char *)out[root] + at, open[root], bytes);
}

void fold_run(const fold *f, void *const *in, void *const *out, size_t bytes) {
    for (size_t at = 0; at < bytes; at += TILE)
        run_tile(f, in, out, at, bytes - at < TILE ? bytes - at : TILE);
}
