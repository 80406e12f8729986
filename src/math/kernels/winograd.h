/* Winograd's minimal filtering for 3 × 3 windows of stride 1 (Lavin & Gray, 2015): a tile of m × m outputs comes from n × n inputs,
 * n = m + 2, by n² multiplications per pair of channels instead of 9 m²:
 *
 *     Y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        dw = Gᵀ [ Σ_tiles (Bᵀ x B) ⊙ (A dy Aᵀ) ] G
 *
 * The elementwise products of many tiles and channels are n² matrix products, one for each "frequency". F(4×4, 3×3), n = 6, divides the
 * multiplications by 4, F(2×2, 3×3), n = 4, by 2.25.
 *
 * The transforms interpolate polynomials at 0, ±p, ±q, ∞. F(4×4) usually takes p = 1, q = 2; with p = √½, q = √2 the matrices' entries
 * are closer to 1, and the error is 2.5 times smaller at the same number of operations. F(2×2) takes 0, ±1, ∞. */
#ifndef SHOAL_MATH_WINOGRAD_H
#define SHOAL_MATH_WINOGRAD_H

#include "math/kernels/kernels.h"

/* ---- one line of a tile: n values at distance 1 become values at distance `step`; n is a constant wherever this is inlined ---- */

#define WINOGRAD_P 0.70710678118654752440f
#define WINOGRAD_Q 1.41421356237309504880f

/* Bᵀ d: n values of x */
INLINE void winograd_x_line(const int n, const vec *d, vec *t, const int step) {
    if (n == 4) {
        t[0] = d[0] - d[2];
        t[step] = d[2] + d[1];
        t[2 * step] = d[2] - d[1];
        t[3 * step] = d[3] - d[1];
    } else {
        vec even_p = d[4] - 2 * d[2], odd_p = d[3] - 2 * d[1], even_q = d[4] - 0.5f * d[2], odd_q = d[3] - 0.5f * d[1];
        t[0] = (d[0] + d[4]) - 2.5f * d[2];
        t[step] = even_p + WINOGRAD_P * odd_p;
        t[2 * step] = even_p - WINOGRAD_P * odd_p;
        t[3 * step] = even_q + WINOGRAD_Q * odd_q;
        t[4 * step] = even_q - WINOGRAD_Q * odd_q;
        t[5 * step] = (d[1] + d[5]) - 2.5f * d[3];
    }
}

/* Aᵀ m: n sums of products become n − 2 outputs */
INLINE void winograd_y_line(const int n, const vec *m, vec *y, const int step) {
    vec sum_p = m[1] + m[2], difference_p = m[1] - m[2];
    if (n == 4) {
        y[0] = m[0] + sum_p;
        y[step] = m[3] + difference_p;
    } else {
        vec sum_q = m[3] + m[4], difference_q = m[3] - m[4];
        vec odd = WINOGRAD_Q * difference_q; /* p³ = p / 2, q³ = 2 q */
        y[0] = m[0] + (sum_p + sum_q);
        y[step] = odd + WINOGRAD_P * difference_p;
        y[2 * step] = 0.5f * sum_p + 2 * sum_q;
        y[3 * step] = (m[5] + 2 * odd) + 0.5f * WINOGRAD_P * difference_p;
    }
}

/* A dy: n − 2 gradients of outputs become n values */
INLINE void winograd_dy_line(const int n, const vec *y, vec *z, const int step) {
    z[0] = y[0];
    if (n == 4) {
        z[step] = y[0] + y[1];
        z[2 * step] = y[0] - y[1];
        z[3 * step] = y[1];
    } else {
        vec even_p = y[0] + 0.5f * y[2], odd_p = y[1] + 0.5f * y[3], even_q = y[0] + 2 * y[2], odd_q = y[1] + 2 * y[3];
        z[step] = even_p + WINOGRAD_P * odd_p;
        z[2 * step] = even_p - WINOGRAD_P * odd_p;
        z[3 * step] = even_q + WINOGRAD_Q * odd_q;
        z[4 * step] = even_q - WINOGRAD_Q * odd_q;
        z[5 * step] = y[3];
    }
}

/* G w: three weights become n values */
INLINE void winograd_w_line(const int n, const vec *w, vec *u, const int step) {
    u[0] = w[0];
    if (n == 4) {
        vec even = 0.5f * (w[0] + w[2]);
        u[step] = even + 0.5f * w[1];
        u[2 * step] = even - 0.5f * w[1];
        u[3 * step] = w[2];
    } else {
        const float third = 1.0f / 3, sixth = 1.0f / 6;
        vec even_p = -2 * third * w[0] - third * w[2], even_q = sixth * w[0] + third * w[2];
        u[step] = even_p - 2 * third * WINOGRAD_P * w[1];
        u[2 * step] = even_p + 2 * third * WINOGRAD_P * w[1];
        u[3 * step] = even_q + sixth * WINOGRAD_Q * w[1];
        u[4 * step] = even_q - sixth * WINOGRAD_Q * w[1];
        u[5 * step] = w[2];
    }
}

/* Gᵀ u: n sums of products become three gradients of weights */
INLINE void winograd_dw_line(const int n, const vec *u, vec *w, const int step) {
    vec sum_p = u[1] + u[2], difference_p = u[1] - u[2];
    if (n == 4) {
        w[0] = u[0] + 0.5f * sum_p;
        w[step] = 0.5f * difference_p;
        w[2 * step] = u[3] + 0.5f * sum_p;
    } else {
        const float third = 1.0f / 3, sixth = 1.0f / 6;
        vec sum_q = u[3] + u[4], difference_q = u[3] - u[4];
        w[0] = (u[0] - 2 * third * sum_p) + sixth * sum_q;
        w[step] = sixth * WINOGRAD_Q * difference_q - 2 * third * WINOGRAD_P * difference_p;
        w[2 * step] = u[5] + third * (sum_q - sum_p);
    }
}

/* ---- winograd_tiles.c ---- */

/* How the outputs of a convolution are cut up into tiles of m × m. Tiles count through all samples: sample, row, column. */
typedef struct winograd_tiling {
    int n, m;
    int64_t rows, columns; /* of tiles in a plane */
} winograd_tiling;

winograd_tiling MATH(winograd_tiling)(const math_conv *g, int64_t h, int64_t w);

/* A batch of planes in which every tile has a patch; patches may overhang: zeros are read there, and nothing is written. */
typedef struct winograd_planes {
    int64_t h, w, c;
    int64_t pad_h, pad_w;
} winograd_planes;

/* Tiles in frequencies: value (frequency, tile, channel) lies at
 *     data[channel / width * panel + frequency * plane + tile * width + channel % width]. */
typedef struct winograd_spectrum {
    float *data;
    int64_t width, panel, plane;
} winograd_spectrum;

/* Floats of a plane of tiles: an odd number of cache lines, since a tile's values go to all planes at once, and planes that are 4 KB
 * apart would all want the same places of the first cache. */
static inline int64_t winograd_plane(int64_t tiles, int64_t width) {
    return (tiles * width / 16 | 1) * 16;
}

/* Tiles [first, first + count) of x or dy become tiles [0, count) of the spectrum; channels [0, c) of planes whose pixels are `pixel`
 * floats apart. `zeros` holds c zeros. */
void MATH(winograd_x_tiles)(const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count, const float *x, int64_t c,
                            const float *zeros, const winograd_spectrum *to);
void MATH(winograd_dy_tiles)(const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count, const float *dy, int64_t c,
                             const float *zeros, const winograd_spectrum *to);

/* And back: y = bias + tiles, or y += tiles where bias is NULL; past the caches where `stream`. `nowhere` takes c floats that lie outside
 * of the plane. */
void MATH(winograd_y_tiles)(const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count, const winograd_spectrum *from,
                            const float *bias, float *y, bool stream, float *nowhere);

/* ---- winograd_products.c ---- */

/* m = v · u for each of the n² frequencies: `tiles` tiles, v->width input channels, m->width output channels; u as winograd_weights.c
 * makes it. A tile's bits do not depend on the others. */
void MATH(winograd_products)(int n, int64_t tiles, const winograd_spectrum *v, const float *u, int64_t u_plane, const winograd_spectrum *m);

/* ---- winograd_weights.c: weights in frequencies, one packed matrix (gemm.h) for each ---- */

int64_t MATH(winograd_weights_plane)(const math_conv *g, math_direction d); /* floats from one frequency to the next */
size_t MATH(winograd_prepared)(const math_conv *g, math_direction d);
int MATH(winograd_prepare_parts)(const math_conv *g, math_direction d);
void MATH(winograd_prepare)(const math_conv *g, math_direction d, const float *w, int part, void *prepared);

/* ---- winograd_gradient.c ---- */

size_t MATH(winograd_gradient_scratch)(const math_conv *g, int levels);
int MATH(winograd_gradient_parts)(const math_conv *g);
void MATH(winograd_gradient)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                             void *scratch);

#endif
