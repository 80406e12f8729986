/* C = Σ_lanes Aᵀ · B: the gradient of weights, a sum over rows.
 *
 * A tile of C takes all pieces of a chunk one after the other, its panel of B and its columns of A in L1. A piece is summed in registers
 * from zero; the lane's earlier pieces, and when the lane ends the waiting sums of the tree, are added before the tile is stored: a lane
 * costs a tile little more than one store, however short it is. The sums that wait lie tile by tile: [panel][tile][level][height][PANEL].
 *
 * Packing is as much memory traffic as there is. So the next chunk is packed while this one is multiplied: a few rows after every tile, and
 * the tiles before have fetched their lines. */
#include <string.h>

#include "math/kernels/gemm_tile.h"

/* Rows of a tile of C: panels of the left side are cut into tiles of even height, 16 into 8 and 8, or 6, 5 and 5. */
enum { SUM_ROWS = TILE_ROWS > 8 ? 8 : TILE_ROWS };

/* One row of `columns` floats goes to its place in panels of `width` floats, `panel` apart. What the last one lacks becomes zero. */
INLINE void pack_row(const int64_t width, int64_t columns, int64_t panel, const float *from, float *to) {
    for (; columns >= width; columns -= width, from += width, to += panel)
        for (int64_t i = 0; i < width; i += VECTOR)
            vec_store(to + i, vec_load(from + i));
    for (int64_t i = 0; columns > 0 && i < width; i++)
        to[i] = i < columns ? from[i] : 0;
}

void MATH(pack_rows)(const sum_rows *r, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
        pack_row(LEFT_PANEL, r->m, sum_panel(r->rows, LEFT_PANEL), r->a + i * r->lda, r->left + i * LEFT_PANEL);
        pack_row(PANEL, r->n, sum_panel(r->rows, PANEL), r->b + i * r->ldb, r->right + i * PANEL);
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
static void left_of(const row_chunk *chunk, const float *a, tile *lefts) {
    for (int i = 0; i < chunk->count; i++) {
        lefts[i] = (tile){.a = a, .row_step = 1, .k_step = LEFT_PANEL, .k = chunk->pieces[i].rows};
        a += chunk->pieces[i].rows * LEFT_PANEL;
    }
}

/* What tile `number` of `tiles` fetches of the rows that are packed after later tiles: lines of a by even numbers, of b by odd ones, spread
 * over the k steps that it takes. */
static memory_ahead fetch(const sum_rows *r, int64_t number, int64_t tiles, int64_t k) {
    bool odd = number & 1;
    int64_t width = odd ? r->n : r->m, ld = odd ? r->ldb : r->lda, turns = (tiles + !odd) / 2;
    int64_t floats = r->rows * width, at = floats * (number / 2 + 1) / turns;
    return (memory_ahead){(odd ? r->b : r->a) + at / width * ld + at % width, floats / turns / (k > 0 ? k : 1) + 1};
}

static int64_t tiles_of_panel(int64_t width) {
    return (width + SUM_ROWS - 1) / SUM_ROWS;
}

static int64_t tiles_below(int64_t m) {
    return m / LEFT_PANEL * tiles_of_panel(LEFT_PANEL) + tiles_of_panel(m % LEFT_PANEL);
}

/* After tile `number` of `tiles`. */
static void pack_some(const sum_rows *next, int64_t number, int64_t tiles) {
    MATH(pack_rows)(next, next->rows * number / tiles, next->rows * (number + 1) / tiles);
}

void MATH(sum_products)(const row_chunk *chunk, int levels, const sum_rows *rows, const sum_rows *next, float *waiting, float *c,
                        int64_t ldc) {
    int64_t number = 0, tiles = tiles_below(rows->m) * panels_of(rows->n);
    const float *b = rows->right;
    for (int64_t column = 0; column < rows->n; column += PANEL, b += sum_panel(rows->rows, PANEL)) {
        const float *a = rows->left;
        for (int64_t left = 0; left < rows->m; left += LEFT_PANEL, a += sum_panel(rows->rows, LEFT_PANEL)) {
            int64_t width = math_min(LEFT_PANEL, rows->m - left), count = tiles_of_panel(width);
            for (int64_t i = 0; i < count; i++, number++) {
                int64_t first = width * i / count, height = width * (i + 1) / count - first;
                memory_ahead ahead = next ? fetch(next, number, tiles, rows->rows) : (memory_ahead){NULL, 0};
                tile lefts[CHUNK_PIECES];
                left_of(chunk, a + first, lefts);
                MATH(sum_tile)
                (chunk, height, math_min(PANEL, rows->n - column), lefts, b, ahead, waiting, c + (left + first) * ldc + column, ldc);
                waiting += height * PANEL * levels;
                if (next)
                    pack_some(next, number, tiles);
            }
        }
    }
}
