/* What convolutions by samples share: a small plane of VECTOR samples, laid so that a vector holds one element of all. */
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

/* A plane with zeros around it: rows · columns pixels, of which its own begin at (top, left). */
typedef struct laid_plane {
    int64_t h, w, c;
    int64_t rows, columns, top, left;
} laid_plane;

void MATH(samples_lay_plane)(const laid_plane *p, int64_t samples, const float *x, float *laid);

/* ---- planes behind relu and 2 × 2 maximum pooling, [pixel, channel][sample]: values, and which of the four they are (max_pool.c) ---- */

typedef struct samples_pooled {
    float *values, *at; /* `at` holds integers */
} samples_pooled;

/* From value i of every sample on. */
static inline samples_pooled samples_pooled_at(samples_pooled p, int64_t i) {
    return (samples_pooled){p.values + i * VECTOR, p.at + i * VECTOR};
}

INLINE void samples_pool(const vec four[4], float *value, float *at) {
    vec best = vec_set(0);
    vec_ints which = (vec_ints){0} + MATH_NO_ELEMENT;
    for (int i = 0; i < 4; i++) {
        vec_ints take = (four[i] > best) | (four[i] != four[i]);
        best = vec_select(take, four[i], best);
        which = (((vec_ints){0} + i) & take) | (which & ~take);
    }
    vec_store(value, best);
    vec_store(at, (vec)which);
}

INLINE void samples_unpool(const float *value, const float *at, vec four[4]) {
    vec_ints bits = (vec_ints)vec_load(value), which = (vec_ints)vec_load(at);
    for (int i = 0; i < 4; i++)
        four[i] = (vec)(bits & (which == i));
}

/* Planes of `count` values. Gradients of what relu held back become 0; no index is written where it is NULL. */
void MATH(samples_gather_pooled)(int64_t samples, int64_t count, const float *dy, const uint8_t *index, samples_pooled to);
void MATH(samples_scatter_pooled)(int64_t samples, int64_t count, samples_pooled from, float *y, uint8_t *index);

/* Two rows of 2 · pixels each, one after the other, become one; and one becomes two that are `row` floats apart. */
void MATH(samples_pool_rows)(int64_t pixels, int64_t c, const float *rows, samples_pooled to);
void MATH(samples_unpool_row)(int64_t pixels, int64_t c, samples_pooled from, float *to, int64_t row);

/* sums[channel][sample] over the pixels */
void MATH(samples_add_pixels)(int64_t pixels, int64_t c, const float *values, float *sums);

/* ---- sums over samples ---- */

/* Gradients of `weights` weights and, where it is wanted, behind them of the bias, of samples [first, first + samples), each sample's by
 * itself: [weight, then oc][VECTOR]. */
typedef void samples_sums(const void *context, int64_t first, int64_t samples, float *sums);

/* Those of all samples of the lanes: VECTOR samples at a time, whichever lanes they belong to, a lane's share in the order of its samples,
 * and the lanes along the tree. dw or db may be NULL; only where db is not, `make` gives the bias's sums. scratch: samples_sum_floats, of
 * weights and bias. */
int64_t MATH(samples_sum_floats)(int64_t count, int levels);
void MATH(samples_sum_gradients)(const math_lanes *lanes, int64_t weights, int64_t oc, samples_sums *make, const void *context, float *dw,
                                 float *db, float *scratch);

/* conv_samples_weight.c */
int64_t MATH(samples_weight_floats)(const math_conv *g, int levels);
int MATH(samples_weight_parts)(const math_conv *g);
void MATH(samples_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                   void *scratch);
/* index NULL: there is no pool, and db is NULL too. */
void MATH(samples_dw)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index, float *dw,
                      float *db, void *scratch);

#endif
