/* Convolutions on small planes whose outputs have fewer channels than a vector has floats, as LeNet's: vectors over channels would be
 * mostly empty, so they run over samples. The planes of VECTOR samples are transposed into [row][pixel, channel][sample], and then
 *
 *     y[pixel, oc] = bias[oc] + Σ_{r, i} x[row of the pixel + r][pixel · c + i] · w[r, i, oc]          i < kw · c
 *
 * holds for whole vectors. A tile of PIXELS · CHANNELS of y is held in registers; a step loads PIXELS vectors of x and multiplies them by
 * CHANNELS weights, prepared as [tile of channels][r, i][CHANNELS]. Each row of y is transposed back while it is in first-level cache, x
 * stays in the second. An element of a vector knows nothing of the others, so a sample's bits do not depend on its company. */
#include "math/kernels/conv_samples.h"

enum {
    PIXELS = VECTOR == 16 ? 4 : 2,
    CHANNELS = 6,
    MOST_FLOATS = 8192, /* of a laid plane, for one sample */
};

unit_conv MATH(samples_conv)(const math_conv *g, math_direction d) {
    if (d == MATH_BACKWARD_DATA)
        return (unit_conv){g->oh, g->ow, g->oc, g->h, g->w, g->c, g->kh, g->kw, g->kh - 1 - g->pad_h, g->kw - 1 - g->pad_w};
    return (unit_conv){g->h, g->w, g->c, g->oh, g->ow, g->oc, g->kh, g->kw, g->pad_h, g->pad_w};
}

static bool serves(const math_conv *g, math_direction d) {
    bool plain = g->groups == 1 && g->dilation_h == 1 && g->dilation_w == 1 && g->stride_h == 1 && g->stride_w == 1;
    if (!plain || g->kh * g->kw == 1 || g->pad_h >= g->kh || g->pad_w >= g->kw)
        return false;
    unit_conv u = MATH(samples_conv)(g, d);
    return u.oc < VECTOR && u.h * MATH(samples_row)(&u) <= MOST_FLOATS * VECTOR;
}

/* ---- planes of all samples ---- */

int64_t MATH(samples_row)(const unit_conv *g) {
    int64_t pixels = (g->ow + PIXELS - 1) / PIXELS * PIXELS;
    return (pixels + g->kw - 1) * g->c * VECTOR;
}

void MATH(samples_lay)(const unit_conv *g, int64_t samples, const float *x, float *laid) {
    int64_t left = g->left * g->c * VECTOR, floats = g->w * g->c, row = MATH(samples_row)(g), used = left + floats * VECTOR;
    for (int64_t i = 0; i < g->h; i++, laid += row, x += floats) {
        memset(laid, 0, (size_t)left * sizeof *laid);
        MATH(samples_gather)(samples, g->h * floats, floats, x, laid + left);
        memset(laid + used, 0, (size_t)(row - used) * sizeof *laid);
    }
}

/* ---- the weights: [tile of channels][r, i][CHANNELS], turned by 180° and transposed for backward-data ---- */

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    return d == MATH_BACKWARD_WEIGHT ? 0 : (size_t)(g->kh * g->kw * g->c * g->oc) * sizeof(float);
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    (void)part;
    unit_conv u = MATH(samples_conv)(g, d);
    int64_t taps = u.kh * u.kw;
    float *to = prepared;
    for (int64_t first = 0; first < u.oc; first += CHANNELS)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t c = 0; c < u.c; c++)
                for (int64_t oc = first; oc < math_min(u.oc, first + CHANNELS); oc++)
                    *to++ = d == MATH_FORWARD ? w[(tap * g->c + c) * g->oc + oc] : w[((taps - 1 - tap) * g->c + oc) * g->oc + c];
}

/* ---- forward and backward-data ---- */

typedef struct tile {
    const float *x, *w, *bias;
    int64_t rows, row;     /* of the kernel; floats of a laid row */
    int64_t length, w_row; /* how many i; floats of a row of w */
    int64_t step;          /* floats from a pixel to the next */
    int64_t pixels, oc;
    float *y;
} tile;

INLINE void tile_sums(const tile *t, const int channels) {
    vec sums[PIXELS][CHANNELS];
    for (int p = 0; p < PIXELS; p++)
        for (int o = 0; o < channels; o++)
            sums[p][o] = vec_set(t->bias ? t->bias[o] : 0);
    const int64_t step = t->step;
    for (int64_t r = 0; r < t->rows; r++) {
        const float *x = t->x + r * t->row, *w = t->w + r * t->w_row;
        for (int64_t i = t->length; i > 0; i--, x += VECTOR, w += channels) {
            vec values[PIXELS];
            for (int p = 0; p < PIXELS; p++)
                values[p] = vec_load(x + p * step);
#pragma GCC unroll 6
            for (int o = 0; o < channels; o++) {
                vec weight = vec_set(w[o]);
                for (int p = 0; p < PIXELS; p++)
                    sums[p][o] += values[p] * weight;
            }
        }
    }
    for (int p = 0; p < PIXELS; p++)
        for (int o = 0; o < channels; o++)
            if (p < t->pixels)
                vec_store(t->y + (p * t->oc + o) * VECTOR, sums[p][o]);
}

static void tile_of(const tile *t, int64_t channels) {
    switch (channels) {
    case 1:
        tile_sums(t, 1);
        break;
    case 2:
        tile_sums(t, 2);
        break;
    case 3:
        tile_sums(t, 3);
        break;
    case 4:
        tile_sums(t, 4);
        break;
    case 5:
        tile_sums(t, 5);
        break;
    default:
        tile_sums(t, 6);
    }
}

/* One row of what is written, some of its channels. `t` is at the first pixel and the first tap; taps that only meet zeros are left out. */
static void row_tiles(const unit_conv *g, int64_t channels, const tile *t) {
    for (int64_t pixel = 0; pixel < g->ow; pixel += PIXELS) {
        int64_t end = math_min(pixel + PIXELS, g->ow), first = end - 1 < g->left ? g->left - end + 1 : 0;
        int64_t last = math_min(g->kw, g->w + g->left - pixel);
        tile here = *t;
        here.x += (pixel + first) * t->step;
        here.w += first * g->c * channels;
        here.length = (last - first) * g->c;
        here.pixels = end - pixel;
        here.y += pixel * g->oc * VECTOR;
        tile_of(&here, channels);
    }
}

static void row_sums(const unit_conv *g, int64_t row, const float *laid, const float *w, const float *bias, float *y) {
    int64_t first = row < g->top ? g->top - row : 0, last = math_min(g->kh, g->h + g->top - row);
    for (int64_t oc = 0; oc < g->oc; oc += CHANNELS) {
        int64_t channels = math_min(CHANNELS, g->oc - oc), w_row = g->kw * g->c * channels;
        tile t = {.x = laid + (row + first - g->top) * MATH(samples_row)(g),
                  .w = w + oc * g->kh * g->kw * g->c + first * w_row,
                  .bias = bias ? bias + oc : NULL,
                  .rows = last - first,
                  .row = MATH(samples_row)(g),
                  .w_row = w_row,
                  .step = g->c * VECTOR,
                  .oc = g->oc,
                  .y = y + oc * VECTOR};
        row_tiles(g, channels, &t);
    }
}

static void convolve(const unit_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y, bool add, float *scratch) {
    int64_t in = g->h * g->w * g->c, row_floats = g->ow * g->oc, out = g->oh * row_floats;
    float *row_of_y = scratch + g->h * MATH(samples_row)(g);
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_lay)(g, samples, x + first * in, scratch);
        for (int64_t row = 0; row < g->oh; row++) {
            row_sums(g, row, scratch, w, bias, row_of_y);
            MATH(samples_scatter)(samples, out, row_floats, row_of_y, y + first * out + row * row_floats, add);
        }
    }
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    unit_conv u = MATH(samples_conv)(g, MATH_FORWARD);
    convolve(&u, n, x, prepared, bias, y, false, scratch);
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    unit_conv u = MATH(samples_conv)(g, MATH_BACKWARD_DATA);
    convolve(&u, n, dy, prepared, NULL, dx, add, scratch);
}

/* ---- with relu and pooling ---- */

static void pooled_forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, uint8_t *index,
                           void *scratch) {
    unit_conv u = MATH(samples_conv)(g, MATH_FORWARD);
    int64_t in = u.h * u.w * u.c, row = u.ow * u.oc * VECTOR, pooled_row = u.ow / 2 * u.oc;
    int64_t out = u.oh / 2 * pooled_row;
    float *laid = scratch, *rows = laid + u.h * MATH(samples_row)(&u);
    samples_pooled pooled = {rows + 2 * row, rows + 2 * row + out * VECTOR};
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_lay)(&u, samples, x + first * in, laid);
        for (int64_t i = 0; i < u.oh / 2; i++) {
            row_sums(&u, 2 * i, laid, prepared, bias, rows);
            row_sums(&u, 2 * i + 1, laid, prepared, bias, rows + row);
            MATH(samples_pool_rows)(u.ow / 2, u.oc, rows, samples_pooled_at(pooled, i * pooled_row));
        }
        MATH(samples_scatter_pooled)(samples, out, pooled, y + first * out, index ? index + first * out : NULL);
    }
}

static void pooled_backward_data(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                                 bool add, void *scratch) {
    unit_conv u = MATH(samples_conv)(g, MATH_BACKWARD_DATA);
    int64_t laid_row = MATH(samples_row)(&u), row = u.ow * u.oc, out = u.oh * row, pooled_row = u.w / 2 * u.c, in = u.h / 2 * pooled_row;
    float *laid = scratch, *row_of_dx = laid + u.h * laid_row, *memory = row_of_dx + 2 * row * VECTOR;
    samples_pooled pooled = {memory, memory + in * VECTOR};
    memset(laid, 0, (size_t)(u.h * laid_row) * sizeof *laid);
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_gather_pooled)(samples, in, dy + first * in, index + first * in, pooled);
        for (int64_t i = 0; i < u.h / 2; i++)
            MATH(samples_unpool_row)
        (u.w / 2, u.c, samples_pooled_at(pooled, i * pooled_row), laid + 2 * i * laid_row + u.left * u.c * VECTOR, laid_row);
        for (int64_t i = 0; i < u.oh; i++) {
            row_sums(&u, i, laid, prepared, NULL, row_of_dx);
            MATH(samples_scatter)(samples, out, row, row_of_dx, dx + first * out + i * row, add);
        }
    }
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    unit_conv u = MATH(samples_conv)(g, d);
    int64_t floats = u.h * MATH(samples_row)(&u) + (2 * u.ow * u.oc + g->oh / 2 * (g->ow / 2) * g->oc * 2) * VECTOR;
    return (size_t)(d == MATH_BACKWARD_WEIGHT ? MATH(samples_weight_floats)(g, levels) : floats) * sizeof(float);
}

const conv_algorithm MATH(conv_samples) = {.name = "by samples",
                                           .serves = serves,
                                           .scratch = scratch_bytes,
                                           .prepared = prepared_bytes,
                                           .prepare_parts = MATH(conv_one_part),
                                           .prepare = prepare,
                                           .forward = forward,
                                           .backward_data = backward_data,
                                           .weight_parts = MATH(samples_weight_parts),
                                           .backward_weight = MATH(samples_backward_weight),
                                           .pooled_forward = pooled_forward,
                                           .pooled_backward_data = pooled_backward_data,
                                           .pooled_backward_weight = MATH(samples_dw)};
