/* Winograd's minimal filtering for 5 × 5 windows of stride 1 over samples: F(2×2, 5×5) has tiles of 2 × 2 outputs and patches of 6 × 6
 * inputs as F(4×4, 3×3) has, and so its points, its transform of the inputs (winograd.h) and about its error, with 36 multiplications for
 * 4 outputs instead of 100. All three directions go over the tiles of y:
 *
 *     y = Aᵀ [U ⊙ V] A        dx = Σ_tiles B [Uᵀ ⊙ Z] Bᵀ        dw = Gᵀ [Σ_tiles V ⊙ Z] G        V = Bᵀ x B, U = G w Gᵀ, Z = A dy Aᵀ
 *
 * A vector is an element of VECTOR samples (conv_samples.c), so there is nothing to shuffle. Frequencies are counted down the columns.
 *
 * Forward and backward-data take TILES tiles of all samples together, so that what they need stays in first-level cache: their values in
 * frequencies are multiplied by U, [block of channels][frequency][channel][CHANNELS of the other side]. */
#ifndef SHOAL_MATH_CONV_SAMPLES_WINOGRAD_H
#define SHOAL_MATH_CONV_SAMPLES_WINOGRAD_H

#include "math/kernels/conv_samples.h"
#include "math/kernels/winograd.h"

enum {
    KERNEL = 5,
    STEP = 2,
    PATCH = 6,
    FREQUENCIES = PATCH * PATCH,
    TILES = 2,
    CHANNELS = VECTOR == 16 ? 8 : 6,
    TILE_CHANNELS = 8, /* of dy, that are in tiles together */
    TILE_VECTORS = TILE_CHANNELS * STEP * STEP,
};

/* ---- tiles and scratch: conv_samples_winograd.c ---- */

typedef struct samples_tiling {
    laid_plane x, y; /* with what tiles read and write beyond them */
    int64_t columns, tiles;
} samples_tiling;

samples_tiling MATH(samples_tiling)(const math_conv *g);

static inline int64_t laid_floats(const laid_plane *p) {
    return p->rows * p->columns * p->c * VECTOR;
}

/* Where tile i begins in a plane. */
static inline int64_t samples_tile_offset(const samples_tiling *t, const laid_plane *p, int64_t i) {
    return (i / t->columns * p->columns + i % t->columns) * STEP * p->c * VECTOR;
}

/* Of a group of tiles; a last one that is missing is the one before it once more. */
static inline int64_t samples_nth_tile(const samples_tiling *t, int64_t first, int k) {
    return math_min(first + k, t->tiles - 1);
}

/* Blocks of TILE_CHANNELS channels of dy. */
static inline int64_t samples_tile_blocks(const samples_tiling *t) {
    return (t->y.c + TILE_CHANNELS - 1) / TILE_CHANNELS;
}

/* Channels, rounded up to a multiple of `unit`. Those of U are even, so that fewer kinds of products are needed. */
static inline int64_t samples_rounded(int64_t channels, int64_t unit) {
    return (channels + unit - 1) / unit * unit;
}

/* What forward and backward-data need for a block of samples. */
typedef struct samples_buffers {
    float *x, *lines;
    float *y; /* laid, or what is behind a pool */
    float *tiles;
    float *values; /* a column of frequencies of TILES tiles of what is read */
    float *half;   /* and all columns of what is written */
} samples_buffers;

/* Returns how many floats there are; scratch may be NULL. */
int64_t MATH(samples_lay_out)(const samples_tiling *t, float *scratch, samples_buffers *b);

/* ---- one line of a tile; results are `step` apart ---- */

/* Aᵀ m */
INLINE void samples_y_line(const vec *m, vec *y, const int step) {
    y[0] = m[0] + ((m[1] + m[2]) + (m[3] + m[4]));
    y[step] = (m[5] + WINOGRAD_Q * (m[3] - m[4])) + WINOGRAD_P * (m[1] - m[2]);
}

/* B n */
INLINE void samples_dx_line(const vec *n, vec *d, const int step) {
    vec sum_p = n[1] + n[2], sum_q = n[3] + n[4];
    vec difference_p = WINOGRAD_P * (n[1] - n[2]), difference_q = WINOGRAD_Q * (n[3] - n[4]);
    d[0] = n[0];
    d[step] = n[5] - (2 * difference_p + 0.5f * difference_q);
    d[2 * step] = -2.5f * n[0] - (2 * sum_p + 0.5f * sum_q);
    d[3 * step] = (difference_p + difference_q) - 2.5f * n[5];
    d[4 * step] = n[0] + (sum_p + sum_q);
    d[5 * step] = n[5];
}

/* G w */
INLINE void samples_w_line(const vec *w, vec *u, const int step) {
    const float third = 1.0f / 3, sixth = 1.0f / 6;
    vec even_p = -2 * third * w[0] - (third * w[2] + sixth * w[4]), odd_p = WINOGRAD_P * (2 * third * w[1] + third * w[3]);
    vec even_q = sixth * w[0] + (third * w[2] + 2 * third * w[4]), odd_q = WINOGRAD_Q * (sixth * w[1] + third * w[3]);
    u[0] = w[0];
    u[step] = even_p - odd_p;
    u[2 * step] = even_p + odd_p;
    u[3 * step] = even_q + odd_q;
    u[4 * step] = even_q - odd_q;
    u[5 * step] = w[4];
}

/* Gᵀ u */
INLINE void samples_dw_line(const vec *u, vec *w, const int step) {
    const float third = 1.0f / 3, sixth = 1.0f / 6;
    vec sum_p = u[1] + u[2], sum_q = u[3] + u[4];
    vec difference_p = WINOGRAD_P * (u[1] - u[2]), difference_q = WINOGRAD_Q * (u[3] - u[4]);
    w[0] = u[0] + (sixth * sum_q - 2 * third * sum_p);
    w[step] = sixth * difference_q - 2 * third * difference_p;
    w[2 * step] = third * (sum_q - sum_p);
    w[3 * step] = third * (difference_q - difference_p);
    w[4 * step] = u[5] + (2 * third * sum_q - sixth * sum_p);
}

/* ---- a column of a tile's frequencies, of one channel ---- */

/* PATCH vectors, `step` floats apart */
INLINE void samples_x_in_column(const float *lines, int64_t row, float *to, int64_t step) {
    vec from[PATCH], column[PATCH];
#pragma GCC unroll 6
    for (int i = 0; i < PATCH; i++, lines += row)
        from[i] = vec_load(lines);
    winograd_x_line(PATCH, from, column, 1);
#pragma GCC unroll 6
    for (int i = 0; i < PATCH; i++, to += step)
        vec_store(to, column[i]);
}

/* dy's frequencies (i, j) are column j's first or its second row for the first and last i, and first + samples_points[i] · second between:
 * made where they are multiplied, they need no memory. */
static const float samples_points[PATCH] = {0, WINOGRAD_P, -WINOGRAD_P, WINOGRAD_Q, -WINOGRAD_Q, 0};

/* The two rows of column j. */
INLINE void samples_dy_in_column(int j, const float *tile, float *first, float *second) {
    float left = j < PATCH - 1, right = j < PATCH - 1 ? samples_points[j] : 1;
    vec_store(first, left * vec_load(tile) + right * vec_load(tile + VECTOR));
    vec_store(second, left * vec_load(tile + 2 * VECTOR) + right * vec_load(tile + 3 * VECTOR));
}

/* ---- products of a column of frequencies: conv_samples_winograd_product.c ---- */

/* Column j, from that of what is read, transformed down the column. values: of x [i][channel][tile], of dy [channel][row][tile];
 * half: [channel][tile][row][column] */
void MATH(samples_y_column)(const samples_tiling *t, int j, const float *values, const float *u, float *half);
void MATH(samples_dx_column)(const samples_tiling *t, int j, const float *values, const float *u, float *half);

/* ---- forward: conv_samples_winograd_forward.c ---- */

/* x transformed along its rows, [column of frequencies][row][tile column][channel], which both tiles below one another use. */
int64_t MATH(samples_line_floats)(const samples_tiling *t); /* of a column of frequencies */
void MATH(samples_x_lines)(const samples_tiling *t, const float *laid, float *lines);

/* Of `lines`, where tile i's are in column j. */
static inline int64_t samples_line_place(const samples_tiling *t, int64_t i) {
    return (i / t->columns * STEP * t->columns + i % t->columns) * t->x.c * VECTOR;
}

/* What is behind a pool, in memory for a laid y. */
static inline samples_pooled samples_pooled_in(const samples_tiling *t, float *memory) {
    return (samples_pooled){memory, memory + t->tiles * t->y.c * VECTOR};
}

void MATH(samples_winograd_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                                    void *scratch);
void MATH(samples_winograd_pooled_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                                           uint8_t *index, void *scratch);

/* ---- backward-data: conv_samples_winograd_data.c ---- */

/* Planes of dy, or of what is behind a pool that is then the tiles themselves. */
typedef struct samples_dy {
    float *laid;           /* or NULL */
    samples_pooled pooled; /* where `laid` is NULL */
} samples_dy;

/* Lays dy for samples_dy_tiles. index NULL: there is no pool. */
samples_dy MATH(samples_lay_dy)(const samples_tiling *t, int64_t samples, const float *dy, const uint8_t *index, float *memory);

/* dy of TILE_CHANNELS channels from oc on, in tiles: [tile][channel][element]. Missing channels are left alone. */
void MATH(samples_dy_tiles)(const samples_tiling *t, const samples_dy *dy, int64_t oc, float *tiles);

void MATH(samples_winograd_data)(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch);
/* index NULL: there is no pool. */
void MATH(samples_winograd_dx)(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                               bool add, void *scratch);

/* ---- the weights' gradient: conv_samples_winograd_weight.c ---- */

int64_t MATH(samples_winograd_weight_floats)(const math_conv *g, int levels);
void MATH(samples_winograd_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                   void *scratch);
/* index NULL: there is no pool, and db is NULL too. */
void MATH(samples_winograd_dw)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index,
                               float *dw, float *db, void *scratch);

#endif
