/* The micro-kernel of all matrix products: a tile of C, `rows` ≤ TILE_ROWS by `vectors` ≤ 2 vectors, held in registers over a block of k.
 * A step of k loads one row of the panel and multiplies it by one value of A per row: on AVX-512 14 · 2 accumulators, 28 multiply-adds for
 * 16 loads; on AVX2 6 · 2, 12 for 8. `rows` and `vectors` are constants wherever it is inlined, and all tiles are this one function: an
 * element's bits are the same in all of them. */
#ifndef SHOAL_MATH_GEMM_TILE_H
#define SHOAL_MATH_GEMM_TILE_H

#include "math/kernels/gemm.h"

/* What a tile computes:  C = A · B, and then `below` is added `addends` times, each time `next_below` floats further on.
 * A has a first segment of k steps, `more_segments` like it, and `more_groups` of all these; the rows of B follow one another. */
typedef struct tile {
    const float *a; /* element (i, p) of the first segment: a[i * row_step + p] */
    int64_t row_step, k;
    int64_t more_segments, segment_step, more_groups, group_step;
    const float *b; /* rows PANEL apart */
    const float *below;
    int64_t ld_below, next_below;
    int addends;
    float *c;
    int64_t ldc;
    bool stream;        /* past the caches */
    memory_ahead ahead; /* every UNROLL steps of k ask for one line of it */
} tile;

/* What a tile reads step by step. */
typedef struct tile_cursor {
    const float *b, *ahead;
} tile_cursor;

/* Step p of k from where `base` and `b` point; three rows share a base address: their offsets of 0, 1 and 2 row steps are the processor's
 * own address forms. */
INLINE void tile_step(const int rows, const int vectors, const float *const *base, int64_t row_step, const int p, const float *b,
                      vec sums[TILE_ROWS][2]) {
    vec right[2] = {vec_load(b + p * PANEL), vectors > 1 ? vec_load(b + p * PANEL + VECTOR) : (vec){0}};
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
        float x = base[i / 3][i % 3 * row_step + p];
        sums[i][0] += x * right[0];
        if (vectors > 1)
            sums[i][1] += x * right[1];
    }
}

/* `count` steps, then on to the next ones. */
INLINE void tile_steps(const int count, const int rows, const int vectors, const float **base, int64_t row_step, tile_cursor *at,
                       vec sums[TILE_ROWS][2]) {
#pragma GCC unroll 4
    for (int p = 0; p < count; p++)
        tile_step(rows, vectors, base, row_step, p, at->b, sums);
    at->b += count * PANEL;
#pragma GCC unroll 5
    for (int i = 0; i < rows; i += 3)
        base[i / 3] += count;
}

INLINE tile_cursor tile_segment(const int rows, const int vectors, const tile *t, const float *a, tile_cursor at, vec sums[TILE_ROWS][2]) {
    const float *base[(TILE_ROWS + 2) / 3];
    const int64_t row_step = t->row_step, ahead_step = t->ahead.step;
#pragma GCC unroll 5
    for (int i = 0; i < rows; i += 3)
        base[i / 3] = a + i * row_step;
    int64_t left = t->k;
    for (; left >= UNROLL; left -= UNROLL, at.ahead += ahead_step) {
        __builtin_prefetch(at.ahead, 0, 2);
        tile_steps(UNROLL, rows, vectors, base, row_step, &at, sums);
    }
    for (; left > 0; left--)
        tile_steps(1, rows, vectors, base, row_step, &at, sums);
    return at;
}

INLINE void tile_sums(const int rows, const int vectors, const tile *t, vec sums[TILE_ROWS][2]) {
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = (vec){0};
    tile_cursor at = {t->b, t->ahead.from ? t->ahead.from : t->a};
    const float *group = t->a;
    for (int64_t g = 0; g <= t->more_groups; g++, group += t->group_step) {
        const float *a = group;
        for (int64_t s = 0; s <= t->more_segments; s++, a += t->segment_step)
            at = tile_segment(rows, vectors, t, a, at, sums);
    }
}

INLINE void tile_store(const int rows, const int vectors, const bool stream, float *c, int64_t ldc, vec sums[TILE_ROWS][2]) {
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++)
            if (stream)
                vec_stream(c + i * ldc + j * VECTOR, sums[i][j]);
            else
                vec_store(c + i * ldc + j * VECTOR, sums[i][j]);
}

INLINE void tile_end(const int rows, const int vectors, const tile *t, vec sums[TILE_ROWS][2]) {
    const float *below = t->below;
    for (int addend = 0; addend < t->addends; addend++, below += t->next_below)
#pragma GCC unroll 14
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++)
                sums[i][j] = vec_load(below + i * t->ld_below + j * VECTOR) + sums[i][j];
    if (t->stream)
        tile_store(rows, vectors, true, t->c, t->ldc, sums);
    else
        tile_store(rows, vectors, false, t->c, t->ldc, sums);
}

INLINE void tile_of(const int rows, const int vectors, const tile *t) {
    vec sums[TILE_ROWS][2];
    tile_sums(rows, vectors, t, sums);
    tile_end(rows, vectors, t, sums);
}

/* Asks for the tile's lines of C before the sums are ready. */
INLINE void tile_fetch(int64_t rows, const tile *t) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < PANEL; j += LINE)
            __builtin_prefetch(t->c + i * t->ldc + j, 1);
}

/* Memory that tile after tile fetches, line after line, until its end. */
typedef struct stretch {
    const float *from, *end;
} stretch;

/* The lines that `steps` steps ask for. */
INLINE memory_ahead stretch_take(stretch *s, int64_t steps) {
    if (s->from >= s->end)
        return (memory_ahead){NULL, 0};
    memory_ahead lines = {s->from, LINE};
    s->from += steps / UNROLL * LINE;
    return lines;
}

/* The tile of `rows` rows and `columns` columns, gemm.c. */
void MATH(tile_compute)(int64_t rows, int64_t columns, const tile *t);

/* TILE_CASE(count) for the number of rows, which is known only now. */
#define TILE_ROW_CASE(count)                                                                                                               \
    case count:                                                                                                                            \
        if (count <= TILE_ROWS)                                                                                                            \
            TILE_CASE(count);                                                                                                              \
        break;
#define TILE_OF_ROWS(rows)                                                                                                                 \
    switch (rows) {                                                                                                                        \
        TILE_ROW_CASE(1)                                                                                                                   \
        TILE_ROW_CASE(2)                                                                                                                   \
        TILE_ROW_CASE(3)                                                                                                                   \
        TILE_ROW_CASE(4)                                                                                                                   \
        TILE_ROW_CASE(5)                                                                                                                   \
        TILE_ROW_CASE(6)                                                                                                                   \
        TILE_ROW_CASE(7)                                                                                                                   \
        TILE_ROW_CASE(8)                                                                                                                   \
        TILE_ROW_CASE(9)                                                                                                                   \
        TILE_ROW_CASE(10)                                                                                                                  \
        TILE_ROW_CASE(11)                                                                                                                  \
        TILE_ROW_CASE(12)                                                                                                                  \
        TILE_ROW_CASE(13)                                                                                                                  \
        TILE_ROW_CASE(14)                                                                                                                  \
    }

#endif
