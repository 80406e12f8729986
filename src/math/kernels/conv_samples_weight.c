/* The weights' gradient of a convolution by samples (conv_samples.c): that of every sample by itself,
 *
 *     dw[r, i, oc] = Σ_pixel x[row of the pixel + r][pixel · c + i] · dy[pixel, oc]          i < kw · c
 *
 * VECTOR samples at a time, whichever lanes they belong to. Tiles of up to LENGTH consecutive i by CHANNELS of oc are held in registers
 * over a band of rows of dy, which with the rows of x that it meets stays in first-level cache while all tiles pass over it. */
#include "math/kernels/conv_samples.h"

enum {
    LENGTH = 5,
    CHANNELS = VECTOR == 16 ? 3 : 2,
    BAND_FLOATS = 6 * 1024, /* of dy, all samples */
};

static int64_t weights_of(const unit_conv *g) {
    return g->kh * g->kw * g->c * g->oc;
}

/* An even number, as pooled rows become two. */
static int64_t band_rows(const unit_conv *g) {
    int64_t rows = BAND_FLOATS / (g->ow * g->oc * VECTOR) / 2 * 2;
    return rows < 2 ? 2 : rows;
}

typedef struct tile {
    const float *x, *dy;
    int64_t rows, pixels, x_row, x_step, dy_step; /* floats from a row or a pixel to the next; rows of dy follow one another */
    int64_t oc;
    float *sums;
} tile;

/* Adds the band's sums over pixels. */
INLINE void tile_sums(const tile *t, const int length, const int channels) {
    vec sums[LENGTH][CHANNELS];
#pragma GCC unroll 5
    for (int i = 0; i < length; i++)
        for (int o = 0; o < channels; o++)
            sums[i][o] = vec_load(t->sums + (i * t->oc + o) * VECTOR);
    const float *dy = t->dy;
    const int64_t x_step = t->x_step, dy_step = t->dy_step;
    for (int64_t r = 0; r < t->rows; r++) {
        const float *x = t->x + r * t->x_row;
        for (int64_t p = t->pixels; p > 0; p--, x += x_step, dy += dy_step) {
            vec right[CHANNELS];
            for (int o = 0; o < channels; o++)
                right[o] = vec_load(dy + o * VECTOR);
#pragma GCC unroll 5
            for (int i = 0; i < length; i++) {
                vec left = vec_load(x + i * VECTOR);
                for (int o = 0; o < channels; o++)
                    sums[i][o] += left * right[o];
            }
        }
    }
#pragma GCC unroll 5
    for (int i = 0; i < length; i++)
        for (int o = 0; o < channels; o++)
            vec_store(t->sums + (i * t->oc + o) * VECTOR, sums[i][o]);
}

INLINE void tile_of_length(const tile *t, int64_t length, const int channels) {
    switch (length) {
    case 1:
        tile_sums(t, 1, channels);
        break;
    case 2:
        tile_sums(t, 2, channels);
        break;
    case 3:
        tile_sums(t, 3, channels);
        break;
    case 4:
        tile_sums(t, 4, channels);
        break;
    default:
        tile_sums(t, 5, channels);
    }
}

static void tile_of(const tile *t, int64_t length, int64_t channels) {
    if (channels >= CHANNELS)
        tile_of_length(t, length, CHANNELS);
    else if (channels == 2)
        tile_of_length(t, length, 2);
    else
        tile_of_length(t, length, 1);
}

/* Row r of the kernel, over the rows of the band that meet the plane with it; `dy` is the band's first. */
static void add_kernel_row(const unit_conv *g, int64_t r, int64_t row, int64_t rows, const float *laid, const float *dy, float *sums) {
    int64_t first = row + r < g->top ? g->top - r : row, last = math_min(row + rows, g->h + g->top - r);
    int64_t length = g->kw * g->c, tiles = (length + LENGTH - 1) / LENGTH, pixel = g->oc * VECTOR;
    if (first >= last)
        return;
    for (int64_t oc = 0; oc < g->oc; oc += CHANNELS)
        for (int64_t k = 0; k < tiles; k++) {
            int64_t i = k * length / tiles;
            tile t = {.x = laid + (first + r - g->top) * MATH(samples_row)(g) + i * VECTOR,
                      .dy = dy + (first - row) * g->ow * pixel + oc * VECTOR,
                      .rows = last - first,
                      .pixels = g->ow,
                      .x_row = MATH(samples_row)(g),
                      .x_step = g->c * VECTOR,
                      .dy_step = pixel,
                      .oc = g->oc,
                      .sums = sums + ((r * length + i) * g->oc + oc) * VECTOR};
            tile_of(&t, (k + 1) * length / tiles - i, g->oc - oc);
        }
}

typedef struct gradients {
    unit_conv g;
    const float *x, *dy;
    const uint8_t *index; /* or NULL: there is no pool */
    bool bias;            /* its gradient is wanted too */
    float *laid, *band;
    samples_pooled pooled;
} gradients;

static int64_t pooled_count(const unit_conv *g) {
    return g->oh / 2 * (g->ow / 2) * g->oc;
}

/* Rows [top, top + count) of dy, laid. */
static void lay_band(const gradients *a, int64_t first, int64_t samples, int64_t top, int64_t count) {
    const unit_conv *g = &a->g;
    int64_t row = g->ow * g->oc, pooled_row = g->ow / 2 * g->oc;
    if (!a->index)
        MATH(samples_gather)(samples, g->oh * row, count * row, a->dy + (first * g->oh + top) * row, a->band);
    for (int64_t i = 0; a->index && i < count; i += 2)
        MATH(samples_unpool_row)
    (g->ow / 2, g->oc, samples_pooled_at(a->pooled, (top + i) / 2 * pooled_row), a->band + i * row * VECTOR, row * VECTOR);
}

static void make_gradients(const void *context, int64_t first, int64_t samples, float *sums) {
    const gradients *a = context;
    const unit_conv *g = &a->g;
    int64_t rows = band_rows(g), pooled = pooled_count(g);
    MATH(samples_lay)(g, samples, a->x + first * g->h * g->w * g->c, a->laid);
    memset(sums, 0, (size_t)(weights_of(g) * VECTOR) * sizeof *sums);
    if (a->index)
        MATH(samples_gather_pooled)(samples, pooled, a->dy + first * pooled, a->index + first * pooled, a->pooled);
    for (int64_t top = 0; top < g->oh; top += rows) {
        int64_t count = math_min(rows, g->oh - top);
        lay_band(a, first, samples, top, count);
        for (int64_t r = 0; r < g->kh; r++)
            add_kernel_row(g, r, top, count, a->laid, a->band, sums);
    }
    if (a->bias)
        MATH(samples_add_pixels)(pooled / g->oc, g->oc, a->pooled.values, sums + weights_of(g) * VECTOR);
}

/* Returns how many floats there are, without the sums; scratch may be NULL. */
static int64_t lay_out(gradients *a, float *scratch) {
    int64_t laid = a->g.h * MATH(samples_row)(&a->g), band = band_rows(&a->g) * a->g.ow * a->g.oc * VECTOR;
    int64_t pooled = pooled_count(&a->g) * VECTOR;
    if (scratch) {
        a->laid = scratch;
        a->band = scratch + laid;
        a->pooled = (samples_pooled){a->band + band, a->band + band + pooled};
    }
    return laid + band + 2 * pooled;
}

int64_t MATH(samples_weight_floats)(const math_conv *g, int levels) {
    gradients a = {.g = MATH(samples_conv)(g, MATH_BACKWARD_WEIGHT)};
    return lay_out(&a, NULL) + MATH(samples_sum_floats)(weights_of(&a.g) + a.g.oc, levels);
}

int MATH(samples_weight_parts)(const math_conv *g) {
    (void)g;
    return 1;
}

void MATH(samples_dw)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index, float *dw,
                      float *db, void *scratch) {
    gradients a = {.g = MATH(samples_conv)(g, MATH_BACKWARD_WEIGHT), .x = x, .dy = dy, .index = index, .bias = db};
    float *sums = (float *)scratch + lay_out(&a, scratch);
    MATH(samples_sum_gradients)(lanes, weights_of(&a.g), g->oc, make_gradients, &a, dw, db, sums);
}

void MATH(samples_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                   void *scratch) {
    (void)part;
    MATH(samples_dw)(g, lanes, x, dy, NULL, dw, NULL, scratch);
}
