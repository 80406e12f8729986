/* Windows of the input laid out as rows of a matrix, and the way back (Chellapilla, Puri, Simard: High performance convolutional neural
 * networks for document processing, 2006). Row (i, oh, ow) holds, tap by tap, input pixel
 *     (oh · stride − pad + kh · dilation, ow · stride − pad + kw · dilation) of image i, zeros where that lies outside. */
#include <string.h>

#include "math/kernels/kernels.h"

/* A stretch of one kernel row whose input pixels lie one after the other in memory and in the matrix. */
typedef struct stretch {
    float *col;
    int64_t pixel; /* of the plane; only where inside */
    int64_t taps;
    bool inside;
} stretch;

/* Where one output pixel's window begins in its input plane. */
typedef struct corner {
    int64_t h, w;
} corner;

static corner corner_of(const math_conv *g, int64_t row, int64_t *image) {
    int64_t plane = g->oh * g->ow, pixel = row % plane;
    *image = row / plane;
    return (corner){pixel / g->ow * g->stride_h - g->pad_h, pixel % g->ow * g->stride_w - g->pad_w};
}

/* How many taps of a kernel row, from tap kw on and before `end`, can be treated as one. */
static int64_t stretch_length(const math_conv *g, bool dense, int64_t w, int64_t taps) {
    if (!dense)
        return 1;
    if (w < 0)
        return -w < taps ? -w : taps;
    int64_t left = g->w - w;
    return left > 0 && left < taps ? left : taps;
}

typedef void stretch_function(const math_conv *g, conv_window part, stretch s, float *image);

/* Calls `work` for all stretches of one window. */
INLINE void for_window(const math_conv *g, conv_window part, corner at, float *image, float *col, stretch_function *work) {
    bool dense = g->dilation_w == 1 && part.channels == g->c;
    int64_t end = part.tap + part.taps;
    for (int64_t tap = part.tap, taps; tap < end; tap += taps) {
        int64_t kh = tap / g->kw, kw = tap % g->kw;
        int64_t h = at.h + kh * g->dilation_h, w = at.w + kw * g->dilation_w;
        int64_t row_taps = end - tap < g->kw - kw ? end - tap : g->kw - kw;
        bool row_inside = h >= 0 && h < g->h;
        taps = row_inside ? stretch_length(g, dense, w, row_taps) : row_taps;
        work(g, part, (stretch){col, h * g->w + w, taps, row_inside && w >= 0 && w < g->w}, image);
        col += taps * part.channels;
    }
}

INLINE void gather(const math_conv *g, conv_window part, stretch s, float *image) {
    size_t bytes = (size_t)(s.taps * part.channels) * sizeof(float);
    if (s.inside)
        memcpy(s.col, image + s.pixel * g->c + part.channel, bytes);
    else
        memset(s.col, 0, bytes);
}

INLINE void scatter(const math_conv *g, conv_window part, stretch s, float *image) {
    if (!s.inside)
        return;
    float *restrict dx = image + s.pixel * g->c + part.channel;
    const float *restrict col = s.col;
    for (int64_t i = 0; i < s.taps * part.channels; i++)
        dx[i] += col[i];
}

void MATH(im2col)(const math_conv *g, conv_window part, int64_t first, int64_t rows, const float *x, float *col) {
    for (int64_t row = first; row < first + rows; row++, col += part.taps * part.channels) {
        int64_t image;
        corner at = corner_of(g, row, &image);
        for_window(g, part, at, (float *)x + image * g->h * g->w * g->c, col, gather);
    }
}

void MATH(col2im)(const math_conv *g, conv_window part, int64_t first, int64_t rows, const float *col, float *dx) {
    for (int64_t row = first; row < first + rows; row++, col += part.taps * part.channels) {
        int64_t image;
        corner at = corner_of(g, row, &image);
        for_window(g, part, at, dx + image * g->h * g->w * g->c, (float *)col, scatter);
    }
}
