/* Convolution of every channel by itself, in groups = c, oc = c · m: output channel o reads input channel o / m. Direct sums, vectorised
 * over channels:  y[q, o] = Σ_tap x[q · stride − pad + tap · dilation, o / m] · w[tap, o]. */
#include <string.h>

#include "math/kernels/kernels.h"

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

static bool serves(const math_conv *g, math_direction d) {
    (void)d;
    return g->groups > 1 && g->groups == g->c;
}

static int64_t weights(const math_conv *g) {
    return g->kh * g->kw * g->oc;
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    return d == MATH_BACKWARD_WEIGHT ? (size_t)(levels * weights(g)) * sizeof(float) : 0;
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    (void)scratch;
    if (bias)
        MATH(fill_rows)(n * g->oh * g->ow, g->oc, bias, y);
    else
        memset(y, 0, (size_t)(n * g->oh * g->ow * g->oc) * sizeof *y);
    for_taps(g, n, (place){(float *)x, (float *)prepared, y}, forward_tap);
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    (void)scratch;
    if (!add)
        memset(dx, 0, (size_t)(n * g->h * g->w * g->c) * sizeof *dx);
    for_taps(g, n, (place){dx, (float *)prepared, (float *)dy}, data_tap);
}

static int weight_parts(const math_conv *g) {
    (void)g;
    return 1;
}

typedef struct operands {
    const math_conv *g;
    const float *x, *dy;
} operands;

static void lane_gradient(const void *context, int64_t first, int64_t last, float *dw) {
    const operands *a = context;
    const math_conv *g = a->g;
    memset(dw, 0, (size_t)weights(g) * sizeof *dw);
    const float *x = a->x + first * g->h * g->w * g->c, *dy = a->dy + first * g->oh * g->ow * g->oc;
    for_taps(g, last - first, (place){(float *)x, dw, (float *)dy}, weight_tap);
}

static void backward_weight(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                            void *scratch) {
    (void)part;
    MATH(sum_lanes)(lanes, weights(g), lane_gradient, &(operands){g, x, dy}, dw, scratch);
}

const conv_algorithm MATH(conv_depthwise) = {.name = "depthwise",
                                             .serves = serves,
                                             .scratch = scratch_bytes,
                                             .forward = forward,
                                             .backward_data = backward_data,
                                             .weight_parts = weight_parts,
                                             .backward_weight = backward_weight};
