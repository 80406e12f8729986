/* Batch normalisation's passes: what its sums (norm_sums.c) and its outputs (norm.c) share.
 *
 * Rows of few channels would leave most of a vector empty, and cost a loop each. So as many rows as make up to WIDE floats are taken as one
 * wide row, with the channels' factors repeated accordingly; rows of more channels are wide as they are.
 *
 * All are bound by memory, which serves a sixth more where the second cache is asked for a line some pages before it is read: what the
 * processor fetches by itself ends with each page of 4 KB. */
#ifndef SHOAL_MATH_NORM_H
#define SHOAL_MATH_NORM_H

#include "math/kernels/kernels.h"

enum { WIDE = 256, FETCH_AHEAD = 2048 /* floats */ };

/* Rows in a wide row. */
static inline int64_t wide_rows(int64_t c) {
    return 2 * c <= WIDE ? WIDE / c : 1;
}

/* A factor for every element of a wide row: `factor` itself where that is one row. */
static inline const float *wide_factor(const float *factor, int64_t c, int64_t width, float wide[WIDE]) {
    if (width == c || !factor)
        return factor;
    for (int64_t i = 0; i < width; i += c)
        memcpy(wide + i, factor, (size_t)c * sizeof *wide);
    return wide;
}

/* Where a gradient passes: everywhere, where a bit is set, where y > 0, or where the y that follows from x is > 0. */
typedef enum mask {
    MASK_NONE,
    MASK_BITS,
    MASK_Y,
    MASK_X,
} mask;

static inline mask norm_mask(const math_norm *m, const float *y) {
    return !m->relu ? MASK_NONE : m->bits ? MASK_BITS : y ? MASK_Y : MASK_X;
}

/* (x − mean) · scale + shift from x − mean: written here once, because where it is 0 must not depend on who asks. */
INLINE vec norm_scaled(vec centred, vec scale, vec shift) {
    return centred * scale + shift;
}

/* v where `positive` is > 0, else 0. */
INLINE vec where_positive(vec positive, vec v) {
    return (vec)((vec_ints)v & (positive > vec_set(0)));
}

INLINE vec where_bits(const uint8_t *bits, int64_t at, vec v) {
    return (vec)((vec_ints)v & vec_load_bits(bits, at));
}

/* Asks for what lies ahead of p, where there need not be anything. */
INLINE void norm_fetch(const float *p) {
    __builtin_prefetch(p + FETCH_AHEAD, 0, 2);
}

/* A vector from p, or the first `part` elements of one where part is not 0. */
INLINE vec norm_load(const float *p, int64_t part) {
    return part ? vec_load_part(p, part) : vec_load(p);
}

INLINE void norm_store(float *p, vec v, int64_t part) {
    if (part)
        vec_store_part(p, v, part);
    else
        vec_store(p, v);
}

#endif
