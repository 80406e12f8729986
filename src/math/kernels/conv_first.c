/* Convolution of pictures: 1 to 4 input channels, too few for matrix products over channels. In a row of the input the values under one
 * row of the kernel are kw · c consecutive floats, so a pixel's window is kh such pieces, which are read where they lie:
 *
 *     y[pixel, oc] = Σ_{r, i} x[row of the pixel + r][pixel · stride · c + i] · w[r, i, oc]          i < kw · c
 *
 * The rows that a band of output rows sees are copied with their padding into scratch memory, so that no pixel has a border. Vectors run
 * over output channels: a tile of pixels · vectors of y is held in registers (6 · 4, 12 · 2 or 16 · 1 on AVX-512, 6 · 2 or 12 · 1 else)
 * and a step multiplies a vector of weights, prepared as [vector][r, i], by one value of x a pixel. A tile that reaches beyond the end of
 * a row computes pixels that nobody wants, from the slack at the end of the band's rows. */
#include <string.h>

#include "math/kernels/conv_first.h"

enum {
    CHANNELS = 4,
    BAND_FLOATS = 64 * 1024,     /* of the output: a quarter of a megabyte, for second-level caches */
    STREAM_FLOATS = 2560 * 1024, /* of the output */
    MOST_VECTORS = VECTOR == 16 ? 4 : 2,
    PIXELS_4 = 6,
    PIXELS_2 = VECTOR == 16 ? 12 : 6,
    PIXELS_1 = VECTOR == 16 ? 16 : 12,
};

static bool serves(const math_conv *g, math_direction d) {
    bool plain = g->groups == 1 && g->dilation_h == 1 && g->dilation_w == 1 && g->pad_w <= g->kw;
    return d != MATH_BACKWARD_DATA && plain && g->c <= CHANNELS && g->kh * g->kw > 1;
}

int64_t MATH(first_band_rows)(const math_conv *g) {
    int64_t rows = BAND_FLOATS / (g->ow * g->oc);
    return rows < 1 ? 1 : math_min(rows, g->oh);
}

int64_t MATH(first_band_floats)(const math_conv *g) {
    return ((MATH(first_band_rows)(g) - 1) * g->stride_h + g->kh) * first_row_length(g);
}

void MATH(first_copy_band)(const math_conv *g, int64_t first, int64_t rows, const float *image, float *band) {
    int64_t length = first_row_length(g), left = g->pad_w * g->c, width = math_min(g->w * g->c, length - left);
    int64_t top = first * g->stride_h - g->pad_h, count = (rows - 1) * g->stride_h + g->kh;
    for (int64_t row = top; row < top + count; row++, band += length) {
        if (row < 0 || row >= g->h) {
            memset(band, 0, (size_t)length * sizeof *band);
            continue;
        }
        memset(band, 0, (size_t)left * sizeof *band);
        memcpy(band + left, image + row * g->w * g->c, (size_t)width * sizeof *band);
        memset(band + left + width, 0, (size_t)(length - left - width) * sizeof *band);
    }
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    int64_t sums = d == MATH_BACKWARD_WEIGHT ? MATH(first_weight_floats)(g, levels) : 0;
    return (size_t)(MATH(first_band_floats)(g) + sums) * sizeof(float);
}

/* ---- the weights: [vector of output channels][r, i][VECTOR] ---- */

static int64_t channel_vectors(const math_conv *g) {
    return (g->oc + VECTOR - 1) / VECTOR;
}

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    return d == MATH_FORWARD ? (size_t)(channel_vectors(g) * first_taps(g)) * sizeof(vec) : 0;
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    (void)d;
    (void)part;
    float *to = prepared;
    for (int64_t oc = 0; oc < g->oc; oc += VECTOR)
        for (int64_t i = 0; i < first_taps(g); i++, to += VECTOR)
            vec_store(to, vec_load_part(w + i * g->oc + oc, math_min(VECTOR, g->oc - oc)));
}

/* ---- forward ---- */

typedef struct tile {
    const float *x, *w, *bias;
    int64_t kh, length, row, step; /* floats of a row of the kernel, of a row of the band, and from a pixel to the next */
    int64_t oc, channels, pixels;  /* channels, pixels: how many are wanted */
    bool stream;
    float *y;
} tile;

/* How many of vector v's channels there are. */
INLINE int64_t part_of(const tile *t, int v) {
    return math_min(VECTOR, t->channels - v * VECTOR);
}

INLINE void tile_sums(const tile *t, const int pixels, const int vectors) {
    vec sums[FIRST_PIXELS][MOST_VECTORS];
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < vectors; v++)
            sums[p][v] = t->bias ? vec_load_part(t->bias + v * VECTOR, part_of(t, v)) : vec_set(0);
    const int64_t step = t->step, next_vector = t->kh * t->length * VECTOR;
    const float *x = t->x, *w = t->w;
    for (int64_t r = 0; r < t->kh; r++, x += t->row)
        for (int64_t i = 0; i < t->length; i++, w += VECTOR) {
            vec weights[MOST_VECTORS];
            for (int v = 0; v < vectors; v++)
                weights[v] = vec_load(w + v * next_vector);
#pragma GCC unroll 16
            for (int p = 0; p < pixels; p++) {
                vec value = vec_set(x[i + p * step]);
                for (int v = 0; v < vectors; v++)
                    sums[p][v] += value * weights[v];
            }
        }
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < vectors; v++) {
            float *y = t->y + p * t->oc + v * VECTOR;
            if (p >= t->pixels)
                return;
            if (t->stream)
                vec_stream(y, sums[p][v]);
            else
                vec_store_part(y, sums[p][v], part_of(t, v));
        }
}

/* As many vectors as a tile can have of `left`. */
static int64_t tile_vectors(int64_t left) {
    return left >= MOST_VECTORS ? MOST_VECTORS : left >= 2 ? 2 : 1;
}

/* A row of the output, some vectors of it. */
static void row_sums(const math_conv *g, tile t, int64_t vectors) {
    const int64_t pixels = vectors == 4 ? PIXELS_4 : vectors == 2 ? PIXELS_2 : PIXELS_1;
    for (int64_t pixel = 0; pixel < g->ow; pixel += pixels) {
        t.pixels = math_min(pixels, g->ow - pixel);
        if (vectors == 4)
            tile_sums(&t, PIXELS_4, MOST_VECTORS);
        else if (vectors == 2)
            tile_sums(&t, PIXELS_2, 2);
        else
            tile_sums(&t, PIXELS_1, 1);
        t.x += pixels * t.step;
        t.y += pixels * g->oc;
    }
}

static void band_sums(const math_conv *g, int64_t rows, const float *band, const float *w, const float *bias, bool stream, float *y) {
    for (int64_t row = 0; row < rows; row++, y += g->ow * g->oc)
        for (int64_t v = 0, vectors; v < channel_vectors(g); v += vectors) {
            vectors = tile_vectors(channel_vectors(g) - v);
            tile t = {.x = band + row * g->stride_h * first_row_length(g),
                      .w = w + v * first_taps(g) * VECTOR,
                      .bias = bias ? bias + v * VECTOR : NULL,
                      .kh = g->kh,
                      .length = g->kw * g->c,
                      .row = first_row_length(g),
                      .step = g->stride_w * g->c,
                      .oc = g->oc,
                      .channels = g->oc - v * VECTOR,
                      .stream = stream,
                      .y = y + v * VECTOR};
            row_sums(g, t, vectors);
        }
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    int64_t rows = MATH(first_band_rows)(g), y_row = g->ow * g->oc;
    bool stream = n * g->oh * y_row >= STREAM_FLOATS && vec_streams_lines(y, g->oc);
    for (int64_t image = 0; image < n; image++, x += g->h * g->w * g->c, y += g->oh * y_row)
        for (int64_t row = 0; row < g->oh; row += rows) {
            int64_t count = math_min(rows, g->oh - row);
            MATH(first_copy_band)(g, row, count, x, scratch);
            band_sums(g, count, scratch, prepared, bias, stream, y + row * y_row);
        }
}

const conv_algorithm MATH(conv_first) = {.name = "direct",
                                         .serves = serves,
                                         .scratch = scratch_bytes,
                                         .prepared = prepared_bytes,
                                         .prepare_parts = MATH(conv_one_part),
                                         .prepare = prepare,
                                         .forward = forward,
                                         .weight_parts = MATH(first_weight_parts),
                                         .backward_weight = MATH(first_backward_weight)};
