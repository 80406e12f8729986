/* 5 × 5 convolutions of few channels by Winograd's transforms over samples (conv_samples_winograd.h): which of them are served, with what
 * tiles, weights and scratch. */
#include "math/kernels/conv_samples_winograd.h"

enum {
    LEAST_CHANNELS = 4, /* of either side: with fewer, transforms take what products save */
    MOST_CHANNELS = 32,
    MOST_FLOATS = 8192, /* of a plane, for one sample */
};

static bool serves(const math_conv *g, math_direction d) {
    (void)d;
    if (g->accurate || g->groups != 1 || g->kh != KERNEL || g->kw != KERNEL || g->pad_h >= KERNEL || g->pad_w >= KERNEL ||
        g->stride_h != 1 || g->stride_w != 1 || g->dilation_h != 1 || g->dilation_w != 1)
        return false;
    if (g->c < LEAST_CHANNELS || g->oc < LEAST_CHANNELS || g->c > MOST_CHANNELS || g->oc > MOST_CHANNELS)
        return false;
    samples_tiling t = MATH(samples_tiling)(g);
    return laid_floats(&t.x) <= MOST_FLOATS * VECTOR && laid_floats(&t.y) <= MOST_FLOATS * VECTOR;
}

samples_tiling MATH(samples_tiling)(const math_conv *g) {
    int64_t rows = (g->oh + STEP - 1) / STEP, columns = (g->ow + STEP - 1) / STEP;
    return (samples_tiling){
        .x = {g->h, g->w, g->c, rows * STEP + KERNEL - 1, columns * STEP + KERNEL - 1, g->pad_h, g->pad_w},
        .y = {g->oh, g->ow, g->oc, rows * STEP, columns * STEP, 0, 0},
        .columns = columns,
        .tiles = rows * columns,
    };
}

/* ---- the weights in frequencies ---- */

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    int64_t floats = d == MATH_FORWARD ? g->c * samples_rounded(g->oc, 2) : d == MATH_BACKWARD_DATA ? samples_rounded(g->c, 2) * g->oc : 0;
    return (size_t)(FREQUENCIES * floats) * sizeof(float);
}

/* Those of input channel c and `count` output channels from oc on. */
static void weights_in_frequencies(const math_conv *g, const float *w, int64_t c, int64_t oc, int64_t count, vec u[FREQUENCIES]) {
    vec half[KERNEL * PATCH];
    for (int j = 0; j < KERNEL; j++) {
        vec column[KERNEL];
        for (int i = 0; i < KERNEL; i++)
            column[i] = vec_load_part(w + ((i * KERNEL + j) * g->c + c) * g->oc + oc, count);
        samples_w_line(column, half + j, KERNEL);
    }
    for (int i = 0; i < PATCH; i++)
        samples_w_line(half + i * KERNEL, u + i, PATCH);
}

/* Place of frequency 0 of what `to`, of `outputs`, takes from `from`, of `inputs`; *step leads to the next frequency. */
static int64_t prepared_place(int64_t outputs, int64_t inputs, int64_t to, int64_t from, int64_t *step) {
    int64_t first = to / CHANNELS * CHANNELS, block = math_min(CHANNELS, samples_rounded(outputs, 2) - first);
    *step = inputs * block;
    return first * FREQUENCIES * inputs + from * block + to - first;
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    (void)part;
    memset(prepared, 0, prepared_bytes(g, d));
    for (int64_t c = 0; c < g->c; c++)
        for (int64_t first = 0; first < g->oc; first += VECTOR) {
            int64_t count = math_min(VECTOR, g->oc - first);
            vec u[FREQUENCIES];
            weights_in_frequencies(g, w, c, first, count, u);
            for (int64_t i = 0; i < count; i++) {
                int64_t step, oc = first + i;
                int64_t at = d == MATH_FORWARD ? prepared_place(g->oc, g->c, oc, c, &step) : prepared_place(g->c, g->oc, c, oc, &step);
                for (int f = 0; f < FREQUENCIES; f++)
                    ((float *)prepared)[at + f * step] = u[f][i];
            }
        }
}

/* ---- scratch ---- */

int64_t MATH(samples_lay_out)(const samples_tiling *t, float *scratch, samples_buffers *b) {
    float **to[] = {&b->x, &b->lines, &b->y, &b->tiles, &b->values, &b->half};
    const int64_t floats[] = {
        laid_floats(&t->x),
        PATCH * MATH(samples_line_floats)(t),
        laid_floats(&t->y),
        samples_tile_blocks(t) * t->tiles * TILE_VECTORS * VECTOR,
        math_max(t->x.c, t->y.c) * PATCH * TILES * VECTOR,
        math_max(samples_rounded(t->x.c, 2) * FREQUENCIES, samples_rounded(t->y.c, 2) * STEP * PATCH) * TILES * VECTOR,
    };
    int64_t count = 0;
    for (int i = 0; i < 6; i++) {
        *to[i] = scratch ? scratch + count : NULL;
        count += floats[i];
    }
    return count;
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    samples_tiling t = MATH(samples_tiling)(g);
    samples_buffers b;
    int64_t floats = d == MATH_BACKWARD_WEIGHT ? MATH(samples_winograd_weight_floats)(g, levels) : MATH(samples_lay_out)(&t, NULL, &b);
    return (size_t)floats * sizeof(float);
}

const conv_algorithm MATH(conv_samples_winograd) = {.name = "winograd by samples",
                                                    .serves = serves,
                                                    .scratch = scratch_bytes,
                                                    .prepared = prepared_bytes,
                                                    .prepare_parts = MATH(conv_one_part),
                                                    .prepare = prepare,
                                                    .forward = MATH(samples_winograd_forward),
                                                    .backward_data = MATH(samples_winograd_data),
                                                    .weight_parts = MATH(samples_weight_parts),
                                                    .backward_weight = MATH(samples_winograd_weight),
                                                    .pooled_forward = MATH(samples_winograd_pooled_forward),
                                                    .pooled_backward_data = MATH(samples_winograd_dx),
                                                    .pooled_backward_weight = MATH(samples_winograd_dw)};
