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

/* Members are runs of `span` ranks that follow each other, from rank `first` on. */
static int list_leaves(level *v, int lanes, int first, int span, int lanes_per_rank, tree_block *leaves) {
    int count = 0;
    v->first_leaf = mem_new((size_t)v->size + 1, sizeof *v->first_leaf);
    for (int m = 0; m < v->size; m++) {
        int lane = (first + m * span) * lanes_per_rank;
        tree_block blocks[TREE_DEPTH];
        int n = tree_blocks(lanes, lane, lane + span * lanes_per_rank, blocks);
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
static void init_level(level *v, comm *ranks, int lanes, int first, int span, int lanes_per_rank, size_t piece) {
    *v = (level){.slow = ranks, .quick = comm_copy(ranks), .size = comm_size(ranks), .me = comm_rank(ranks)};
    comm_stay_awake(v->quick);
    int n_ranks = v->size * span;
    lane_range range = {first * lanes_per_rank, (first + n_ranks) * lanes_per_rank};
    tree_block *leaves = mem_new(mem_product((size_t)n_ranks, (size_t)lanes_per_rank), sizeof *leaves);
    int n_leaves = list_leaves(v, lanes, first, span, lanes_per_rank, leaves);
    fold_init(&v->floats, fold_add_floats, lanes, range, leaves, n_leaves);
    fold_init(&v->doubles, fold_add_doubles, lanes, range, leaves, n_leaves);
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
    int rank = comm_rank(world), size = comm_size(world), share = lanes / size;
    if (size == 1)
        return 0;
    int per_node = find_ranks_per_node(world);
    if (per_node == 0) {
        bool one_node = comm_shares_node(world);
        init_level(&levels[0], comm_copy(world), lanes, 0, 1, share, one_node ? SHORT_PIECE : LONG_PIECE);
        init_packing(&levels[0], narrow);
        return 1;
    }
    init_level(&levels[0], comm_split(world, rank / per_node), lanes, rank / per_node * per_node, 1, share, LONG_PIECE);
    init_level(&levels[1], comm_split(world, rank % per_node), lanes, 0, per_node, share, levels[0].slice);
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
