/* 3 × 3 convolutions of stride 1 by Winograd's transforms (winograd.h): forward, and backward-data as the same thing with turned weights.
 * Tiles of all samples go in chunks:  x → V, n² planes [tile, c]   →   M = V · U, a product for each frequency   →   y from M.
 *
 * For a frequency a tile moves c + oc floats through the cache, and a chunk c · oc, the weights. A chunk of c · oc / (c + oc) tiles makes
 * both streams equal: few tiles where there are few channels, so that V and M stay in cache, and many where there are many. A tile is a row
 * of the products, so its bits depend neither on the chunk nor on the number of samples. */
#include <string.h>

#include "math/kernels/gemm.h"
#include "math/kernels/winograd.h"

enum { LEAST_TILES = 48 /* of a chunk */ };

/* Floats from which on an output goes past the caches. What forward writes is far from them; gradients often take the place of others that
 * have just been read. */
enum { STREAM_FORWARD = 512 * 1024, STREAM_BACKWARD = 2560 * 1024 };

static bool fits(const math_conv *g) {
    return g->kh == 3 && g->kw == 3 && g->stride_h == 1 && g->stride_w == 1 && g->dilation_h == 1 && g->dilation_w == 1 && g->groups == 1 &&
           g->pad_h <= 2 && g->pad_w <= 2 && g->c % 16 == 0 && g->oc % 16 == 0;
}

/* Faster than windows wherever it fits: by a third at 16 channels, three times at 256. */
static bool serves(const math_conv *g, math_direction d) {
    (void)d;
    return fits(g) && !g->accurate;
}

/* Slower than windows at 16 channels, nearly twice as fast from 64 on. */
static bool serves_accurate(const math_conv *g, math_direction d) {
    (void)d;
    return fits(g) && g->accurate && g->c >= 32 && g->oc >= 32;
}

static int64_t most_tiles(const math_conv *g) {
    int64_t tiles = g->c * g->oc / (g->c + g->oc);
    return tiles > LEAST_TILES ? tiles : LEAST_TILES;
}

static int64_t most_channels(const math_conv *g) {
    return g->c > g->oc ? g->c : g->oc;
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    if (d == MATH_BACKWARD_WEIGHT)
        return MATH(winograd_gradient_scratch)(g, levels);
    int64_t n = g->accurate ? 4 : 6, tiles = most_tiles(g);
    return (size_t)(2 * most_channels(g) + n * n * (winograd_plane(tiles, g->c) + winograd_plane(tiles, g->oc))) * sizeof(float);
}

/* y = bias + x * w, or y += x * w where bias is NULL; past the caches where y has `least` floats */
static void convolve(const winograd_tiling *t, int64_t most, const winograd_planes *in, const winograd_planes *out, int64_t samples,
                     const float *x, const float *u, int64_t u_plane, const float *zeros, const float *bias, float *y, int64_t least,
                     float *scratch) {
    float *nowhere = scratch;
    winograd_spectrum v = {nowhere + out->c, in->c, 0, winograd_plane(most, in->c)};
    winograd_spectrum m = {v.data + t->n * t->n * v.plane, out->c, 0, winograd_plane(most, out->c)};
    bool stream = bias && samples * out->h * out->w * out->c >= least && vec_streams_lines(y, out->c);
    int64_t tiles = samples * t->rows * t->columns, chunks = (tiles + most - 1) / most;
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = tiles * i / chunks, count = tiles * (i + 1) / chunks - first;
        MATH(winograd_x_tiles)(t, in, first, count, x, in->c, zeros, &v);
        MATH(winograd_products)(t->n, count, &v, u, u_plane, &m);
        MATH(winograd_y_tiles)(t, out, first, count, &m, bias, y, stream, nowhere);
    }
}

static float *row_of_zeros(const math_conv *g, void *scratch) {
    return memset(scratch, 0, (size_t)most_channels(g) * sizeof(float));
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    winograd_tiling t = MATH(winograd_tiling)(g, g->oh, g->ow);
    winograd_planes in = {g->h, g->w, g->c, g->pad_h, g->pad_w}, out = {g->oh, g->ow, g->oc, 0, 0};
    float *zeros = row_of_zeros(g, scratch);
    convolve(&t, most_tiles(g), &in, &out, n, x, prepared, MATH(winograd_weights_plane)(g, MATH_FORWARD), zeros, bias ? bias : zeros, y,
             STREAM_FORWARD, zeros + most_channels(g));
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    winograd_tiling t = MATH(winograd_tiling)(g, g->h, g->w);
    winograd_planes in = {g->oh, g->ow, g->oc, 2 - g->pad_h, 2 - g->pad_w}, out = {g->h, g->w, g->c, 0, 0};
    float *zeros = row_of_zeros(g, scratch);
    convolve(&t, most_tiles(g), &in, &out, n, dy, prepared, MATH(winograd_weights_plane)(g, MATH_BACKWARD_DATA), zeros, add ? NULL : zeros,
             dx, STREAM_BACKWARD, zeros + most_channels(g));
}

/* F(4×4, 3×3), and F(2×2, 3×3) where `accurate` is asked for. */
#define ALGORITHM(title, which)                                                                                                            \
    {                                                                                                                                      \
        .name = title, .serves = which, .scratch = scratch_bytes, .prepared = MATH(winograd_prepared),                                     \
        .prepare_parts = MATH(winograd_prepare_parts), .prepare = MATH(winograd_prepare), .forward = forward,                              \
        .backward_data = backward_data, .weight_parts = MATH(winograd_gradient_parts), .backward_weight = MATH(winograd_gradient)          \
    }
const conv_algorithm MATH(conv_winograd) = ALGORITHM("winograd 4x4", serves);
const conv_algorithm MATH(conv_winograd_accurate) = ALGORITHM("winograd 2x2", serves_accurate);
