/* Backward-data by conv_samples_winograd.h: dx = Σ_tiles B [Uᵀ ⊙ Z] Bᵀ, and how both gradients read dy. */
#include "math/kernels/conv_samples_winograd.h"

samples_dy MATH(samples_lay_dy)(const samples_tiling *t, int64_t samples, const float *dy, const uint8_t *index, float *memory) {
    if (index) {
        samples_pooled pooled = samples_pooled_in(t, memory);
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
        const float *tile = tiles + samples_nth_tile(t, first, k) * TILE_VECTORS * VECTOR;
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

static void block_backward(const samples_tiling *t, const samples_dy *dy, const float *u, const samples_buffers *b) {
    for (int64_t i = 0; i < samples_tile_blocks(t); i++)
        MATH(samples_dy_tiles)(t, dy, i * TILE_CHANNELS, b->tiles + i * t->tiles * TILE_VECTORS * VECTOR);
    memset(b->x, 0, (size_t)laid_floats(&t->x) * sizeof *b->x);
    for (int64_t first = 0; first < t->tiles; first += TILES) {
        for (int j = 0; j < PATCH; j++) {
            dy_in_column(t, first, j, b->tiles, b->values);
            MATH(samples_dx_column)(t, j, b->values, u, b->half);
        }
        for (int k = 0; k < TILES && first + k < t->tiles; k++)
            add_tile(t, first + k, b->half + k * FREQUENCIES * VECTOR, b->x);
    }
}

void MATH(samples_winograd_dx)(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                               bool add, void *scratch) {
    samples_tiling t = MATH(samples_tiling)(g);
    samples_buffers b;
    MATH(samples_lay_out)(&t, scratch, &b);
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

void MATH(samples_winograd_data)(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    MATH(samples_winograd_dx)(g, n, dy, NULL, prepared, dx, add, scratch);
}
