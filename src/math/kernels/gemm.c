/* C = A · B for packed B.
 *
 * Blocking: rows in blocks whose part of A stays in L2 while all panels pass; a tile's rows of A come from there in the order in which they
 * lie, so they need no packing. k is in one piece where L2 feeds a panel fast enough beside A, which AVX-512's tall tiles allow, and else
 * in blocks whose panel stays in L1: every further block reads C and writes it again. Tiles of a block are of even height: 16 rows are 8
 * and 8, not 14 and 2.
 *
 * Memory is slow beside the multiplications, and may not be waited for. While a panel's tiles are computed, the first ones ask for the next
 * panel, the others for the next block's rows of A, and every tile for its own lines of C. Large results go past the caches: there a line
 * need not be read before it is written. */
#include <string.h>

#include "math/kernels/gemm_tile.h"

enum {
    K_BLOCK = VECTOR == 16 ? 1024 : 256,
    BLOCK_FLOATS = (VECTOR == 16 ? 8 * 1024 : 32 * 256) * TILE_ROWS, /* of A */
    STREAM_FLOATS = 1024 * 1024,                                     /* of C */
    FETCH_PANEL = PANEL * UNROLL / LINE,                             /* tiles: a panel has PANEL / LINE lines a step */
};

static __attribute__((noinline)) void two_vectors(int64_t rows, const tile *t) {
#define TILE_CASE(count) tile_of(count, 2, t)
    TILE_OF_ROWS(rows)
#undef TILE_CASE
}

static __attribute__((noinline)) void one_vector(int64_t rows, const tile *t) {
#define TILE_CASE(count) tile_of(count, 1, t)
    TILE_OF_ROWS(rows)
#undef TILE_CASE
}

/* A tile that ends within a vector goes through a buffer. */
static void part_of_vectors(int64_t rows, int64_t columns, const tile *t) {
    float sums[TILE_ROWS * PANEL];
    tile whole = *t;
    whole.addends = 0;
    whole.c = sums;
    whole.ldc = PANEL;
    whole.stream = false;
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

/* Rows of A whose distance is a multiple of 4 KB share few places of the first cache. */
static int64_t most_rows(int64_t lda) {
    return lda % 1024 == 0 ? math_min(TILE_ROWS, 8) : TILE_ROWS;
}

/* Rows of one block under one panel. Of `next`, what is left of the next block's rows of A, some is fetched. */
static void panel_tiles(int64_t m, int64_t columns, const float *next_panel, stretch *next, tile t) {
    int64_t most = most_rows(t.row_step), tiles = (m + most - 1) / most, rows = m / tiles, taller = m % tiles;
    for (int64_t i = 0; i < tiles; i++) {
        int64_t height = rows + (i < taller);
        if (i < FETCH_PANEL)
            t.ahead = (memory_ahead){next_panel + i * (t.k / UNROLL) * LINE, LINE};
        else
            t.ahead = stretch_take(next, t.k);
        if (!t.stream)
            tile_fetch(height, &t);
        MATH(tile_compute)(height, columns, &t);
        t.a += height * t.row_step;
        t.c += height * t.ldc;
        t.below += height * t.ld_below;
    }
}

/* C and what the sums are added to. */
typedef struct result {
    float *c;
    int64_t ldc;
    const float *below; /* C, the same row for all, or NULL */
    int64_t ld_below;
    bool stream;
} result;

/* A block of rows, all of k. */
static void block_product(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, const result *r) {
    stretch next = {a + m * lda, a + 2 * m * lda};
    for (int64_t p = 0; p == 0 || p < k; p += K_BLOCK) {
        tile t = {.a = a + p, .row_step = lda, .k = math_min(K_BLOCK, k - p), .ldc = r->ldc, .stream = r->stream};
        const float *below = p > 0 ? r->c : r->below;
        t.addends = below != NULL;
        t.ld_below = p > 0 ? r->ldc : r->ld_below;
        for (int64_t column = 0; column < n; column += PANEL) {
            t.b = packed + column * k + p * PANEL;
            t.c = r->c + column;
            t.below = below ? below + column : t.c;
            panel_tiles(m, math_min(PANEL, n - column), t.b + k * PANEL, &next, t);
        }
    }
}

static void product(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, result r) {
    int64_t most = BLOCK_FLOATS / (k < 1 ? 1 : math_min(k, K_BLOCK)), blocks = (m + most - 1) / most;
    r.stream = m * n >= STREAM_FLOATS && k <= K_BLOCK && r.below != r.c && n % LINE == 0 && vec_streams_lines(r.c, r.ldc);
    for (int64_t i = 0; i < blocks; i++) {
        int64_t rows = m * (i + 1) / blocks - m * i / blocks;
        block_product(rows, n, k, a, lda, packed, &r);
        a += rows * lda;
        r.c += rows * r.ldc;
        r.below = r.below ? r.below + rows * r.ld_below : NULL;
    }
}

void MATH(multiply)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, float *c, int64_t ldc, bool add) {
    product(m, n, k, a, lda, packed, (result){.c = c, .ldc = ldc, .below = add ? c : NULL, .ld_below = ldc});
}

void MATH(multiply_bias)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, const float *bias, float *c,
                         int64_t ldc) {
    product(m, n, k, a, lda, packed, (result){.c = c, .ldc = ldc, .below = bias});
}
