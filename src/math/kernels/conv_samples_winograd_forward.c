/* Forward by conv_samples_winograd.h: y = Aᵀ [U ⊙ V] A, laid as a plane or through relu and a pool whose windows the tiles are. */
#include "math/kernels/conv_samples_winograd.h"

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
        const float *from = lines + samples_line_place(t, samples_nth_tile(t, first, k));
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

static void block_forward(const samples_tiling *t, const float *u, const float *bias, const samples_buffers *b, const output *y) {
    MATH(samples_x_lines)(t, b->x, b->lines);
    for (int64_t first = 0; first < t->tiles; first += TILES) {
        for (int j = 0; j < PATCH; j++) {
            x_in_column(t, first, j, b->lines, b->values);
            MATH(samples_y_column)(t, j, b->values, u, b->half);
        }
        for (int k = 0; k < TILES && first + k < t->tiles; k++)
            store_tile(t, first + k, bias, b->half + k * STEP * PATCH * VECTOR, y);
    }
}

void MATH(samples_winograd_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                                    void *scratch) {
    samples_tiling t = MATH(samples_tiling)(g);
    samples_buffers b;
    MATH(samples_lay_out)(&t, scratch, &b);
    int64_t in = g->h * g->w * g->c, row = g->ow * g->oc, out = g->oh * row;
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_lay_plane)(&t.x, samples, x + first * in, b.x);
        block_forward(&t, prepared, bias, &b, &(output){.laid = b.y});
        for (int64_t i = 0; i < g->oh; i++)
            MATH(samples_scatter)(samples, out, row, b.y + i * t.y.columns * g->oc * VECTOR, y + first * out + i * row, false);
    }
}

void MATH(samples_winograd_pooled_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                                           uint8_t *index, void *scratch) {
    samples_tiling t = MATH(samples_tiling)(g);
    samples_buffers b;
    MATH(samples_lay_out)(&t, scratch, &b);
    int64_t in = g->h * g->w * g->c, out = t.tiles * g->oc;
    for (int64_t first = 0; first < n; first += VECTOR) {
        int64_t samples = math_min(VECTOR, n - first);
        MATH(samples_lay_plane)(&t.x, samples, x + first * in, b.x);
        block_forward(&t, prepared, bias, &b, &(output){.pooled = samples_pooled_in(&t, b.y)});
        MATH(samples_scatter_pooled)(samples, out, samples_pooled_in(&t, b.y), y + first * out, index ? index + first * out : NULL);
    }
}
