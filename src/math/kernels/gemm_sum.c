/* C = Σ_lanes Aᵀ · B: the gradient of weights, a sum over rows.
 *
 * Both sides may be read where they lie. A step takes TILE_ROWS consecutive floats of a row of A and a panel's of a row of B, one or two
 * lines each. Rows far apart share few places of the first cache, so that most lines come from L2, every time; but AVX-512's tall tile
 * takes longer over a step than L2 over its lines, if they are asked for in time: NEAR steps before. Packing both sides would spare that,
 * at 7 % of the product's time and one more way through the caches. Lower tiles are done with a step before L2 has brought its lines: they
 * want panels, which stay in L1. For rows 4 KB apart, which share few places of L2 as well, that halves their time.
 *
 * A piece is summed in registers from zero; the lane's earlier pieces, and when the lane ends the waiting sums of the tree, are added
 * before the tile is stored: a lane costs a tile little more than one store, however short it is. */
#include <string.h>

#include "math/kernels/gemm_tile.h"

enum {
    NEAR = 8,           /* steps */
    SHORT_SEGMENT = 32, /* steps: shorter ones ask for the lines of the next one instead */
};

/* A walk over rows of one side, or over memory that is fetched alongside, in floats. */
typedef struct walk {
    const float *at;
    int64_t step, segment, group;
} walk;

/* What a tile reads of a piece. */
typedef struct reading {
    int64_t steps, segments, groups;
    walk a, b, ahead;
    int64_t near; /* from a row of A to the one to be asked for */
} reading;

static walk walk_b(const sum_rows *r, const float *b, int64_t ldb) {
    return (walk){b + r->b * ldb, ldb, r->b_segment * ldb, r->b_group * ldb};
}

static walk walk_ahead(const sum_rows *r, walk a, const sum_ahead *ahead) {
    a.at += ahead->left;
    if (ahead->left)
        return a;
    return ahead->right.from ? walk_b(r, ahead->right.from, ahead->right.step) : (walk){.at = a.at};
}

static reading reading_of(const sum_rows *r, const sum_panel *right, const sum_place *place) {
    walk a = {r->a + place->first, r->a_step, r->a_segment, r->a_group}, ahead = walk_ahead(r, a, &place->ahead);
    bool is_short = r->segments > 1 && r->steps <= SHORT_SEGMENT;
    int64_t near = is_short ? r->a_segment : NEAR * r->a_step;
    return (reading){r->steps, r->segments, r->groups, a, walk_b(r, right->b, right->ldb), ahead, near};
}

INLINE walk walk_on(walk w, int64_t groups, int64_t segments) {
    w.at += groups * w.group + segments * w.segment;
    return w;
}

INLINE void sum_segment(const int rows, const int vectors, const reading *r, walk a, walk b, walk ahead, vec sums[TILE_ROWS][2]) {
    const int64_t near_a = r->near + rows - 1, near_b = NEAR * b.step;
    for (int64_t step = r->steps; step > 0; step--, a.at += a.step, b.at += b.step, ahead.at += ahead.step) {
        if (SUMS_IN_PLACE) {
            __builtin_prefetch(ahead.at, 0, 2);
            __builtin_prefetch(a.at + near_a);
            for (int i = 0; i < vectors * VECTOR; i += LINE)
                __builtin_prefetch(b.at + near_b + i);
        }
        vec right[2] = {vec_load(b.at), vectors > 1 ? vec_load(b.at + VECTOR) : (vec){0}};
#pragma GCC unroll 14
        for (int i = 0; i < rows; i++) {
            sums[i][0] += a.at[i] * right[0];
            if (vectors > 1)
                sums[i][1] += a.at[i] * right[1];
        }
    }
}

INLINE void sum_piece(const int rows, const int vectors, const reading *r, const tile *end) {
    vec sums[TILE_ROWS][2];
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = (vec){0};
    for (int64_t g = 0; g < r->groups; g++)
        for (int64_t s = 0; s < r->segments; s++)
            sum_segment(rows, vectors, r, walk_on(r->a, g, s), walk_on(r->b, g, s), walk_on(r->ahead, g, s), sums);
    tile_end(rows, vectors, end, sums);
}

static __attribute__((noinline)) void two_vectors(int64_t rows, const reading *r, const tile *end) {
#define TILE_CASE(count) sum_piece(count, 2, r, end)
    TILE_OF_ROWS(rows)
#undef TILE_CASE
}

static __attribute__((noinline)) void one_vector(int64_t rows, const reading *r, const tile *end) {
#define TILE_CASE(count) sum_piece(count, 1, r, end)
    TILE_OF_ROWS(rows)
#undef TILE_CASE
}

/* Where the sums of piece i go, and what is added to them. `depth` sums wait. */
static tile end_of(const sum_place *place, row_piece piece, int depth) {
    int merges = piece.merges > 0 ? piece.merges : 0;
    return (tile){.addends = merges + !piece.first,
                  .below = place->waiting + (depth - piece.first) * place->level,
                  .ld_below = PANEL,
                  .next_below = -place->level,
                  .c = place->waiting + (depth - merges) * place->level,
                  .ldc = PANEL};
}

void MATH(sum_tile)(const row_chunk *chunk, const sum_rows *rows, const sum_panel *right, const sum_place *place) {
    float sums[TILE_ROWS * PANEL]; /* of a tile that ends within a vector */
    bool whole = right->columns % VECTOR == 0;
    int depth = chunk->depth;
    for (int i = 0; i < chunk->count; i++) {
        row_piece piece = chunk->pieces[i];
        reading r = reading_of(rows + i, right, place);
        tile end = end_of(place, piece, depth);
        if (chunk->last && i + 1 == chunk->count) {
            end.c = whole ? place->c : sums;
            end.ldc = whole ? place->ldc : PANEL;
        }
        if (right->columns > VECTOR)
            two_vectors(place->height, &r, &end);
        else
            one_vector(place->height, &r, &end);
        depth += piece.merges >= 0 ? 1 - piece.merges : 0;
    }
    for (int64_t i = 0; chunk->last && !whole && i < place->height; i++)
        memcpy(place->c + i * place->ldc, sums + i * PANEL, (size_t)right->columns * sizeof *sums);
}
