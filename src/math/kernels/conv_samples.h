/* What the two files of convolutions by samples share: a small plane of VECTOR samples, laid so that a vector holds one element of all. */
#ifndef SHOAL_MATH_CONV_SAMPLES_H
#define SHOAL_MATH_CONV_SAMPLES_H

#include "math/kernels/kernels.h"

/* A convolution of stride 1: forward, or backward-data, which reads dy with kernel − 1 − padding zeros around it. */
typedef struct unit_conv {
    int64_t h, w, c;    /* of what is read */
    int64_t oh, ow, oc; /* of what is written */
    int64_t kh, kw, top, left;
} unit_conv;

unit_conv MATH(samples_conv)(const math_conv *g, math_direction d);

/* Laid planes: rows as they are, each with its zeros at both sides, and some behind for tiles that reach beyond the row's end. */
int64_t MATH(samples_row)(const unit_conv *g); /* floats of a row in the planes of all samples */
void MATH(samples_lay)(const unit_conv *g, int64_t samples, const float *x, float *laid);

/* to[i][s] = x[s * apart + i] for i < count, 0 < samples ≤ VECTOR; what stands in the places of further samples means nothing. */
void MATH(samples_gather)(int64_t samples, int64_t apart, int64_t count, const float *x, float *to);

/* The way back: y[s * apart + i] = from[i][s], or added to it. */
void MATH(samples_scatter)(int64_t samples, int64_t apart, int64_t count, const float *from, float *y, bool add);

/* conv_samples_weight.c */
int64_t MATH(samples_weight_floats)(const math_conv *g, int levels);
int MATH(samples_weight_parts)(const math_conv *g);
void MATH(samples_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                   void *scratch);

#endif
