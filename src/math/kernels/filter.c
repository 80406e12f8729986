/* Weighted sums along the rows and the columns of pictures of bytes, in whole numbers, so that every instruction set gives the same levels:
 *     y[i] = (2^21 + Σ_k w[i, k] · x[first[i] + k]) >> 22
 * Along a row neighbouring outputs have different inputs: a vector is one pixel, its channels side by side, and ROWS rows go together, which
 * shares the weights and hides the multiplications' latency. Down a column a vector is a stretch of the row. */
#include "math/kernels/kernels.h"

enum {
    HALF = 1 << (MATH_FILTER_BITS - 1),
    ROWS = 4,
    GROUP = 4, /* vectors of a row at a time */
};

typedef int32_t pixel_ints __attribute__((vector_size(16)));
typedef uint8_t pixel_bytes __attribute__((vector_size(4)));

/* An RGB pixel, and a byte of the next. */
INLINE pixel_ints load_pixel(const uint8_t *p) {
    pixel_bytes b;
    memcpy(&b, p, sizeof b);
    return __builtin_convertvector(b, pixel_ints);
}

INLINE void store_pixel(uint8_t *p, pixel_ints sum, size_t bytes) {
    pixel_bytes b = __builtin_convertvector(sum >> MATH_FILTER_BITS, pixel_bytes);
    memcpy(p, &b, bytes);
}

/* One pixel of `rows` rows. `bytes` is 4 where the next pixel will be written after this one, else 3. */
INLINE void filter_pixel(const math_filter *f, int64_t i, int64_t rows, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy,
                         size_t bytes) {
    const int32_t *w = f->weights + i * f->taps;
    const uint8_t *from = x + 3 * (int64_t)f->first[i];
    pixel_ints sum[ROWS];
    for (int64_t r = 0; r < rows; r++)
        sum[r] = (pixel_ints){HALF, HALF, HALF, HALF};
    for (int64_t k = 0; k < f->taps; k++)
        for (int64_t r = 0; r < rows; r++)
            sum[r] += load_pixel(from + r * ldx + 3 * k) * w[k];
    for (int64_t r = 0; r < rows; r++)
        store_pixel(y + r * ldy + 3 * i, sum[r], bytes);
}

INLINE void filter_rgb(const math_filter *f, int64_t rows, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy) {
    for (int64_t i = 0; i + 1 < f->count; i++)
        filter_pixel(f, i, rows, x, ldx, y, ldy, 4);
    filter_pixel(f, f->count - 1, rows, x, ldx, y, ldy, 3);
}

static void filter_grey(const math_filter *f, const uint8_t *x, uint8_t *y) {
    for (int64_t i = 0; i < f->count; i++) {
        const int32_t *w = f->weights + i * f->taps;
        int32_t sum = HALF;
        for (int64_t k = 0; k < f->taps; k++)
            sum += x[f->first[i] + k] * w[k];
        y[i] = (uint8_t)(sum >> MATH_FILTER_BITS);
    }
}

void MATH(filter_along_rows)(const math_filter *f, int64_t rows, int64_t c, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy) {
    int64_t r = 0;
    for (; c == 1 && r < rows; r++)
        filter_grey(f, x + r * ldx, y + r * ldy);
    for (; r + ROWS <= rows; r += ROWS)
        filter_rgb(f, ROWS, x + r * ldx, ldx, y + r * ldy, ldy);
    for (; r < rows; r++)
        filter_rgb(f, 1, x + r * ldx, ldx, y + r * ldy, ldy);
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
