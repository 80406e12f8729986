/* What forward and the weights' gradient of conv_first.c share: bands of the input's rows, copied with their padding. */
#ifndef SHOAL_MATH_CONV_FIRST_H
#define SHOAL_MATH_CONV_FIRST_H

#include "math/kernels/kernels.h"

enum { FIRST_PIXELS = 16 }; /* at most in a tile of forward, whose last one may reach so far beyond a row's end */

/* Floats of a row in a band. */
static inline int64_t first_row_length(const math_conv *g) {
    int64_t pixels = (g->ow + FIRST_PIXELS - 1) / FIRST_PIXELS * FIRST_PIXELS;
    return (pixels - 1) * g->stride_w * g->c + g->kw * g->c;
}

static inline int64_t first_taps(const math_conv *g) {
    return g->kh * g->kw * g->c;
}

int64_t MATH(first_band_rows)(const math_conv *g);   /* of the output */
int64_t MATH(first_band_floats)(const math_conv *g); /* of the input's rows for them */

/* The rows of an image that output rows [first, first + rows) see. */
void MATH(first_copy_band)(const math_conv *g, int64_t first, int64_t rows, const float *image, float *band);

/* conv_first_weight.c */
int64_t MATH(first_weight_floats)(const math_conv *g, int levels); /* of scratch, beside a band */
int MATH(first_weight_parts)(const math_conv *g);
void MATH(first_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                 void *scratch);

#endif
