/* 5 × 5 convolutions of few channels by Winograd's transforms over samples (conv_samples_winograd.h): forward and backward-data.
 *
 * TILES tiles of all samples go through together, so that what they need stays in first-level cache: their values in frequencies,
 * [frequency] [channel][tile], are multiplied by U, [block of channels][frequency][channel][CHANNELS of the other side], TILES · CHANNELS
 * sums in registers. As soon as the six products of a column of frequencies are there, they are transformed down the column. */
#include "math/kernels/conv_samples_winograd.h"

enum {
    TILES = 2,
    CHANNELS = VECTOR == 16 ? 8 : 6,
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

/* ---- the weights in frequencies; an even number of channels, so that fewer kinds of products are needed ---- */

static int64_t even(int64_t channels) {
    return (channels + 1) / 2 * 2;
}

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    int64_t floats = d == MATH_FORWARD ? g->c * even(g->oc) : d == MATH_BACKWARD_DATA ? even(g->c) * g->oc : 0;
    return (size_t)(FREQUENCIES * floats) * sizeof(float);
}

static int one_part(const math_conv *g, math_direction d) {
    (void)g;
    (void)d;
    return 1;
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
    int64_t first = to / CHANNELS * CHANNELS, block = math_min(CHANNELS, even(outputs) - first);
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

/* ---- what both directions do ---- */

/* sums[channel][tile] = Σ_i (values[i][tile] + point · values[i][TILES + tile]) · u[i][channel], without the second term where not `mixed`
 */
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
        int64_t channels = math_min(CHANNELS, even(outputs) - first), column = PATCH * count * channels;
        column_of(channels, count, values, u + first * FREQUENCIES * count + j * column, forward,
                  half + (first * TILES * (forward ? STEP : PATCH) * PATCH + j) * VECTOR);
    }
}

/* Of a group of tiles; a last one that is missing is the one before it once more. */
static int64_t nth_tile(const samples_tiling *t, int64_t first, int k) {
    return math_min(first + k, t->tiles - 1);
}

/* What a block of samples needs. */
typedef struct buffers {
    float *x, *lines;
    float *y; /* laid, or what is behind a pool */
    float *tiles;
    float *values; /* a column of frequencies of TILES tiles of what is read */
    float *half;   /* and all columns of what is written */
} buffers;

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t tile_blocks(const samples_tiling *t) {
    return (t->y.c + TILE_CHANNELS - 1) / TILE_CHANNELS;
}

/* Returns how many floats there are; scratch may be NULL. */
static int64_t lay_out(const samples_tiling *t, float *scratch, buffers *b) {
    float **to[] = {&b->x, &b->lines, &b->y, &b->tiles, &b->values, &b->half};
    const int64_t floats[] = {
        laid_floats(&t->x),
        PATCH * MATH(samples_line_floats)(t),
        laid_floats(&t->y),
        tile_blocks(t) * t->tiles * TILE_VECTORS * VECTOR,
        larger(t->x.c, t->y.c) * PATCH * TILES * VECTOR,
        larger(even(t->x.c) * FREQUENCIES, even(t->y.c) * STEP * PATCH) * TILES * VECTOR,
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
    buffers b;
    return (size_t)(d == MATH_BACKWARD_WEIGHT ? MATH(samples_winograd_weight_floats)(g, levels) : lay_out(&t, NULL, &b)) * sizeof(float);
}

/* ---- forward ---- */

int64_t MATH(samples_line_floats)(const samples_tiling *t) {
    return t->x.rows * t->columns * t->x.c * VECTOR;
}

void MATH(samples_x_lines)(const samples_tiling *t, const float *laid, float *lines) {
    int64_t pixel = t->x.c * VECTOR, step = MATH(samples_line_floats)(t);
    for (int64_t row = 0; row < t->x.rows; row++, laid += t->x.columns * pixel)
        for (int64_t tile = 0; tile < t->columns; tile++)
            for (int64_t c = 0; c < pixel; c += VECTOR, lines += VECTOR) {
                const float *from = laid + tile * STEP * pixel + c;
                vec pixels[PATCH], line[PATCH];
#pragma GCC unroll 6
                for (int j = 0; j < PATCH; j++, from += pixel)
                    pixels[j] = vec_load(from);
                winograd_x_line(PATCH, pixels, line, 1);
                float *to = lines;
#pragma GCC unroll 6
                for (int j = 0; j < PATCH; j++, to += step)
                    vec_store(to, line[j]);
            }
}

/* Column j of x's frequencies: [i][channel][tile] */
static void x_in_column(const samples_tiling *t, int64_t first, int j, const float *lines, float *values) {
    int64_t c = t->x.c, row = t->columns * c * VECTOR;
    lines += j * MATH(samples_line_floats)(t);
    for (int k = 0; k < TILES; k++) {
        const float *from = lines + samples_line_place(t, nth_tile(t, first, k));
        for (int64_t i = 0; i < c; i++)
            samples_x_in_column(from + i * VECTOR, row, values + (i * TILES + k) * VECTOR, c * TILES * VECTOR);
    }
}

/* The four outputs of a tile, in one channel. */
INLINE void y_of_tile(const float *half, vec bias, vec four[STEP * STEP]) {
    for (int i = 0; i < STEP; i++, half += PATCH * VECTOR) {
        vec from[PATCH];
#pragma GCC unroll 6
        for (int j = 0; j < PATCH; j++)
            from[j] = vec_load(half + j * VECTOR);
        samples_y_line(from, four + i * STEP, 1);
        four[i * STEP] += bias;
        four[i * STEP + 1] += bias;
    }
}

/* Where the outputs of a block of samples go: a laid plane, or pooled values. */
typedef struct output {
    float *laid;
    samples_pooled pooled; /* where `laid` is NULL */
} output;

static void store_tile(const samples_tiling *t, int64_t tile, const float *bias, const float *half, const output *y) {
    int64_t oc = t->y.c, pixel = oc * VECTOR, row = t->y.columns * pixel, pooled = tile * pixel;
    float *corner = y->laid ? y->laid + samples_tile_offset(t, &t->y, tile) : NULL;
    for (int64_t i = 0; i < oc; i++, half += TILES * STEP * PATCH * VECTOR, pooled += VECTOR) {
        vec four[STEP * STEP];
        y_of_tile(half, vec_set(bias ? bias[i] : 0), four);
        if (corner) {
            vec_store(corner + i * VECTOR, four[0]);
            vec_store(corner + i * VECTOR + pixel, four[1]);
            vec_store(corner + i * VECTOR + row, four[2]);
            vec_store(corner + i * VECTOR + row + pixel, four[3]);
        } else
            samples_pool(four, y->pooled.values + pooled, y->pooled.at + pooled);
    }
}

static void block_forward(const samples_tiling *t, const float *u, const float *bias, const buffers *b, const output *y) {
    MATH(samples_x_lines)(t, b->x, b->lines);
    for (int64_t first = 0; first < t->tiles; first += TILES) {
        for (int j = 0; j < PATCH; j++) {
            x_in_column(t, first, j, b->lines, b->values);
            column_of_all(t->y.c, t->x.c, j, b->values, u, true, b->half);
        }
        for (int k = 0; k < TILES && first + k < t->tiles; k++)
            store_tile(t, first + k, bias, b->half + k * STEP * PATCH * VECTOR, y);
    }
}

static samples_pooled pooled_in(const samples_tiling *t, float *memory) {
    return (samples_pooled){memory, memory + t->tiles * t->y.c * VECTOR};
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    samples_tiling t = MATH(samples_tiling)(g);
    buffers b;
    lay_out(&t, scratch, &b);
    int64_t in = g->h * g->w * g->c, row = g->ow * g->oc, out = g->oh * row;
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_lay_plane)(&t.x, samples, x + first * in, b.x);
        block_forward(&t, prepared, bias, &b, &(output){.laid = b.y});
        for (int64_t i = 0; i < g->oh; i++)
            MATH(samples_scatter)(samples, out, row, b.y + i * t.y.columns * g->oc * VECTOR, y + first * out + i * row, false);
    }
}

static void pooled_forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, uint8_t *index,
                           void *scratch) {
    samples_tiling t = MATH(samples_tiling)(g);
    buffers b;
    lay_out(&t, scratch, &b);
    int64_t in = g->h * g->w * g->c, out = t.tiles * g->oc;
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_lay_plane)(&t.x, samples, x + first * in, b.x);
        block_forward(&t, prepared, bias, &b, &(output){.pooled = pooled_in(&t, b.y)});
        MATH(samples_scatter_pooled)(samples, out, pooled_in(&t, b.y), y + first * out, index ? index + first * out : NULL);
    }
}

/* ---- backward-data ---- */

samples_dy MATH(samples_lay_dy)(const samples_tiling *t, int64_t samples, const float *dy, const uint8_t *index, float *memory) {
    if (index) {
        samples_pooled pooled = pooled_in(t, memory);
        MATH(samples_gather_pooled)(samples, t->tiles * t->y.c, dy, index, pooled);
        return (samples_dy){.pooled = pooled};
    }
    MATH(samples_lay_plane)(&t->y, samples, dy, memory);
    return (samples_dy){.laid = memory};
}

void MATH(samples_dy_tiles)(const samples_tiling *t, const samples_dy *dy, int64_t oc, float *tiles) {
    int64_t channels = math_min(TILE_CHANNELS, t->y.c - oc), pixel = t->y.c * VECTOR, row = t->y.columns * pixel;
    for (int64_t tile = 0; tile < t->tiles; tile++, tiles += TILE_VECTORS * VECTOR)
        for (int64_t i = 0; i < channels; i++) {
            vec four[STEP * STEP];
            if (dy->laid) {
                const float *corner = dy->laid + samples_tile_offset(t, &t->y, tile) + (oc + i) * VECTOR;
                four[0] = vec_load(corner), four[1] = vec_load(corner + pixel);
                four[2] = vec_load(corner + row), four[3] = vec_load(corner + row + pixel);
            } else
                samples_unpool(dy->pooled.values + tile * pixel + (oc + i) * VECTOR, dy->pooled.at + tile * pixel + (oc + i) * VECTOR,
                               four);
            for (int k = 0; k < STEP * STEP; k++)
                vec_store(tiles + (i * STEP * STEP + k) * VECTOR, four[k]);
        }
}

/* Column j of dy: [channel][row][tile] */
static void dy_in_column(const samples_tiling *t, int64_t first, int j, const float *tiles, float *values) {
    int64_t oc = t->y.c;
    for (int k = 0; k < TILES; k++) {
        const float *tile = tiles + nth_tile(t, first, k) * TILE_VECTORS * VECTOR;
        float *to = values + k * VECTOR;
        for (int64_t block = 0; block < oc; block += TILE_CHANNELS, tile += t->tiles * TILE_VECTORS * VECTOR)
            for (int64_t i = 0; i < math_min(TILE_CHANNELS, oc - block); i++, to += 2 * TILES * VECTOR)
                samples_dy_in_column(j, tile + i * STEP * STEP * VECTOR, to, to + TILES * VECTOR);
    }
}

static void add_tile(const samples_tiling *t, int64_t tile, const float *half, float *laid) {
    int64_t pixel = t->x.c * VECTOR, row = t->x.columns * pixel;
    float *corner = laid + samples_tile_offset(t, &t->x, tile);
    for (int64_t i = 0; i < t->x.c; i++, corner += VECTOR, half += TILES * FREQUENCIES * VECTOR)
        for (int r = 0; r < PATCH; r++) {
            float *to = corner + r * row;
            vec from[PATCH], line[PATCH];
#pragma GCC unroll 6
            for (int j = 0; j < PATCH; j++)
                from[j] = vec_load(half + (r * PATCH + j) * VECTOR);
            samples_dx_line(from, line, 1);
#pragma GCC unroll 6
            for (int j = 0; j < PATCH; j++, to += pixel)
                vec_store(to, vec_load(to) + line[j]);
        }
}

static void block_backward(const samples_tiling *t, const samples_dy *dy, const float *u, const buffers *b) {
    for (int64_t i = 0; i < tile_blocks(t); i++)
        MATH(samples_dy_tiles)(t, dy, i * TILE_CHANNELS, b->tiles + i * t->tiles * TILE_VECTORS * VECTOR);
    memset(b->x, 0, (size_t)laid_floats(&t->x) * sizeof *b->x);
    for (int64_t first = 0; first < t->tiles; first += TILES) {
        for (int j = 0; j < PATCH; j++) {
            dy_in_column(t, first, j, b->tiles, b->values);
            column_of_all(t->x.c, t->y.c, j, b->values, u, false, b->half);
        }
        for (int k = 0; k < TILES && first + k < t->tiles; k++)
            add_tile(t, first + k, b->half + k * FREQUENCIES * VECTOR, b->x);
    }
}

static void pooled_backward_data(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                                 bool add, void *scratch) {
    samples_tiling t = MATH(samples_tiling)(g);
    buffers b;
    lay_out(&t, scratch, &b);
    int64_t out = (index ? t.tiles : g->oh * g->ow) * g->oc, row = g->w * g->c, in = g->h * row, laid_row = t.x.columns * g->c * VECTOR;
    const float *own = b.x + t.x.top * laid_row + t.x.left * g->c * VECTOR;
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        samples_dy laid = MATH(samples_lay_dy)(&t, samples, dy + first * out, index ? index + first * out : NULL, b.y);
        block_backward(&t, &laid, prepared, &b);
        for (int64_t i = 0; i < g->h; i++)
            MATH(samples_scatter)(samples, in, row, own + i * laid_row, dx + first * in + i * row, add);
    }
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    pooled_backward_data(g, n, dy, NULL, prepared, dx, add, scratch);
}

const conv_algorithm MATH(conv_samples_winograd) = {.name = "winograd by samples",
                                                    .serves = serves,
                                                    .scratch = scratch_bytes,
                                                    .prepared = prepared_bytes,
                                                    .prepare_parts = one_part,
                                                    .prepare = prepare,
                                                    .forward = forward,
                                                    .backward_data = backward_data,
                                                    .weight_parts = MATH(samples_weight_parts),
                                                    .backward_weight = MATH(samples_winograd_weight),
                                                    .pooled_forward = pooled_forward,
                                                    .pooled_backward_data = pooled_backward_data,
                                                    .pooled_backward_weight = MATH(samples_winograd_pooled_weight)};
