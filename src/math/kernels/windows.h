/* Windows of planes as rows of a matrix that is never written (implicit im2col).
 *
 * In a plane with its padding laid out, the windows of one row of places, seen through one row of the kernel, already lie as a matrix does:
 * kw · channels floats each, stride · channels floats apart, overlapping. So a micro-tile (gemm_tile.h) reads them where they are, kernel
 * row after kernel row. All that is copied are the planes' rows, once, into a buffer that stays in cache; im2col would copy kh · kw times
 * as much, which is a quarter of the product's time at 16 channels.
 *
 * Where dilation sets the pixels of a kernel row apart, every tap is a matrix of its own. */
#ifndef SHOAL_MATH_WINDOWS_H
#define SHOAL_MATH_WINDOWS_H

#include "math/kernels/gemm_tile.h"

/* Planes, and the windows on them; window (i, j) has pixels (i · stride − pad + kh · dilation, …). pad may be negative. */
typedef struct windows {
    int64_t h, w, pixel, channels; /* `channels` of each pixel are used; pixels are `pixel` floats apart */
    int64_t oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
} windows;

/* Rows of a matrix as windows of one pixel. */
static inline windows pixel_windows(int64_t rows, int64_t channels) {
    return (windows){.h = rows,
                     .w = 1,
                     .pixel = channels,
                     .channels = channels,
                     .oh = rows,
                     .ow = 1,
                     .kh = 1,
                     .kw = 1,
                     .stride_h = 1,
                     .stride_w = 1,
                     .dilation_h = 1,
                     .dilation_w = 1};
}

/* What is laid out at a time: rows [row, row + rows) of windows of some images; more than one image only when all their rows. */
typedef struct window_rows {
    int64_t image, images, row, rows;
} window_rows;

/* The layout's measures in floats. */
typedef struct layout {
    int64_t place, row, image; /* from one window to the next: in its row, to the next row, to the next image */
    int64_t kernel_row, tap;   /* from one kernel row, one pixel of it to the next */
} layout;

layout MATH(layout_of)(const windows *g, int64_t rows);

/* Copies what the windows see, zeros where that lies outside. Needs images · layout.image floats. */
void MATH(lay_out)(const windows *g, window_rows part, const float *x, float *to);

/* Pixels of a kernel row that are one piece of memory: all, or one where there are many channels. */
static inline int64_t joined_taps(const windows *g) {
    return g->dilation_w == 1 && g->channels < 256 ? g->kw : 1;
}

/* From one laid pixel to the next. Pixels of many channels are set a line apart, as windows whose distance is a power of two would all lie
 * in the same few sets of the first cache. */
static inline int64_t laid_pixel(const windows *g) {
    return g->channels >= 128 && joined_taps(g) == 1 ? g->channels + LINE : g->channels;
}

/* ---- windows_product.c ---- */

/* Where results go: from one to the next, in floats. */
typedef struct places {
    int64_t place, row, image;
} places;

/* y[place, n] = windows[place, kh · kw · channels] · packed, on top of bias (may be NULL), or added to what y holds. */
void MATH(windows_product)(const windows *g, int64_t images, int64_t n, const float *x, const float *packed, const float *bias, bool add,
                           float *y, places to, float *scratch);

/* Floats of scratch. */
int64_t MATH(windows_product_floats)(const windows *g);

/* ---- windows_sum.c ---- */

/* A part of the sum's matrix [kh · kw · channels, n]: some of its tiles, in order, by all n columns. */
typedef struct tile_range {
    int64_t first, last;
} tile_range;

/* Tiles of the matrix's rows: none is wider than what lies in one piece. */
int64_t MATH(window_tiles)(const windows *g);

/* c[kh · kw · channels, n] = Σ over the lanes' samples of windowsᵀ · b, b[place, n]: rows ldb apart, one for each window. */
void MATH(windows_sum)(const windows *g, const math_lanes *lanes, tile_range tiles, int64_t n, const float *x, const float *b, int64_t ldb,
                       float *c, int64_t ldc, float *scratch);

int64_t MATH(windows_sum_floats)(const windows *g, tile_range tiles, int64_t n, int levels);

/* ---- windows_taps.c: the same without windows laid out, where there are many channels ---- */

/* In place, where steps are 4 KB and more, a single tap does not pay for reading what lies so far apart. */
static inline bool suits_taps(const windows *g) {
    return g->channels >= 64 && (!SUMS_IN_PLACE || g->kh * g->kw > 1 || g->stride_w * g->pixel < 1024);
}

/* Block `number` of c[kh · kw · channels, n], of as many as tap_blocks() says. */
void MATH(taps_sum)(const windows *g, const math_lanes *lanes, int number, int64_t n, const float *x, const float *b, int64_t ldb, float *c,
                    int64_t ldc, float *scratch);

int MATH(tap_blocks)(const windows *g, int64_t n);

int64_t MATH(taps_sum_floats)(const windows *g, int64_t n, int levels);

#endif
