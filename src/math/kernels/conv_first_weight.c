/* The weights' gradient of a convolution of pictures (conv_first.c):
 *
 *     dw[r, i, oc] = Σ_pixel x[row of the pixel + r][pixel · stride · c + i] · dy[pixel, oc]          i < kw · c
 *
 * Tiles of up to LENGTH consecutive i by one or two vectors of oc are held in registers over all pixels of a band of the output: a step
 * loads the pixel's vectors of dy, which stay in second-level cache while all tiles of the band pass over them, and multiplies them by
 * consecutive values of x. A part has 32 channels: two parts for the 64 of VGG and ResNet, because each of them reads dy from memory. */
#include <string.h>

#include "math/kernels/conv_first.h"

enum {
    PART_CHANNELS = 32,
    LENGTH = 9, /* at most, and with two vectors as many as there are registers for */
    PAIR_LENGTH = VECTOR == 16 ? 9 : 6,
};

typedef struct tile {
    const float *x, *dy;
    int64_t row, step; /* floats in x from a row of the output to the next, and from a pixel to the next */
    int64_t rows, pixels, oc;
    int64_t channels; /* of a single vector */
    int64_t line;     /* of a pixel's two, which of them is fetched: where it begins */
    float *sums;      /* rows of PART_CHANNELS */
} tile;

/* Adds the band's sums over pixels. */
INLINE void tile_sums(const tile *t, const int length, const int vectors) {
    vec sums[LENGTH][2];
#pragma GCC unroll 9
    for (int i = 0; i < length; i++)
        sums[i][0] = sums[i][1] = vec_set(0);
    const float *dy = t->dy;
    const int64_t step = t->step, oc = t->oc, ahead = t->rows * t->pixels * oc + t->line; /* in the next band */
    for (int64_t r = 0; r < t->rows; r++) {
        const float *x = t->x + r * t->row;
        for (int64_t p = t->pixels; p > 0; p--, x += step, dy += oc) {
            __builtin_prefetch(dy + ahead, 0, 2);
            vec right[2] = {vectors == 1 ? vec_load_part(dy, t->channels) : vec_load(dy)};
            if (vectors == 2)
                right[1] = vec_load(dy + VECTOR);
#pragma GCC unroll 9
            for (int i = 0; i < length; i++) {
                vec left = vec_set(x[i]);
                for (int v = 0; v < vectors; v++)
                    sums[i][v] += left * right[v];
            }
        }
    }
#pragma GCC unroll 9
    for (int i = 0; i < length; i++)
        for (int v = 0; v < vectors; v++) {
            float *to = t->sums + i * PART_CHANNELS + v * VECTOR;
            vec_store(to, vec_load(to) + sums[i][v]);
        }
}

INLINE void sums_of_length(const tile *t, int64_t length, const int vectors) {
    switch (length) {
    case 1:
        tile_sums(t, 1, vectors);
        break;
    case 2:
        tile_sums(t, 2, vectors);
        break;
    case 3:
        tile_sums(t, 3, vectors);
        break;
    case 4:
        tile_sums(t, 4, vectors);
        break;
    case 5:
        tile_sums(t, 5, vectors);
        break;
    case 6:
        tile_sums(t, 6, vectors);
        break;
    case 7:
        tile_sums(t, 7, vectors);
        break;
    case 8:
        tile_sums(t, 8, vectors);
        break;
    default:
        tile_sums(t, 9, vectors);
    }
}

/* All taps, where `t` is the first one's. The rows of the kernel are cut into tiles of nearly equal length. */
static void add_taps(const math_conv *g, tile t, int vectors) {
    int64_t length = g->kw * g->c, most = vectors == 2 ? PAIR_LENGTH : LENGTH, tiles = (length + most - 1) / most;
    const tile origin = t;
    for (int64_t r = 0; r < g->kh; r++) {
        t.line = vectors * VECTOR > LINE ? r % 2 * LINE : 0;
        for (int64_t i = 0; i < tiles; i++) {
            int64_t first = i * length / tiles, count = (i + 1) * length / tiles - first;
            t.x = origin.x + r * first_row_length(g) + first;
            t.sums = origin.sums + (r * length + first) * PART_CHANNELS;
            if (vectors == 2)
                sums_of_length(&t, count, 2);
            else
                sums_of_length(&t, count, 1);
        }
    }
}

typedef struct operands {
    const math_conv *g;
    const float *x, *dy; /* dy: the part's first channel */
    int64_t channels;
    float *band;
} operands;

static void add_band(const operands *a, int64_t rows, const float *dy, float *sums) {
    const math_conv *g = a->g;
    for (int64_t channel = 0, vectors; channel < a->channels; channel += vectors * VECTOR) {
        vectors = a->channels - channel >= 2 * VECTOR ? 2 : 1;
        tile t = {.x = a->band,
                  .dy = dy + channel,
                  .row = g->stride_h * first_row_length(g),
                  .step = g->stride_w * g->c,
                  .rows = rows,
                  .pixels = g->ow,
                  .oc = g->oc,
                  .channels = math_min(VECTOR, a->channels - channel),
                  .sums = sums + channel};
        add_taps(g, t, (int)vectors);
    }
}

/* A lane's share. */
static void share(const void *context, int64_t first, int64_t last, float *sums) {
    const operands *a = context;
    const math_conv *g = a->g;
    memset(sums, 0, (size_t)(first_taps(g) * PART_CHANNELS) * sizeof *sums);
    int64_t rows = MATH(first_band_rows)(g);
    for (int64_t image = first; image < last; image++)
        for (int64_t row = 0; row < g->oh; row += rows) {
            int64_t count = math_min(rows, g->oh - row);
            MATH(first_copy_band)(g, row, count, a->x + image * g->h * g->w * g->c, a->band);
            add_band(a, count, a->dy + (image * g->oh + row) * g->ow * g->oc, sums);
        }
}

int64_t MATH(first_weight_floats)(const math_conv *g, int levels) {
    return levels * first_taps(g) * PART_CHANNELS;
}

int MATH(first_weight_parts)(const math_conv *g) {
    return (int)((g->oc + PART_CHANNELS - 1) / PART_CHANNELS);
}

void MATH(first_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                 void *scratch) {
    int64_t channel = (int64_t)part * PART_CHANNELS, count = math_min(PART_CHANNELS, g->oc - channel);
    int64_t taps = first_taps(g), floats = taps * PART_CHANNELS;
    float *sums = scratch;
    operands a = {g, x, dy + channel, count, sums + MATH(first_weight_floats)(g, lanes->levels)};
    MATH(sum_lanes)(lanes, floats, share, &a, sums, sums + floats);
    for (int64_t i = 0; i < taps; i++)
        memcpy(dw + i * g->oc + channel, sums + i * PART_CHANNELS, (size_t)count * sizeof *dw);
}
