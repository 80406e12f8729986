/* The mean of every window, channel by channel; padding counts as 0. */
#include <string.h>

#include "math/kernels/kernels.h"

/* One output pixel's window, cut to the plane; divisor is the mean's. */
typedef struct window {
    int64_t h0, h1, w0, w1;
    int64_t divisor;
} window;

INLINE window adaptive_window(const math_pool *p, int64_t oh, int64_t ow) {
    window v = {.h0 = oh * p->h / p->oh, .h1 = ((oh + 1) * p->h + p->oh - 1) / p->oh};
    v.w0 = ow * p->w / p->ow;
    v.w1 = ((ow + 1) * p->w + p->ow - 1) / p->ow;
    v.divisor = (v.h1 - v.h0) * (v.w1 - v.w0);
    return v;
}

INLINE window window_of(const math_pool *p, int64_t oh, int64_t ow) {
    if (p->adaptive)
        return adaptive_window(p, oh, ow);
    int64_t top = oh * p->stride_h - p->pad_h, left = ow * p->stride_w - p->pad_w;
    window v = {.h0 = math_max(top, 0), .w0 = math_max(left, 0), .h1 = math_min(top + p->kh, p->h), .w1 = math_min(left + p->kw, p->w)};
    /* as PyTorch: what ceil mode reads beyond the padding is not counted */
    int64_t padded = (math_min(top + p->kh, p->h + p->pad_h) - top) * (math_min(left + p->kw, p->w + p->pad_w) - left);
    v.divisor = p->count_padding ? padded : (v.h1 - v.h0) * (v.w1 - v.w0);
    return v;
}

INLINE void avg_pixel(const math_pool *p, window v, const float *x, float *y) {
    memset(y, 0, (size_t)p->c * sizeof *y);
    for (int64_t h = v.h0; h < v.h1; h++)
        for (int64_t w = v.w0; w < v.w1; w++) {
            const float *x1 = x + (h * p->w + w) * p->c;
#pragma omp simd
            for (int64_t i = 0; i < p->c; i++)
                y[i] += x1[i];
        }
    float divisor = (float)v.divisor;
#pragma omp simd
    for (int64_t i = 0; i < p->c; i++)
        y[i] /= divisor;
}

void MATH(avg_pool)(const math_pool *p, int64_t n, const float *x, float *y) {
    for (int64_t image = 0; image < n; image++, x += p->h * p->w * p->c)
        for (int64_t oh = 0; oh < p->oh; oh++)
            for (int64_t ow = 0; ow < p->ow; ow++, y += p->c)
                avg_pixel(p, window_of(p, oh, ow), x, y);
}

INLINE void spread_pixel(const math_pool *p, window v, const float *dy, float *dx) {
    float share = 1.0f / (float)v.divisor;
    for (int64_t h = v.h0; h < v.h1; h++)
        for (int64_t w = v.w0; w < v.w1; w++) {
            float *dx1 = dx + (h * p->w + w) * p->c;
#pragma omp simd
            for (int64_t i = 0; i < p->c; i++)
                dx1[i] += dy[i] * share;
        }
}

void MATH(avg_pool_backward)(const math_pool *p, int64_t n, const float *dy, float *dx, bool add) {
    if (!add)
        memset(dx, 0, (size_t)(n * p->h * p->w * p->c) * sizeof *dx);
    for (int64_t image = 0; image < n; image++, dx += p->h * p->w * p->c)
        for (int64_t oh = 0; oh < p->oh; oh++)
            for (int64_t ow = 0; ow < p->ow; ow++, dy += p->c)
                spread_pixel(p, window_of(p, oh, ow), dy, dx);
}
