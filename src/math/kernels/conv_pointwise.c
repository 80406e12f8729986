/* 1×1 convolution of stride 1: the pixels are the rows of a matrix as they lie.
 *     Y = X · W        dX = dY · Wᵀ        dW = Σ_lanes Xᵀ · dY */
#include "math/kernels/windows.h"

enum { PREPARE_PANELS = 8 };

static bool serves(const math_conv *g, math_direction d) {
    (void)d;
    return g->kh == 1 && g->kw == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0 && g->groups == 1;
}

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    return (size_t)(d == MATH_FORWARD ? packed_floats(g->c, g->oc) : packed_floats(g->oc, g->c)) * sizeof(float);
}

static int prepare_parts(const math_conv *g, math_direction d) {
    return (int)((panels_of(d == MATH_FORWARD ? g->oc : g->c) + PREPARE_PANELS - 1) / PREPARE_PANELS);
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    int64_t k = d == MATH_FORWARD ? g->c : g->oc, n = d == MATH_FORWARD ? g->oc : g->c;
    int64_t first = (int64_t)part * PREPARE_PANELS, count = math_min(PREPARE_PANELS, panels_of(n) - first);
    if (d == MATH_FORWARD)
        MATH(pack_panels)(k, n, w, g->oc, 1, first, count, prepared);
    else
        MATH(pack_panels)(k, n, w, 1, g->oc, first, count, prepared);
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    (void)scratch;
    MATH(multiply_bias)(n * g->h * g->w, g->oc, g->c, x, g->c, prepared, bias, y, g->oc);
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    (void)scratch;
    MATH(multiply)(n * g->h * g->w, g->c, g->oc, dy, g->oc, prepared, dx, g->c, add);
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    windows v = pixel_windows(g->h * g->w, g->c);
    return d == MATH_BACKWARD_WEIGHT ? (size_t)MATH(taps_sum_floats)(&v, g->oc, levels) * sizeof(float) : 0;
}

static int weight_parts(const math_conv *g) {
    windows v = pixel_windows(g->h * g->w, g->c);
    return MATH(tap_blocks)(&v, g->oc);
}

static void backward_weight(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                            void *scratch) {
    windows v = pixel_windows(g->h * g->w, g->c);
    MATH(taps_sum)(&v, lanes, part, g->oc, x, dy, g->oc, dw, g->oc, scratch);
}

const conv_algorithm MATH(conv_pointwise) = {.name = "1x1",
                                             .serves = serves,
                                             .scratch = scratch_bytes,
                                             .prepared = prepared_bytes,
                                             .prepare_parts = prepare_parts,
                                             .prepare = prepare,
                                             .forward = forward,
                                             .backward_data = backward_data,
                                             .weight_parts = weight_parts,
                                             .backward_weight = backward_weight};
