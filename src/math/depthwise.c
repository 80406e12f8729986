/* Convolution of every channel by itself, in groups = c, oc = c · m: output channel o reads input channel o / m. Direct sums, vectorised
 * over channels:  y[q, o] = Σ_tap x[q · stride − pad + tap · dilation, o / m] · w[tap, o]. */
#include <string.h>

#include "math/math.h"
#include "math/multiversion.h"

/* One tap of one output pixel: `x` at its input pixel, `w` at the tap, `y` at the output pixel. Any of the three may be the one that is
 * added to; the others are only read. */
typedef struct place {
    float *x, *w, *y;
} place;

typedef void tap_function(int64_t c, int64_t m, place at);

INLINE void for_taps(const math_conv *g, int64_t n, place a, tap_function *work) {
    int64_t m = g->oc / g->c;
    for (int64_t image = 0; image < n; image++, a.x += g->h * g->w * g->c)
        for (int64_t pixel = 0; pixel < g->oh * g->ow; pixel++, a.y += g->oc) {
            int64_t top = pixel / g->ow * g->stride_h - g->pad_h, left = pixel % g->ow * g->stride_w - g->pad_w;
            for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
                int64_t h = top + tap / g->kw * g->dilation_h, w = left + tap % g->kw * g->dilation_w;
                if (h >= 0 && h < g->h && w >= 0 && w < g->w)
                    work(g->c, m, (place){a.x + (h * g->w + w) * g->c, a.w + tap * g->oc, a.y});
            }
        }
}

/* y += x · w */
INLINE void forward_tap(int64_t c, int64_t m, place at) {
    if (m == 1) {
#pragma omp simd
        for (int64_t i = 0; i < c; i++)
            at.y[i] += at.x[i] * at.w[i];
        return;
    }
    for (int64_t i = 0; i < c; i++)
        for (int64_t j = i * m; j < (i + 1) * m; j++)
            at.y[j] += at.x[i] * at.w[j];
}

/* dx += dy · w */
INLINE void data_tap(int64_t c, int64_t m, place at) {
    if (m == 1) {
#pragma omp simd
        for (int64_t i = 0; i < c; i++)
            at.x[i] += at.y[i] * at.w[i];
        return;
    }
    for (int64_t i = 0; i < c; i++)
        for (int64_t j = i * m; j < (i + 1) * m; j++)
            at.x[i] += at.y[j] * at.w[j];
}

/* dw += x · dy: forward with the parts of w and y exchanged */
INLINE void weight_tap(int64_t c, int64_t m, place at) {
    forward_tap(c, m, (place){at.x, at.y, at.w});
}

MULTIVERSION
void math_depthwise_forward(const math_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y) {
    if (bias)
        math_fill_rows(n * g->oh * g->ow, g->oc, bias, y);
    else
        memset(y, 0, (size_t)(n * g->oh * g->ow * g->oc) * sizeof *y);
    for_taps(g, n, (place){(float *)x, (float *)w, y}, forward_tap);
}

MULTIVERSION
void math_depthwise_backward_data(const math_conv *g, int64_t n, const float *dy, const float *w, float *dx) {
    for_taps(g, n, (place){dx, (float *)w, (float *)dy}, data_tap);
}

MULTIVERSION
void math_depthwise_backward_weight(const math_conv *g, int64_t n, const float *x, const float *dy, float *dw) {
    for_taps(g, n, (place){(float *)x, dw, (float *)dy}, weight_tap);
}
