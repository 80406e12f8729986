/* C = Σ_lanes Aᵀ · B: the gradient of weights, a sum over rows.
 *
 * A tile of C takes all pieces of a chunk one after the other, its panel of B and its columns of A in L1. A piece is summed in registers
 * from zero; the lane's earlier pieces, and when the lane ends the waiting sums of the tree, are added before the tile is stored: a lane
 * costs a tile little more than one store, however short it is. The sums that wait lie tile by tile: [panel][tile][level][height][PANEL].
 */
#include <string.h>

#include "math/kernels/gemm_tile.h"

enum { HALF = TILE_ROWS >= 8 ? 8 : 4 }; /* a tile's row is mostly between one and two of these long */

typedef float half __attribute__((vector_size(HALF * sizeof(float)), may_alias, aligned(4)));

/* Two stores that overlap. */
INLINE void copy_short(int64_t count, const float *from, float *to) {
    if (count >= HALF) {
        half end = *(const half *)(from + count - HALF);
        *(half *)to = *(const half *)from;
        *(half *)(to + count - HALF) = end;
    } else {
        for (int64_t i = 0; i < count; i++)
            to[i] = from[i];
    }
}

void MATH(pack_left)(int64_t rows, int64_t m, const float *a, int64_t lda, float *packed) {
    int64_t tiles = tiles_of(m), low = m / tiles, taller = m % tiles;
    for (int64_t r = 0; r < rows; r++) {
        const float *from = a + r * lda;
        float *tile = packed;
        for (int64_t i = 0; i < tiles; i++) {
            int64_t height = low + (i < taller);
            copy_short(height, from, tile + r * height);
            from += height;
            tile += rows * height;
        }
    }
}

void MATH(sum_tile)(const row_chunk *chunk, int64_t height, int64_t columns, const tile *lefts, const float *b, memory_ahead ahead,
                    float *waiting, float *c, int64_t ldc) {
    int64_t size = height * PANEL;
    int depth = chunk->depth;
    for (int i = 0; i < chunk->count; i++) {
        row_piece piece = chunk->pieces[i];
        int merges = piece.merges > 0 ? piece.merges : 0;
        bool end = chunk->last && i + 1 == chunk->count;
        tile t = lefts[i];
        t.b = b;
        t.ahead = ahead;
        t.addends = merges + !piece.first;
        t.below = waiting + (depth - piece.first) * size;
        t.ld_below = PANEL;
        t.next_below = -size;
        t.c = end ? c : waiting + (depth - merges) * size;
        t.ldc = end ? ldc : PANEL;
        MATH(tile_compute)(height, end ? columns : columns > VECTOR ? PANEL : VECTOR, &t);
        int64_t rows = t.k * (t.more_segments + 1) * (t.more_groups + 1);
        b += rows * PANEL;
        if (ahead.from)
            ahead.from += rows * ahead.step;
        depth += piece.merges >= 0 ? 1 - merges : 0;
    }
}

/* The packed rows of every piece. */
static void left_of(const row_chunk *chunk, int64_t height, const float *a, tile *lefts) {
    for (int i = 0; i < chunk->count; i++) {
        int64_t rows = chunk->pieces[i].rows;
        lefts[i] = (tile){.a = a, .row_step = 1, .k_step = height, .k = rows};
        a += rows * height;
    }
}

/* The line that the next chunk's rows have at column LINE · number of a, or behind those of b. */
static memory_ahead line_ahead(const rows_ahead *next, int64_t m, int64_t n, int64_t number) {
    int64_t lines = (m + LINE - 1) / LINE;
    if (number < lines)
        return (memory_ahead){next->a + number * LINE, next->lda};
    if ((number - lines) * LINE < n)
        return (memory_ahead){next->b + (number - lines) * LINE, next->ldb};
    return (memory_ahead){NULL, 0};
}

void MATH(sum_products)(const row_chunk *chunk, int levels, int64_t m, int64_t n, const float *a, const float *b, const rows_ahead *next,
                        float *waiting, float *c, int64_t ldc) {
    int64_t tiles = tiles_of(m), low = m / tiles, taller = m % tiles;
    for (int64_t panel = 0; panel < panels_of(n); panel++, b += chunk->rows * PANEL) {
        int64_t row = 0, column = panel * PANEL;
        for (int64_t i = 0; i < tiles; i++) {
            int64_t height = low + (i < taller);
            tile lefts[CHUNK_PIECES];
            left_of(chunk, height, a + row * chunk->rows, lefts);
            memory_ahead ahead = next ? line_ahead(next, m, n, panel * tiles + i) : (memory_ahead){NULL, 0};
            MATH(sum_tile)(chunk, height, math_min(PANEL, n - column), lefts, b, ahead, waiting, c + row * ldc + column, ldc);
            waiting += height * PANEL * levels;
            row += height;
        }
    }
}
