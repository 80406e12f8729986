/* M = V · U, n² matrix products, one for each frequency: tiles by input channels times input by output channels.
 *
 * With few channels each is as small as 48 by 64 by 64, so that a call's overhead counts: gemm.c's products, called one by one, take up to
 * a third longer. A tile of M, at most TILE_ROWS rows by one panel, is summed in registers over all input channels, and tiles of one height
 * follow each other without a call. V and U come from the second cache. So on AVX-512 every step asks for what the first cache will want:
 * the panel of U some steps further on, which runs over into the next panel, and a line of the rows of V below. AVX2's steps are too short
 * for that: they follow one another by fours, without. Where channels are many, U comes from farther away, and gemm.c knows better how to
 * fetch that.
 *
 * The tile resembles that of gemm_tile.h, of which it is the plain case: with that one's segments, addends and ways to end, which are known
 * only when it runs, a product as small as these would be longer about its tiles' beginnings and ends than about their sums.
 *
 * An element is one chain of multiply-adds in the order of input channels, wherever its row stands. */
#include "math/kernels/gemm.h"
#include "math/kernels/winograd.h"

enum { STEPS_AHEAD = 16, FEW = 128 /* input channels */, FETCHES = VECTOR == 16 };

/* One product. */
typedef struct product {
    int64_t k, n;
    const float *v, *u;
    float *m;
} product;

/* `rows` rows from `row` on, by the panel of column `column`, of which there are `vectors` vectors. */
INLINE void tile(const int rows, const int vectors, const product *p, int64_t row, int64_t column) {
    /* three rows share a base address, as in gemm_tile.h */
    const float *v[(TILE_ROWS + 2) / 3], *u = p->u + column * p->k, *below = p->v + (row + rows) * p->k;
    const int64_t k = p->k;
    vec sums[TILE_ROWS][2];
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = (vec){0};
#pragma GCC unroll 5
    for (int i = 0; i < rows; i += 3)
        v[i / 3] = p->v + (row + i) * k;
#pragma GCC unroll UNROLL
    for (int64_t step = 0; step < k; step++, u += PANEL, below += LINE) {
        for (int line = 0; FETCHES && line < PANEL; line += LINE)
            __builtin_prefetch(u + STEPS_AHEAD * PANEL + line);
        if (FETCHES)
            __builtin_prefetch(below);
        vec right[2] = {vec_load(u), vectors > 1 ? vec_load(u + VECTOR) : (vec){0}};
#pragma GCC unroll 14
        for (int i = 0; i < rows; i++) {
            float left = v[i / 3][i % 3 * k];
            for (int j = 0; j < vectors; j++)
                sums[i][j] += left * right[j];
        }
#pragma GCC unroll 5
        for (int i = 0; i < rows; i += 3)
            v[i / 3]++;
    }
    float *m = p->m + row * p->n + column;
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++, m += p->n)
        for (int j = 0; j < vectors; j++)
            vec_store(m + j * VECTOR, sums[i][j]);
}

/* `count` tiles of one height. */
INLINE void tiles_of_height(const int rows, const product *p, int64_t row, int64_t count, int64_t column) {
    if (rows > TILE_ROWS)
        return;
    for (; count > 0; count--, row += rows)
        if (p->n - column >= PANEL)
            tile(rows, 2, p, row, column);
        else
            tile(rows, 1, p, row, column);
}

static void tiles_at(int64_t height, const product *p, int64_t row, int64_t count, int64_t column) {
#define HEIGHT(rows)                                                                                                                       \
    case rows:                                                                                                                             \
        tiles_of_height(rows, p, row, count, column);                                                                                      \
        break;
    switch (height) {
        HEIGHT(1)
        HEIGHT(2)
        HEIGHT(3)
        HEIGHT(4)
        HEIGHT(5)
        HEIGHT(6)
        HEIGHT(7)
        HEIGHT(8)
        HEIGHT(9)
        HEIGHT(10)
        HEIGHT(11)
        HEIGHT(12)
        HEIGHT(13)
        HEIGHT(14)
    }
#undef HEIGHT
}

/* Tiles of a panel are as even as possible: 16 rows are 8 and 8, not 14 and 2. */
static void one_product(int64_t rows, const product *p) {
    int64_t count = tiles_of(rows), height = rows / count, taller = rows % count;
    for (int64_t column = 0; column < p->n; column += PANEL) {
        tiles_at(height + 1, p, 0, taller, column);
        tiles_at(height, p, taller * (height + 1), count - taller, column);
    }
}

void MATH(winograd_products)(int n, int64_t tiles, const winograd_spectrum *v, const float *u, int64_t u_plane,
                             const winograd_spectrum *m) {
    for (int f = 0; f < n * n; f++) {
        product p = {v->width, m->width, v->data + f * v->plane, u + f * u_plane, m->data + f * m->plane};
        if (suits_narrow(p.n, p.k))
            MATH(multiply_narrow)(tiles, p.v, p.k, p.u, p.m, p.n);
        else if (p.k <= FEW)
            one_product(tiles, &p);
        else
            MATH(multiply)(tiles, p.n, p.k, p.v, p.k, p.u, p.m, p.n, false);
    }
}
