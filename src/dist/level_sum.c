/* Sums over ranks in the tree's order.
 *
 * Large vectors at full bandwidth, as a ring all-reduce does but in an order of our own: every member gets everybody's share of one
 * slice, adds, and gives the sum to all: 2·n·(P−1)/P values a rank. With two levels the slice is summed over the other nodes in
 * between, so each value crosses the network once a node. Small vectors: everybody gets everything and adds. */
#include "dist/level.h"

enum { CACHE_LINE = 16 }; /* floats */

slice level_slice(const level *v, size_t n, int member) {
    size_t lines = (n + CACHE_LINE - 1) / CACHE_LINE;
    size_t share = (lines + (size_t)v->size - 1) / (size_t)v->size * CACHE_LINE;
    size_t first = share * (size_t)member, last = first + share;
    first = first < n ? first : n;
    last = last < n ? last : n;
    return (slice){first, last - first};
}

static int list_sends(level *v, void *const *in, size_t n) {
    int count = 0, n_mine = v->first_leaf[v->me + 1] - v->first_leaf[v->me];
    for (int m = 0; m < v->size; m++) {
        slice theirs = level_slice(v, n, m);
        for (int b = 0; b < n_mine && m != v->me; b++)
            v->sends[count++] = (comm_message){m, (float *)in[b] + theirs.first, theirs.count * sizeof(float)};
    }
    return count;
}

static int list_receives(level *v, size_t count_of_slice) {
    int count = 0;
    for (int m = 0; m < v->size; m++)
        for (int leaf = v->first_leaf[m]; leaf < v->first_leaf[m + 1] && m != v->me; leaf++) {
            v->leaves[leaf] = v->received + (size_t)count * v->slice;
            v->receives[count++] = (comm_message){m, v->leaves[leaf], count_of_slice * sizeof(float)};
        }
    return count;
}

void level_scatter(level *v, void *const *in, size_t n) {
    slice mine = level_slice(v, n, v->me);
    for (int leaf = v->first_leaf[v->me]; leaf < v->first_leaf[v->me + 1]; leaf++)
        v->leaves[leaf] = (float *)in[leaf - v->first_leaf[v->me]] + mine.first;
    int n_sends = list_sends(v, in, n), n_receives = list_receives(v, mine.count);
    comm_exchange(v->slow, v->sends, n_sends, v->receives, n_receives);
}

void level_gather(level *v, float *target, size_t n) {
    slice mine = level_slice(v, n, v->me);
    int count = 0;
    for (int m = 0; m < v->size; m++)
        if (m != v->me) {
            slice theirs = level_slice(v, n, m);
            v->sends[count] = (comm_message){m, target + mine.first, mine.count * sizeof(float)};
            v->receives[count++] = (comm_message){m, target + theirs.first, theirs.count * sizeof(float)};
        }
    comm_exchange(v->slow, v->sends, count, v->receives, count);
}

void level_sum_slices(level *levels, int n_levels, void *const *in, size_t n, float *target) {
    level *v = &levels[0];
    (v->narrow ? level_scatter_packed : level_scatter)(v, in, n);
    slice mine = level_slice(v, n, v->me);
    void *sum = target + mine.first;
    fold_run(&v->floats, v->leaves, n_levels == 1 ? &sum : v->leaves, mine.count * sizeof(float));
    if (n_levels > 1)
        level_sum_slices(levels + 1, n_levels - 1, v->leaves, mine.count, sum);
    (v->narrow ? level_gather_packed : level_gather)(v, target, n);
}

/* The leaves of a member lie one after the other. */
static void find_leaves(level *v, int member, const double *place, size_t n) {
    for (int leaf = v->first_leaf[member]; leaf < v->first_leaf[member + 1]; leaf++, place += n)
        v->gathered_leaf[leaf] = (void *)place; /* only ever read where it is another's */
}

void *const *level_given(level *v, size_t n) {
    int first = v->first_leaf[v->me];
    find_leaves(v, v->me, v->board ? comm_board_mine(v->board) : v->gathered + (size_t)first * n, n);
    return v->gathered_leaf + first;
}

void level_show(level *v) {
    if (v->board)
        comm_board_come(v->board);
    v->shown = v->board != NULL;
}

static void gather_by_board(level *v, size_t n) {
    if (!v->shown)
        comm_board_come(v->board);
    v->shown = false;
    comm_board_meet(v->board);
    for (int m = 0; m < v->size; m++)
        find_leaves(v, m, comm_board_read(v->board, m), n);
}

static void gather_by_messages(level *v, size_t n) {
    for (int m = 0; m < v->size; m++) {
        find_leaves(v, m, v->gathered + (size_t)v->first_leaf[m] * n, n);
        v->given_bytes[m] = (size_t)(v->first_leaf[m + 1] - v->first_leaf[m]) * n * sizeof(double);
    }
    comm_gather_all(v->quick, v->gathered_leaf[v->first_leaf[v->me]], v->gathered, v->given_bytes);
}

void level_sum_gathered(level *levels, int n_levels, size_t n, double *total) {
    level *v = &levels[0];
    if (v->board)
        gather_by_board(v, n);
    else
        gather_by_messages(v, n);
    void *sum = total;
    fold_run(&v->doubles, v->gathered_leaf, n_levels > 1 ? level_given(levels + 1, n) : &sum, n * sizeof(double));
    if (n_levels > 1)
        level_sum_gathered(levels + 1, n_levels - 1, n, total);
}
