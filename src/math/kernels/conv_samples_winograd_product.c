/* Products of frequencies (conv_samples_winograd.h), forward and backward-data: the values of a group of tiles, [channel][tile], by U's
 * block of channels, TILES · CHANNELS sums in registers. As soon as the six products of a column of frequencies are there, they are
 * transformed down the column. */
#include "math/kernels/conv_samples_winograd.h"

/* sums[channel][tile] = Σ_i (values[i][tile] + point · values[i][TILES + tile]) · u[i][channel], only with `mixed` the second term */
INLINE void product(const int channels, int64_t count, const float *values, int64_t step, const bool mixed, float point, const float *u,
                    vec *sums) {
    vec sum[TILES * CHANNELS];
#pragma GCC unroll 16
    for (int i = 0; i < TILES * channels; i++)
        sum[i] = (vec){0};
    for (; count > 0; count--, values += step, u += channels) {
        vec value[TILES];
        for (int t = 0; t < TILES; t++) {
            value[t] = vec_load(values + t * VECTOR);
            if (mixed)
                value[t] += point * vec_load(values + (TILES + t) * VECTOR);
        }
#pragma GCC unroll 8
        for (int o = 0; o < channels; o++) {
            vec weight = vec_set(u[o]);
            for (int t = 0; t < TILES; t++)
                sum[o * TILES + t] += value[t] * weight;
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < TILES * channels; i++)
        sums[i] = sum[i];
}

/* Of frequency i of a column: forward, from x [i][channel][tile]; else from dy [channel][row][tile]. */
INLINE void products(const int channels, int64_t count, int i, const float *values, const float *u, const bool forward, vec *sums) {
    const int64_t tiles = TILES * VECTOR;
    u += i * count * channels;
    if (forward)
        product(channels, count, values + i * count * tiles, tiles, false, 0, u, sums);
    else if (i == 0 || i == PATCH - 1)
        product(channels, count, i ? values + tiles : values, 2 * tiles, false, 0, u, sums);
    else
        product(channels, count, values, 2 * tiles, true, samples_points[i], u, sums);
}

/* A column of frequencies: its products, transformed down the column. half: [channel][tile][row][column] */
INLINE void column_of_products(const int channels, int64_t count, const float *values, const float *u, const bool forward, float *half) {
    vec sums[PATCH][TILES * CHANNELS];
    const int rows = forward ? STEP : PATCH;
    for (int i = 0; i < PATCH; i++)
        products(channels, count, i, values, u, forward, sums[i]);
    for (int k = 0; k < TILES * channels; k++, half += rows * PATCH * VECTOR) {
        vec column[PATCH], to[PATCH];
#pragma GCC unroll 6
        for (int i = 0; i < PATCH; i++)
            column[i] = sums[i][k];
        if (forward)
            samples_y_line(column, to, 1);
        else
            samples_dx_line(column, to, 1);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++)
            vec_store(half + i * PATCH * VECTOR, to[i]);
    }
}

INLINE void column_of(int64_t channels, int64_t count, const float *values, const float *u, const bool forward, float *half) {
    switch (channels) {
    case 2:
        column_of_products(2, count, values, u, forward, half);
        break;
    case 4:
        column_of_products(4, count, values, u, forward, half);
        break;
    case 6:
        column_of_products(6, count, values, u, forward, half);
        break;
    default:
        column_of_products(CHANNELS, count, values, u, forward, half);
    }
}

/* Column j for all channels that are written, from `count` that are read. */
INLINE void column_of_all(int64_t outputs, int64_t count, int j, const float *values, const float *u, const bool forward, float *half) {
    for (int64_t first = 0; first < outputs; first += CHANNELS) {
        int64_t channels = math_min(CHANNELS, samples_rounded(outputs, 2) - first), column = PATCH * count * channels;
        column_of(channels, count, values, u + first * FREQUENCIES * count + j * column, forward,
                  half + (first * TILES * (forward ? STEP : PATCH) * PATCH + j) * VECTOR);
    }
}

void MATH(samples_y_column)(const samples_tiling *t, int j, const float *values, const float *u, float *half) {
    column_of_all(t->y.c, t->x.c, j, values, u, true, half);
}

void MATH(samples_dx_column)(const samples_tiling *t, int j, const float *values, const float *u, float *half) {
    column_of_all(t->x.c, t->y.c, j, values, u, false, half);
}
