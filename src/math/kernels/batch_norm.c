/* Batch normalisation over rows (Ioffe, Szegedy: Batch normalization, ICML 2015), with the relu and the residual add that follow it:
 *     y = relu((x − mean) · scale + shift + residual)
 * and the sums over rows that it and its gradient need. Every sum is made in float over blocks of 64 rows, then added up in double. */
#include <string.h>

#include "math/kernels/kernels.h"

enum { BLOCK_ROWS = 64 };

size_t MATH(sums_scratch)(int64_t c, int levels) {
    return (size_t)c * ((size_t)(1 + levels) * sizeof(float) + sizeof(double));
}

/* s = Σd and q = Σd² over a block's rows, where d is the distance from the block's first row: small where the mean is large. */
INLINE void block_sums(int64_t rows, int64_t c, const float *x, float *s, float *q) {
    memset(s, 0, (size_t)c * sizeof *s);
    memset(q, 0, (size_t)c * sizeof *q);
    int64_t r = 1;
    for (; r + 4 <= rows; r += 4) {
        const float *x1 = x + r * c, *x2 = x1 + c, *x3 = x2 + c, *x4 = x3 + c;
#pragma omp simd
        for (int64_t i = 0; i < c; i++) {
            float d1 = x1[i] - x[i], d2 = x2[i] - x[i], d3 = x3[i] - x[i], d4 = x4[i] - x[i];
            s[i] += (d1 + d2) + (d3 + d4);
            q[i] += (d1 * d1 + d2 * d2) + (d3 * d3 + d4 * d4);
        }
    }
    for (; r < rows; r++) {
        const float *x1 = x + r * c;
#pragma omp simd
        for (int64_t i = 0; i < c; i++) {
            float d = x1[i] - x[i];
            s[i] += d;
            q[i] += d * d;
        }
    }
}

void MATH(norm_sums)(int64_t rows, int64_t c, const float *x, double *sum, double *sumsq, void *scratch) {
    float *s = scratch, *q = s + c;
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t n = math_min(BLOCK_ROWS, rows - row);
        const float *first = x + row * c;
        block_sums(n, c, first, s, q);
#pragma omp simd
        for (int64_t i = 0; i < c; i++) {
            double x0 = first[i], d = s[i];
            sum[i] += d + (double)n * x0;
            sumsq[i] += q[i] + 2 * x0 * d + (double)n * x0 * x0;
        }
    }
}

typedef struct row_sums {
    int64_t sample_rows, c;
    const float *x;
    double *total;
    float *block;
} row_sums;

/* The sums of one lane. */
static void add_rows(const void *context, int64_t first, int64_t last, float *sums) {
    const row_sums *a = context;
    int64_t c = a->c, end = last * a->sample_rows;
    memset(a->total, 0, (size_t)c * sizeof *a->total);
    for (int64_t row = first * a->sample_rows; row < end; row += BLOCK_ROWS) {
        memset(a->block, 0, (size_t)c * sizeof *a->block);
        for (int64_t r = row; r < math_min(row + BLOCK_ROWS, end); r++)
            MATH(add)(c, a->block, a->x + r * c, a->block);
        for (int64_t i = 0; i < c; i++)
            a->total[i] += a->block[i];
    }
    for (int64_t i = 0; i < c; i++)
        sums[i] = (float)a->total[i];
}

void MATH(sum_rows)(const math_lanes *lanes, int64_t sample_rows, int64_t c, const float *x, float *sums, void *scratch) {
    double *total = scratch;
    float *block = (float *)(total + c);
    row_sums rows = {sample_rows, c, x, total, block};
    MATH(sum_lanes)(lanes, c, add_rows, &rows, sums, block + c);
}

INLINE float clip(float v) {
    return 0.0f > v ? 0.0f : v;
}

INLINE void forward(const math_norm *m, const float *x, const float *residual, float *y, bool relu) {
    const float *mean = m->mean, *scale = m->scale, *shift = m->shift;
    int64_t c = m->c;
    for (int64_t r = 0; r < m->rows; r++, x += c, y += c) {
        if (residual) {
#pragma omp simd
            for (int64_t i = 0; i < c; i++) {
                float v = ((x[i] - mean[i]) * scale[i] + shift[i]) + residual[i];
                y[i] = relu ? clip(v) : v;
            }
            residual += c;
        } else {
#pragma omp simd
            for (int64_t i = 0; i < c; i++) {
                float v = (x[i] - mean[i]) * scale[i] + shift[i];
                y[i] = relu ? clip(v) : v;
            }
        }
    }
}

void MATH(norm_forward)(const math_norm *m, const float *x, const float *residual, float *y) {
    if (m->relu)
        forward(m, x, residual, y, true);
    else
        forward(m, x, residual, y, false);
}

/* Where the gradient passes: everywhere, where y > 0, or where the y that follows from x is > 0. */
typedef enum mask {
    MASK_NONE,
    MASK_Y,
    MASK_X,
} mask;

static mask mask_of(const math_norm *m, const float *y) {
    return !m->relu ? MASK_NONE : y ? MASK_Y : MASK_X;
}

INLINE float masked(mask kind, float dy, float y, float centred, float scale, float shift) {
    if (kind == MASK_NONE)
        return dy;
    float v = kind == MASK_Y ? y : centred * scale + shift;
    return v > 0.0f ? dy : 0.0f;
}

INLINE void grad_block(const math_norm *m, mask kind, int64_t first, int64_t rows, const float *x, const float *y, const float *dy,
                       float *s, float *q) {
    const float *mean = m->mean, *scale = m->scale, *shift = m->shift;
    int64_t c = m->c;
    memset(s, 0, (size_t)c * sizeof *s);
    memset(q, 0, (size_t)c * sizeof *q);
    for (int64_t r = first; r < first + rows; r++) {
        const float *x1 = x + r * c, *y1 = kind == MASK_Y ? y + r * c : x1, *dy1 = dy + r * c;
#pragma omp simd
        for (int64_t i = 0; i < c; i++) {
            float d = x1[i] - mean[i], dz = masked(kind, dy1[i], y1[i], d, scale[i], shift[i]);
            s[i] += dz;
            q[i] += dz * d;
        }
    }
}

INLINE void grad_sums(const math_norm *m, mask kind, const float *x, const float *y, const float *dy, double *sum_dz, double *sum_dz_x,
                      void *scratch) {
    float *s = scratch, *q = s + m->c;
    for (int64_t row = 0; row < m->rows; row += BLOCK_ROWS) {
        grad_block(m, kind, row, math_min(BLOCK_ROWS, m->rows - row), x, y, dy, s, q);
#pragma omp simd
        for (int64_t i = 0; i < m->c; i++) {
            sum_dz[i] += s[i];
            sum_dz_x[i] += q[i];
        }
    }
}

void MATH(norm_grad_sums)(const math_norm *m, const float *x, const float *y, const float *dy, double *sum_dz, double *sum_dz_x,
                         void *scratch) {
    switch (mask_of(m, y)) {
    case MASK_NONE:
        grad_sums(m, MASK_NONE, x, y, dy, sum_dz, sum_dz_x, scratch);
        break;
    case MASK_Y:
        grad_sums(m, MASK_Y, x, y, dy, sum_dz, sum_dz_x, scratch);
        break;
    case MASK_X:
        grad_sums(m, MASK_X, x, y, dy, sum_dz, sum_dz_x, scratch);
        break;
    }
}

/* One row; `dz` is written where it is not NULL. */
INLINE void backward_row(const math_norm *m, mask kind, const float *x, const float *y, const float *dy, const float *a, const float *b,
                         float *dx, bool add, float *dz_out, bool add_dz) {
    const float *mean = m->mean, *scale = m->scale, *shift = m->shift;
#pragma omp simd
    for (int64_t i = 0; i < m->c; i++) {
        float d = x[i] - mean[i], dz = masked(kind, dy[i], y[i], d, scale[i], shift[i]);
        float v = (dz * scale[i] + d * a[i]) + b[i];
        dx[i] = add ? dx[i] + v : v;
        if (dz_out)
            dz_out[i] = add_dz ? dz_out[i] + dz : dz;
    }
}

INLINE void backward(const math_norm *m, mask kind, const float *x, const float *y, const float *dy, const float *a, const float *b,
                     float *dx, bool add, float *dresidual, bool add_residual) {
    int64_t c = m->c;
    for (int64_t r = 0; r < m->rows; r++) {
        const float *y1 = kind == MASK_Y ? y + r * c : x + r * c;
        if (!dresidual)
            backward_row(m, kind, x + r * c, y1, dy + r * c, a, b, dx + r * c, add, NULL, false);
        else
            backward_row(m, kind, x + r * c, y1, dy + r * c, a, b, dx + r * c, add, dresidual + r * c, add_residual);
    }
}

void MATH(norm_backward)(const math_norm *m, const float *x, const float *y, const float *dy, const float *a, const float *b, float *dx,
                        bool add, float *dresidual, bool add_residual) {
    switch (mask_of(m, y)) {
    case MASK_NONE:
        backward(m, MASK_NONE, x, y, dy, a, b, dx, add, dresidual, add_residual);
        break;
    case MASK_Y:
        backward(m, MASK_Y, x, y, dy, a, b, dx, add, dresidual, add_residual);
        break;
    case MASK_X:
        backward(m, MASK_X, x, y, dy, a, b, dx, add, dresidual, add_residual);
        break;
    }
}
