/* Who sums with whom. */
#include "dist/level.h"

/* Ranks a node, where nodes are alike, are runs of neighbouring ranks, and more than one; otherwise 0. */
static int find_ranks_per_node(comm *world) {
    comm *node = comm_node(world);
    int size = comm_size(world), mine[2] = {comm_rank(world), comm_size(node)};
    int *ranks = mem_new((size_t)mine[1], sizeof *ranks), *all = mem_new((size_t)size, sizeof mine);
    comm_gather_equal(node, mine, ranks, sizeof *ranks);
    mine[0] = ranks[0];
    comm_gather_equal(world, mine, all, sizeof mine);
    int per_node = all[1];
    bool regular = per_node > 1 && per_node < size;
    for (int r = 0; r < size; r++)
        regular = regular && all[2 * r] == r / per_node * per_node && all[2 * r + 1] == per_node;
    mem_free(all);
    mem_free(ranks);
    comm_free(node);
    return regular ? per_node : 0;
}

/* Ranks [first, last) of the world, and how many lanes and ranks there are. */
typedef struct crew {
    int lanes, n_ranks, first, last;
} crew;

static lane_range lanes_of(crew c) {
    return (lane_range){dist_first_lane(c.lanes, c.first, c.n_ranks), dist_first_lane(c.lanes, c.last, c.n_ranks)};
}

/* A member is the ranks of its run of the crew, `span` of them. */
static int list_leaves(level *v, crew all, int span, tree_block *leaves) {
    int count = 0;
    v->first_leaf = mem_new((size_t)v->size + 1, sizeof *v->first_leaf);
    for (int m = 0; m < v->size; m++) {
        int first = all.first + m * span;
        lane_range theirs = lanes_of((crew){all.lanes, all.n_ranks, first, first + span});
        tree_block blocks[TREE_DEPTH];
        int n = tree_blocks(all.lanes, theirs.first, theirs.last, blocks);
        for (int b = 0; b < n; b++)
            leaves[count++] = blocks[b];
        v->first_leaf[m + 1] = count;
    }
    return count;
}

/* Of any member. */
static int most_leaves(const level *v) {
    int most = 0;
    for (int m = 0; m < v->size; m++) {
        int leaves = v->first_leaf[m + 1] - v->first_leaf[m];
        most = leaves > most ? leaves : most;
    }
    return most;
}

static void allocate(level *v, size_t piece) {
    int n_leaves = v->floats.n_leaves, n_mine = v->first_leaf[v->me + 1] - v->first_leaf[v->me];
    size_t others = (size_t)v->size - 1;
    v->piece = piece;
    v->slice = level_slice(v, piece, 0).count;
    v->leaves = mem_new((size_t)n_leaves, sizeof *v->leaves);
    v->received = mem_new((size_t)(n_leaves - n_mine) * v->slice, sizeof *v->received);
    v->sends = mem_new(others * (size_t)n_mine, sizeof *v->sends);
    v->receives = mem_new(others + (size_t)n_leaves, sizeof *v->receives);
    v->board = comm_board_new(v->quick, (size_t)most_leaves(v) * CHUNK_DOUBLES * sizeof(double));
    if (!v->board)
        v->gathered = mem_new((size_t)n_leaves * CHUNK_DOUBLES, sizeof *v->gathered);
    v->gathered_leaf = mem_new((size_t)n_leaves, sizeof *v->gathered_leaf);
    v->given_bytes = mem_new((size_t)v->size, sizeof *v->given_bytes);
}

/* The communicator becomes the level's own. */
static void init_level(level *v, comm *ranks, crew all, int span, size_t piece) {
    *v = (level){.slow = ranks, .quick = comm_copy(ranks), .size = comm_size(ranks), .me = comm_rank(ranks)};
    comm_stay_awake(v->quick);
    lane_range range = lanes_of(all);
    tree_block *leaves = mem_new((size_t)(range.last - range.first), sizeof *leaves);
    int n_leaves = list_leaves(v, all, span, leaves);
    fold_init(&v->floats, fold_add_floats, all.lanes, range, leaves, n_leaves);
    fold_init(&v->doubles, fold_add_doubles, all.lanes, range, leaves, n_leaves);
    mem_free(leaves);
    allocate(v, piece);
}

static void init_packing(level *v, const narrow *narrow) {
    v->narrow = narrow;
    if (!narrow)
        return;
    int n_leaves = v->floats.n_leaves, n_mine = v->first_leaf[v->me + 1] - v->first_leaf[v->me];
    size_t others = (size_t)v->size - 1, most = others + (size_t)n_leaves;
    v->packed = mem_new(others * (size_t)n_mine * (v->slice + 1), sizeof *v->packed);
    v->packed_received = mem_new(most * (v->slice + 1), sizeof *v->packed_received);
}

int level_init_all(level *levels, comm *world, int lanes, const narrow *narrow) {
    int rank = comm_rank(world), size = comm_size(world);
    if (size == 1)
        return 0;
    int per_node = find_ranks_per_node(world);
    crew all = {lanes, size, 0, size};
    if (per_node == 0) {
        bool one_node = comm_shares_node(world);
        init_level(&levels[0], comm_copy(world), all, 1, one_node ? SHORT_PIECE : LONG_PIECE);
        init_packing(&levels[0], narrow);
        return 1;
    }
    int first = rank / per_node * per_node;
    init_level(&levels[0], comm_split(world, rank / per_node), (crew){lanes, size, first, first + per_node}, 1, LONG_PIECE);
    init_level(&levels[1], comm_split(world, rank % per_node), all, per_node, levels[0].slice);
    init_packing(&levels[1], narrow);
    return 2;
}

void level_reset(level *v) {
    comm_board_free(v->board);
    comm_free(v->slow);
    comm_free(v->quick);
    fold_reset(&v->floats);
    fold_reset(&v->doubles);
    mem_free(v->first_leaf);
    mem_free(v->leaves);
    mem_free(v->received);
    mem_free(v->sends);
    mem_free(v->receives);
    mem_free(v->packed);
    mem_free(v->packed_received);
    mem_free(v->gathered);
    mem_free(v->gathered_leaf);
    mem_free(v->given_bytes);
    *v = (level){0};
}
