/* Weighted sums along the rows and the columns of pictures of bytes, in whole numbers, so that every instruction set gives the same levels:
 *     y[i] = (2^21 + Σ_k w[i, k] · x[first[i] + k]) >> 22
 * Along a row neighbouring outputs have different inputs, but rows have the same: a vector is one pixel, its channels side by side, from
 * each of several rows. Down a column a vector is a stretch of the row. */
#include "math/kernels/kernels.h"

enum {
    HALF = 1 << (MATH_FILTER_BITS - 1),
    GROUP = 4, /* vectors of a row at a time */
    TALL = 2,  /* vectors of pixels at a time */
};

/* Pixel i of `vectors` times VECTOR_PIXELS rows. `bytes` is 4 where the next pixel will be written after this one, else 3. */
INLINE void filter_pixel(const math_filter *f, int64_t i, int vectors, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy,
                         size_t bytes) {
    const int32_t *w = f->weights + i * f->taps;
    const uint8_t *from = x + 3 * (int64_t)f->first[i];
    vec_ints sum[TALL];
    for (int v = 0; v < vectors; v++)
        sum[v] = (vec_ints){0} + HALF;
    for (int64_t k = 0; k < f->taps; k++)
        for (int v = 0; v < vectors; v++)
            sum[v] += vec_load_pixels(from + 3 * k + v * VECTOR_PIXELS * ldx, ldx) * w[k];
    for (int v = 0; v < vectors; v++)
        vec_store_pixels(y + v * VECTOR_PIXELS * ldy + 3 * i, ldy, sum[v] >> MATH_FILTER_BITS, bytes);
}

INLINE void filter_rgb(const math_filter *f, int vectors, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy) {
    for (int64_t i = 0; i + 1 < f->count; i++)
        filter_pixel(f, i, vectors, x, ldx, y, ldy, 4);
    filter_pixel(f, f->count - 1, vectors, x, ldx, y, ldy, 3);
}

/* A row alone: grey, or one of fewer rows than a vector holds. */
static void filter_row(const math_filter *f, int64_t c, const uint8_t *x, uint8_t *y) {
    for (int64_t i = 0; i < f->count * c; i++) {
        const int32_t *w = f->weights + i / c * f->taps;
        const uint8_t *from = x + f->first[i / c] * c + i % c;
        int32_t sum = HALF;
        for (int64_t k = 0; k < f->taps; k++)
            sum += from[k * c] * w[k];
        y[i] = (uint8_t)(sum >> MATH_FILTER_BITS);
    }
}

void MATH(filter_along_rows)(const math_filter *f, int64_t rows, int64_t c, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy) {
    int64_t r = 0;
    for (; c == 3 && r + TALL * VECTOR_PIXELS <= rows; r += TALL * VECTOR_PIXELS)
        filter_rgb(f, TALL, x + r * ldx, ldx, y + r * ldy, ldy);
    for (; c == 3 && r + VECTOR_PIXELS <= rows; r += VECTOR_PIXELS)
        filter_rgb(f, 1, x + r * ldx, ldx, y + r * ldy, ldy);
    for (; r < rows; r++)
        filter_row(f, c, x + r * ldx, y + r * ldy);
}

/* `vectors` vectors of one row, the last with `count` elements. */
INLINE void filter_stretch(const math_filter *f, int64_t i, int vectors, int64_t count, const uint8_t *x, int64_t ldx, uint8_t *y) {
    vec_ints sum[GROUP];
    for (int v = 0; v < vectors; v++)
        sum[v] = (vec_ints){0} + HALF;
    for (int64_t k = 0; k < f->taps; k++) {
        const uint8_t *from = x + (f->first[i] + k) * ldx;
        int32_t w = f->weights[i * f->taps + k];
        for (int v = 0; v < vectors; v++)
            sum[v] += vec_load_bytes(from + v * VECTOR, v + 1 < vectors ? VECTOR : count) * w;
    }
    for (int v = 0; v < vectors; v++)
        vec_store_bytes(y + v * VECTOR, sum[v] >> MATH_FILTER_BITS, v + 1 < vectors ? VECTOR : count);
}

void MATH(filter_along_columns)(const math_filter *f, int64_t row_bytes, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy) {
    for (int64_t i = 0; i < f->count; i++) {
        int64_t at = 0;
        for (; at + GROUP * VECTOR <= row_bytes; at += GROUP * VECTOR)
            filter_stretch(f, i, GROUP, VECTOR, x + at, ldx, y + i * ldy + at);
        for (; at < row_bytes; at += VECTOR)
            filter_stretch(f, i, 1, math_min(row_bytes - at, VECTOR), x + at, ldx, y + i * ldy + at);
    }
}
