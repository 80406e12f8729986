/* Passes over whole tensors. Comparisons are written so that NaN passes through. */
#include <math.h>
#include <string.h>

#include "math/kernels/kernels.h"

void MATH(add)(int64_t n, const float *a, const float *b, float *y) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void MATH(copy)(int64_t n, const float *x, float *y, bool add) {
    if (add)
        MATH(add)(n, x, y, y);
    else if (x != y)
        memcpy(y, x, (size_t)n * sizeof *y);
}

void MATH(relu)(int64_t n, const float *x, float *y) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = 0.0f > x[i] ? 0.0f : x[i];
}

void MATH(relu_backward)(int64_t n, const float *y, const float *dy, float *dx, bool add) {
    if (add) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            dx[i] += y[i] > 0.0f ? dy[i] : 0.0f;
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
    }
}

INLINE void sgd(math_sgd rule, const bool nesterov, int64_t n, const float *restrict g, float *restrict v, float *restrict w) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float gradient = g[i] + rule.weight_decay * w[i];
        float velocity = rule.momentum * v[i] + gradient;
        v[i] = velocity;
        w[i] -= rule.lr * (nesterov ? gradient + rule.momentum * velocity : velocity);
    }
}

void MATH(sgd)(const math_sgd *rule, int64_t n, const float *g, float *v, float *w) {
    if (rule->nesterov)
        sgd(*rule, true, n, g, v, w);
    else
        sgd(*rule, false, n, g, v, w);
}

INLINE void adamw(math_adamw rule, const bool amsgrad, int64_t n, const float *restrict g, float *restrict m, float *restrict v,
                  float *restrict largest, float *restrict w) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float mean = rule.beta1 * m[i] + rule.share1 * g[i], squares = rule.beta2 * v[i] + rule.share2 * (g[i] * g[i]), most = squares;
        m[i] = mean;
        v[i] = squares;
        if (amsgrad)
            largest[i] = most = largest[i] > squares ? largest[i] : squares;
        w[i] = rule.keep * w[i] - rule.rate * (mean / (sqrtf(most) / rule.root + rule.eps));
    }
}

void MATH(adamw)(const math_adamw *rule, int64_t n, const float *g, float *m, float *v, float *largest, float *w) {
    if (largest)
        adamw(*rule, true, n, g, m, v, largest, w);
    else
        adamw(*rule, false, n, g, m, v, NULL, w);
}

void MATH(fill_rows)(int64_t rows, int64_t c, const float *row, float *y) {
    for (int64_t r = 0; r < rows; r++)
        memcpy(y + r * c, row, (size_t)c * sizeof *y);
}

void MATH(copy_columns)(int64_t rows, int64_t c, const float *x, int64_t ldx, float *y, int64_t ldy, bool add) {
    for (int64_t r = 0; r < rows; r++)
        MATH(copy)(c, x + r * ldx, y + r * ldy, add);
}

void MATH(transpose)(int64_t rows, int64_t columns, const float *x, float *y, bool add) {
    for (int64_t column = 0; column < columns; column++, y += rows)
        for (int64_t row = 0; row < rows; row++)
            y[row] = add ? y[row] + x[row * columns + column] : x[row * columns + column];
}
