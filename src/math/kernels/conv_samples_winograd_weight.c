/* The weights' gradient of conv_samples_winograd.h: every sample's by itself, dU = Σ_tiles V ⊙ Z. V of all tiles is made once; then, for
 * TILE_CHANNELS output channels at a time, whose dy stays in first-level cache, Z a column of frequencies at a time. A frequency's
 * products, ROWS · COLUMNS sums in registers, go over all tiles. */
#include "math/kernels/conv_samples_winograd.h"

enum { ROWS = VECTOR == 16 ? 6 : 2, COLUMNS = 4 };

typedef struct gradients {
    const math_conv *g;
    samples_tiling t;
    int64_t c, oc; /* rounded up: there are zeros for channels that are missing */
    const float *x, *dy;
    const uint8_t *index; /* or NULL: there is no pool */
    bool bias;            /* its gradient is wanted too */
    float *laid_x, *laid_y, *lines;
    float *v;     /* [frequency][tile][channel] */
    float *tiles; /* of TILE_CHANNELS of dy */
    float *z;     /* a column of these: [tile][row][channel] */
    float *u;     /* [frequency][channel][output channel] */
    float *sums;
} gradients;

static gradients shapes_of(const math_conv *g) {
    return (gradients){.g = g, .t = MATH(samples_tiling)(g), .c = samples_rounded(g->c, 2), .oc = samples_rounded(g->oc, TILE_CHANNELS)};
}

static int64_t weights_of(const math_conv *g) {
    return KERNEL * KERNEL * g->c * g->oc;
}

/* Returns how many floats there are, without sums; scratch may be NULL. */
static int64_t lay_out(gradients *a, float *scratch) {
    const samples_tiling *t = &a->t;
    float **to[] = {&a->laid_x, &a->laid_y, &a->lines, &a->v, &a->tiles, &a->z, &a->u, &a->sums};
    const int64_t floats[] = {
        laid_floats(&t->x),
        laid_floats(&t->y),
        PATCH * MATH(samples_line_floats)(t),
        FREQUENCIES * t->tiles * a->c * VECTOR,
        t->tiles * TILE_VECTORS * VECTOR,
        STEP * t->tiles * TILE_CHANNELS * VECTOR,
        FREQUENCIES * a->c * a->oc * VECTOR,
        0,
    };
    int64_t count = 0;
    for (int i = 0; i < 8; i++) {
        *to[i] = scratch ? scratch + count : NULL;
        count += floats[i];
    }
    return count;
}

int64_t MATH(samples_winograd_weight_floats)(const math_conv *g, int levels) {
    gradients a = shapes_of(g);
    return lay_out(&a, NULL) + MATH(samples_sum_floats)(weights_of(g) + g->oc, levels);
}

/* ---- into frequencies ---- */

static void x_in_frequencies(const gradients *a) {
    const samples_tiling *t = &a->t;
    int64_t c = a->g->c, row = t->columns * c * VECTOR, frequency = t->tiles * a->c * VECTOR;
    MATH(samples_x_lines)(t, a->laid_x, a->lines);
    for (int j = 0; j < PATCH; j++)
        for (int64_t tile = 0; tile < t->tiles; tile++) {
            const float *from = a->lines + j * MATH(samples_line_floats)(t) + samples_line_place(t, tile);
            float *to = a->v + j * PATCH * frequency + tile * a->c * VECTOR;
            for (int64_t i = 0; i < c; i++)
                samples_x_in_column(from + i * VECTOR, row, to + i * VECTOR, frequency);
        }
}

static void dy_in_column(const gradients *a, int j) {
    const float *from = a->tiles;
    float *to = a->z;
    for (int64_t tile = 0; tile < a->t.tiles; tile++, to += STEP * TILE_CHANNELS * VECTOR)
        for (int64_t i = 0; i < TILE_CHANNELS; i++, from += STEP * STEP * VECTOR)
            samples_dy_in_column(j, from, to + i * VECTOR, to + (TILE_CHANNELS + i) * VECTOR);
}

/* ---- products ---- */

/* sums[channel][oc] = Σ_tiles v[tile][channel] · (z[tile][oc] + point · z[tile][TILE_CHANNELS + oc]), only with `mixed` the second term */
INLINE void product(const int rows, const bool mixed, float point, int64_t tiles, const float *v, int64_t v_step, const float *z,
                    float *sums, int64_t sums_row) {
    vec sum[ROWS][COLUMNS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < COLUMNS; k++)
            sum[i][k] = (vec){0};
    for (; tiles > 0; tiles--, v += v_step, z += STEP * TILE_CHANNELS * VECTOR) {
        vec right[COLUMNS];
        for (int k = 0; k < COLUMNS; k++) {
            right[k] = vec_load(z + k * VECTOR);
            if (mixed)
                right[k] += point * vec_load(z + (TILE_CHANNELS + k) * VECTOR);
        }
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            vec left = vec_load(v + i * VECTOR);
            for (int k = 0; k < COLUMNS; k++)
                sum[i][k] += left * right[k];
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < COLUMNS; k++)
            vec_store(sums + i * sums_row + k * VECTOR, sum[i][k]);
}

INLINE void products_of(const gradients *a, const bool mixed, float point, const float *v, const float *z, float *sums) {
    int64_t v_step = a->c * VECTOR, row = a->oc * VECTOR, tiles = a->t.tiles;
    for (int64_t c = 0; c < a->c; c += ROWS, v += ROWS * VECTOR, sums += ROWS * row)
        for (int64_t oc = 0; oc < TILE_CHANNELS * VECTOR; oc += COLUMNS * VECTOR)
            if (a->c - c >= ROWS)
                product(ROWS, mixed, point, tiles, v, v_step, z + oc, sums + oc, row);
            else if (a->c - c == 4)
                product(4, mixed, point, tiles, v, v_step, z + oc, sums + oc, row);
            else
                product(2, mixed, point, tiles, v, v_step, z + oc, sums + oc, row);
}

/* Of frequency (i, j) and TILE_CHANNELS output channels from oc on. */
static void products(const gradients *a, int i, int j, int64_t oc) {
    const float *v = a->v + (j * PATCH + i) * a->t.tiles * a->c * VECTOR;
    float *sums = a->u + ((j * PATCH + i) * a->c * a->oc + oc) * VECTOR;
    if (i == 0 || i == PATCH - 1)
        products_of(a, false, 0, v, i ? a->z + TILE_CHANNELS * VECTOR : a->z, sums);
    else
        products_of(a, true, samples_points[i], v, a->z, sums);
}

/* dw = Gᵀ u G, as [tap][c][oc] */
static void out_of_frequencies(const gradients *a, float *dw) {
    int64_t pairs = a->g->c * a->g->oc, plane = a->c * a->oc * VECTOR;
    for (int64_t pair = 0; pair < pairs; pair++) {
        const float *u = a->u + (pair / a->g->oc * a->oc + pair % a->g->oc) * VECTOR;
        vec half[PATCH * KERNEL], line[PATCH];
#pragma GCC unroll 6
        for (int j = 0; j < PATCH; j++) {
            for (int i = 0; i < PATCH; i++)
                line[i] = vec_load(u + (j * PATCH + i) * plane);
            samples_dw_line(line, half + j, PATCH);
        }
#pragma GCC unroll 5
        for (int i = 0; i < KERNEL; i++) {
            samples_dw_line(half + i * PATCH, line, 1);
            for (int j = 0; j < KERNEL; j++)
                vec_store(dw + ((i * KERNEL + j) * pairs + pair) * VECTOR, line[j]);
        }
    }
}

static void make_gradients(const void *context, int64_t first, int64_t samples, float *sums) {
    const gradients *a = context;
    const math_conv *g = a->g;
    int64_t out = (a->index ? a->t.tiles : g->oh * g->ow) * g->oc;
    MATH(samples_lay_plane)(&a->t.x, samples, a->x + first * g->h * g->w * g->c, a->laid_x);
    samples_dy dy = MATH(samples_lay_dy)(&a->t, samples, a->dy + first * out, a->index ? a->index + first * out : NULL, a->laid_y);
    x_in_frequencies(a);
    for (int64_t oc = 0; oc < a->oc; oc += TILE_CHANNELS) {
        MATH(samples_dy_tiles)(&a->t, &dy, oc, a->tiles);
        for (int j = 0; j < PATCH; j++) {
            dy_in_column(a, j);
            for (int i = 0; i < PATCH; i++)
                products(a, i, j, oc);
        }
    }
    out_of_frequencies(a, sums);
    if (a->bias)
        MATH(samples_add_pixels)(a->t.tiles, g->oc, dy.pooled.values, sums + weights_of(g) * VECTOR);
}

void MATH(samples_winograd_dw)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index,
                               float *dw, float *db, void *scratch) {
    gradients a = shapes_of(g);
    lay_out(&a, scratch);
    a.x = x;
    a.dy = dy;
    a.index = index;
    a.bias = db;
    if (a.c > g->c) /* missing channels stay zero */
        memset(a.v, 0, (size_t)(a.tiles - a.v) * sizeof *a.v);
    if (a.oc > g->oc)
        memset(a.tiles, 0, (size_t)(a.z - a.tiles) * sizeof *a.tiles);
    MATH(samples_sum_gradients)(lanes, weights_of(g), g->oc, make_gradients, &a, dw, db, a.sums);
}

void MATH(samples_winograd_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                   void *scratch) {
    (void)part;
    MATH(samples_winograd_dw)(g, lanes, x, dy, NULL, dw, NULL, scratch);
}
