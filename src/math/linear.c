/* Fully connected layers:  Y = X · Wᵀ + b        dX = dY · W        dW = dYᵀ · X */
#include "math/math.h"

void math_linear_forward(int64_t n, int64_t in, int64_t out, const float *x, const float *w, const float *bias, float *y) {
    if (bias)
        math_fill_rows(n, out, bias, y);
    math_gemm(false, true, n, out, in, x, in, w, in, bias ? 1 : 0, y, out);
}

void math_linear_backward_data(int64_t n, int64_t in, int64_t out, const float *dy, const float *w, float *dx, bool add) {
    math_gemm(false, false, n, in, out, dy, out, w, in, add, dx, in);
}

void math_linear_backward_weight(int64_t n, int64_t in, int64_t out, const float *x, const float *dy, int64_t first, int64_t count,
                                 float *dw) {
    math_gemm(true, false, count, in, n, dy + first, out, x, in, 0, dw, in);
}
