/* C = A · B for packed B.
 *
 * Blocking: rows in blocks whose part of A stays in L2 while all panels pass, k in blocks whose panel stays in L1 while the block's tiles
 * pass; a tile's rows of A come from L2 in the order in which they lie, so they need no packing. Tiles of a block are of even height: 16
 * rows are 8 and 8, not 14 and 2. */
#include <string.h>

#include "math/kernels/gemm_tile.h"

enum { K_BLOCK = 256 };
enum { ROW_BLOCK = 32 * TILE_ROWS };

/* The tile of a number of rows that is known only now. */
INLINE void tile_of_rows(int64_t rows, const int vectors, const tile *t) {
#define TILE_CASE(count)                                                                                                                   \
    case count:                                                                                                                            \
        if (count <= TILE_ROWS)                                                                                                            \
            tile_of(count, vectors, t);                                                                                                    \
        break;
    switch (rows) {
        TILE_CASE(1)
        TILE_CASE(2)
        TILE_CASE(3)
        TILE_CASE(4)
        TILE_CASE(5)
        TILE_CASE(6)
        TILE_CASE(7)
        TILE_CASE(8)
        TILE_CASE(9)
        TILE_CASE(10)
        TILE_CASE(11)
        TILE_CASE(12)
        TILE_CASE(13)
        TILE_CASE(14)
    }
#undef TILE_CASE
}

static __attribute__((noinline)) void two_vectors(int64_t rows, const tile *t) {
    tile_of_rows(rows, 2, t);
}

static __attribute__((noinline)) void one_vector(int64_t rows, const tile *t) {
    tile_of_rows(rows, 1, t);
}

/* A tile that ends within a vector goes through a buffer. */
static void part_of_vectors(int64_t rows, int64_t columns, const tile *t) {
    float sums[TILE_ROWS * PANEL];
    tile whole = *t;
    whole.addends = 0;
    whole.c = sums;
    whole.ldc = PANEL;
    if (columns > VECTOR)
        two_vectors(rows, &whole);
    else
        one_vector(rows, &whole);
    const float *below = t->below;
    for (int addend = 0; addend < t->addends; addend++, below += t->next_below)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                sums[i * PANEL + j] = below[i * t->ld_below + j] + sums[i * PANEL + j];
    for (int64_t i = 0; i < rows; i++)
        memcpy(t->c + i * t->ldc, sums + i * PANEL, (size_t)columns * sizeof *sums);
}

void MATH(tile_compute)(int64_t rows, int64_t columns, const tile *t) {
    if (columns == PANEL)
        two_vectors(rows, t);
    else if (columns == VECTOR)
        one_vector(rows, t);
    else
        part_of_vectors(rows, columns, t);
}

/* Rows of one block under one panel. */
static void panel_tiles(int64_t m, int64_t columns, tile t) {
    int64_t tiles = (m + TILE_ROWS - 1) / TILE_ROWS, rows = m / tiles, taller = m % tiles;
    for (int64_t i = 0; i < tiles; i++) {
        int64_t height = rows + (i < taller);
        t.ahead = (memory_ahead){t.c + height * t.ldc, t.ldc};
        MATH(tile_compute)(height, columns, &t);
        t.a += height * t.row_step;
        t.c += height * t.ldc;
        t.below += height * t.ld_below;
    }
}

static void product(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, const float *below, int64_t ld_below,
                    float *c, int64_t ldc) {
    int64_t blocks = (m + ROW_BLOCK - 1) / ROW_BLOCK;
    for (int64_t i = 0; i < blocks; i++) {
        int64_t row = m * i / blocks, rows = m * (i + 1) / blocks - row;
        for (int64_t p = 0; p == 0 || p < k; p += K_BLOCK) {
            tile t = {.a = a + row * lda + p, .row_step = lda, .k_step = 1, .k = math_min(K_BLOCK, k - p)};
            const float *start = p > 0 ? c : below;
            int64_t ld_start = p > 0 ? ldc : ld_below;
            for (int64_t column = 0; column < n; column += PANEL) {
                t.b = packed + column * k + p * PANEL;
                t.c = c + row * ldc + column;
                t.ldc = ldc;
                t.addends = start != NULL;
                t.ld_below = ld_start;
                t.below = start ? start + row * ld_start + column : c;
                panel_tiles(rows, math_min(PANEL, n - column), t);
            }
        }
    }
}

void MATH(multiply)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, float *c, int64_t ldc, bool add) {
    product(m, n, k, a, lda, packed, add ? c : NULL, ldc, c, ldc);
}

void MATH(multiply_bias)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, const float *bias, float *c,
                         int64_t ldc) {
    product(m, n, k, a, lda, packed, bias, 0, c, ldc);
}
