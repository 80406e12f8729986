/* Backward-data of convolutions with fewer input channels than a vector has floats:  dX = col2im(dY · Wᵀ).
 * The product's columns are all taps and channels, so its vectors are full where those of windows(dY) · W' would be mostly empty; every row
 * of the product is then added to the input pixels of its window (Chellapilla, Puri, Simard: High performance convolutional neural networks
 * for document processing, 2006). */
#include "math/kernels/gemm.h"

enum { PLACES = 224 };

static bool serves(const math_conv *g, math_direction d) {
    return d == MATH_BACKWARD_DATA && g->groups == 1 && g->c < VECTOR;
}

static int64_t window_floats(const math_conv *g) {
    return g->kh * g->kw * g->c;
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    (void)d;
    (void)levels;
    return (size_t)(PLACES * window_floats(g)) * sizeof(float);
}

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    (void)d;
    return (size_t)packed_floats(g->oc, window_floats(g)) * sizeof(float);
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    (void)d;
    (void)part;
    MATH(pack)(g->oc, window_floats(g), w, 1, g->oc, prepared);
}

/* dx[0…count) += col */
INLINE void add_stretch(int64_t count, const float *col, float *dx) {
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR)
        vec_store(dx + i, vec_load(dx + i) + vec_load(col + i));
    for (; i < count; i++)
        dx[i] += col[i];
}

/* Adds one kernel row of a window, which begins at column `left`, to a row of the input. */
INLINE void add_kernel_row(const math_conv *g, int64_t left, const float *col, float *dx) {
    if (g->dilation_w == 1) {
        int64_t first = left < 0 ? -left : 0, last = math_min(g->kw, g->w - left);
        add_stretch((last - first) * g->c, col + first * g->c, dx + (left + first) * g->c);
        return;
    }
    for (int64_t tap = 0, w = left; tap < g->kw; tap++, w += g->dilation_w)
        if (w >= 0 && w < g->w)
            add_stretch(g->c, col + tap * g->c, dx + w * g->c);
}

/* Windows [first, first + count) of the batch, in the order in which they lie. */
static void col2im(const math_conv *g, int64_t first, int64_t count, const float *col, float *dx) {
    int64_t image = first / (g->oh * g->ow), oh = first / g->ow % g->oh, ow = first % g->ow;
    for (; count > 0; count--, col += window_floats(g)) {
        int64_t top = oh * g->stride_h - g->pad_h, left = ow * g->stride_w - g->pad_w;
        for (int64_t tap = 0, h = top; tap < g->kh; tap++, h += g->dilation_h)
            if (h >= 0 && h < g->h)
                add_kernel_row(g, left, col + tap * g->kw * g->c, dx + (image * g->h + h) * g->w * g->c);
        if (++ow == g->ow) {
            ow = 0;
            if (++oh == g->oh) {
                oh = 0;
                image++;
            }
        }
    }
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    int64_t places = n * g->oh * g->ow, width = window_floats(g);
    if (!add)
        memset(dx, 0, (size_t)(n * g->h * g->w * g->c) * sizeof *dx);
    for (int64_t first = 0; first < places; first += PLACES) {
        int64_t count = math_min(PLACES, places - first);
        MATH(multiply)(count, width, g->oc, dy + first * g->oc, g->oc, prepared, scratch, width, false);
        col2im(g, first, count, scratch, dx);
    }
}

const conv_algorithm MATH(conv_col2im) = {.name = "col2im",
                                          .serves = serves,
                                          .scratch = scratch_bytes,
                                          .prepared = prepared_bytes,
                                          .prepare_parts = MATH(conv_one_part),
                                          .prepare = prepare,
                                          .backward_data = backward_data};
