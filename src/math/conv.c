/* Convolution as matrix products. With X the windows of the input as rows (im2col) and W the weight matrix:
 *     Y = X · W        dX = col2im(dY · Wᵀ)        dW = Xᵀ · dY
 * X is made in chunks of output pixels that stay in cache, and not at all for 1×1 kernels, where it is the input itself. */
#include <string.h>

#include "math/math.h"

enum { CHUNK_FLOATS = 256 * 1024, CHUNK_ROWS = 192 }; /* so much of X at a time (1 MB), but at least so many rows */

static bool is_depthwise(const math_conv *g) {
    return g->groups > 1 && g->groups == g->c;
}

/* X is the input. */
static bool is_direct(const math_conv *g) {
    return g->kh == 1 && g->kw == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0;
}

static int64_t chunk_rows(int64_t width) {
    int64_t rows = CHUNK_FLOATS / width;
    return rows > CHUNK_ROWS ? rows : CHUNK_ROWS;
}

/* Equal chunks, none above chunk_rows(). */
static int64_t even_chunk(int64_t rows, int64_t width) {
    int64_t most = chunk_rows(width), chunks = (rows + most - 1) / most;
    return chunks ? (rows + chunks - 1) / chunks : 1;
}

/* Weight rows of one group, in taps and in all. */
static int64_t group_channels(const math_conv *g) {
    return g->c / g->groups;
}

static int64_t group_rows(const math_conv *g) {
    return g->kh * g->kw * group_channels(g);
}

static math_window whole_window(const math_conv *g, int64_t group) {
    return (math_window){0, g->kh * g->kw, group * group_channels(g), group_channels(g)};
}

size_t math_conv_scratch(const math_conv *g) {
    if (is_depthwise(g))
        return 0;
    /* a tile of the weight gradient is narrower than the whole matrix, and its chunks have more rows */
    int64_t most = CHUNK_ROWS * group_rows(g);
    return (size_t)(most > CHUNK_FLOATS ? most : CHUNK_FLOATS) * sizeof(float);
}

void math_conv_forward(const math_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y, void *scratch) {
    if (is_depthwise(g)) {
        math_depthwise_forward(g, n, x, w, bias, y);
        return;
    }
    int64_t rows = n * g->oh * g->ow, width = group_rows(g), group_oc = g->oc / g->groups;
    if (bias)
        math_fill_rows(rows, g->oc, bias, y);
    float beta = bias ? 1 : 0;
    if (is_direct(g)) {
        for (int64_t i = 0; i < g->groups; i++)
            math_gemm(false, false, rows, group_oc, width, x + i * width, g->c, w + i * group_oc, g->oc, beta, y + i * group_oc, g->oc);
        return;
    }
    float *col = scratch;
    int64_t chunk = even_chunk(rows, width);
    for (int64_t row = 0; row < rows; row += chunk) {
        int64_t count = math_min(chunk, rows - row);
        for (int64_t i = 0; i < g->groups; i++) {
            math_im2col(g, whole_window(g, i), row, count, x, col);
            math_gemm(false, false, count, group_oc, width, col, width, w + i * group_oc, g->oc, beta, y + row * g->oc + i * group_oc,
                      g->oc);
        }
    }
}

void math_conv_backward_data(const math_conv *g, int64_t n, const float *dy, const float *w, float *dx, bool add, void *scratch) {
    int64_t rows = n * g->oh * g->ow, width = group_rows(g), group_oc = g->oc / g->groups;
    if (is_direct(g) && !is_depthwise(g)) {
        for (int64_t i = 0; i < g->groups; i++)
            math_gemm(false, true, rows, width, group_oc, dy + i * group_oc, g->oc, w + i * group_oc, g->oc, add, dx + i * width, g->c);
        return;
    }
    if (!add)
        memset(dx, 0, (size_t)(n * g->h * g->w * g->c) * sizeof *dx);
    if (is_depthwise(g)) {
        math_depthwise_backward_data(g, n, dy, w, dx);
        return;
    }
    float *col = scratch;
    int64_t chunk = even_chunk(rows, width);
    for (int64_t row = 0; row < rows; row += chunk) {
        int64_t count = math_min(chunk, rows - row);
        for (int64_t i = 0; i < g->groups; i++) {
            math_gemm(false, true, count, width, group_oc, dy + row * g->oc + i * group_oc, g->oc, w + i * group_oc, g->oc, 0, col, width);
            math_col2im(g, whole_window(g, i), row, count, col, dx);
        }
    }
}

/* The part of group `group`'s windows that meets rows [first, first + count) of the weight matrix. */
static math_window rows_window(const math_conv *g, int64_t group, int64_t first, int64_t count) {
    int64_t channels = group_channels(g), taps = count / channels;
    if (taps > 0)
        return (math_window){first / channels, taps, group * channels, channels};
    return (math_window){first / channels, 1, group * channels + first % channels, count};
}

void math_conv_backward_weight(const math_conv *g, int64_t n, const float *x, const float *dy, int64_t first, int64_t count, float *dw,
                               void *scratch) {
    if (is_depthwise(g)) {
        memset(dw, 0, (size_t)(count * g->oc) * sizeof *dw);
        math_depthwise_backward_weight(g, n, x, dy, dw);
        return;
    }
    int64_t rows = n * g->oh * g->ow, group_oc = g->oc / g->groups;
    bool direct = is_direct(g);
    int64_t chunk = direct ? rows : even_chunk(rows, count);
    float *col = scratch;
    for (int64_t i = 0; i < g->groups; i++) {
        math_window part = rows_window(g, i, first, count);
        int64_t row = 0;
        do { /* at least once: an empty batch's gradient is zero */
            int64_t used = math_min(chunk, rows - row);
            if (!direct)
                math_im2col(g, part, row, used, x, col);
            math_gemm(true, false, count, group_oc, used, direct ? x + part.channel : col, direct ? g->c : count,
                      dy + row * g->oc + i * group_oc, g->oc, row > 0, dw + i * group_oc, g->oc);
            row += chunk;
        } while (row < rows);
    }
}
