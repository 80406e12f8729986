/* The planes' rows laid out for windows.h. */
#include "math/kernels/windows.h"

/* Kernels of one row or column leave out what lies between the windows. */
static int64_t step_h(const windows *g) {
    return g->kh == 1 ? 1 : g->stride_h;
}

static int64_t step_w(const windows *g) {
    return g->kw == 1 ? 1 : g->stride_w;
}

static int64_t laid_rows(const windows *g, int64_t rows) {
    return (rows - 1) * step_h(g) + (g->kh - 1) * g->dilation_h + 1;
}

static int64_t laid_pixels(const windows *g) {
    return (g->ow - 1) * step_w(g) + (g->kw - 1) * g->dilation_w + 1;
}

layout MATH(layout_of)(const windows *g, int64_t rows) {
    int64_t row = laid_pixels(g) * laid_pixel(g);
    return (layout){
        .place = step_w(g) * laid_pixel(g),
        .row = step_h(g) * row,
        .image = laid_rows(g, rows) * row,
        .kernel_row = g->dilation_h * row,
        .tap = g->dilation_w * laid_pixel(g),
    };
}

INLINE void copy_floats(int64_t count, const float *from, float *to) {
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR)
        vec_store(to + i, vec_load(from + i));
    for (; i < count; i++)
        to[i] = from[i];
}

INLINE void zero_floats(int64_t count, float *to) {
    memset(to, 0, (size_t)count * sizeof *to);
}

/* Pixels that lie inside the plane: laid pixels [first, last) of a row. */
typedef struct range {
    int64_t first, last;
} range;

static range inside(const windows *g, int64_t pixels, int64_t stride) {
    range r = {0, pixels};
    while (r.first < pixels && r.first * stride - g->pad_w < 0)
        r.first++;
    while (r.last > r.first && (r.last - 1) * stride - g->pad_w >= g->w)
        r.last--;
    return r;
}

static void lay_row(const windows *g, const float *x, float *to) {
    int64_t pixels = laid_pixels(g), stride = g->kw == 1 ? g->stride_w : 1, pixel = laid_pixel(g);
    range in = inside(g, pixels, stride);
    zero_floats(in.first * pixel, to);
    zero_floats((pixels - in.last) * pixel, to + in.last * pixel);
    if (stride == 1 && g->channels == g->pixel && g->channels == pixel) {
        copy_floats((in.last - in.first) * g->channels, x + (in.first - g->pad_w) * g->pixel, to + in.first * pixel);
        return;
    }
    for (int64_t i = in.first; i < in.last; i++)
        copy_floats(g->channels, x + (i * stride - g->pad_w) * g->pixel, to + i * pixel);
}

void MATH(lay_out)(const windows *g, window_rows part, const float *x, float *to) {
    int64_t rows = laid_rows(g, part.rows), row_floats = laid_pixels(g) * laid_pixel(g), stride = g->kh == 1 ? g->stride_h : 1;
    for (int64_t image = part.image; image < part.image + part.images; image++)
        for (int64_t i = 0; i < rows; i++, to += row_floats) {
            int64_t h = part.row * g->stride_h - g->pad_h + i * stride;
            if (h >= 0 && h < g->h)
                lay_row(g, x + (image * g->h + h) * g->w * g->pixel, to);
            else
                zero_floats(row_floats, to);
        }
}
