/* VECTOR samples side by side: transposed into vectors that hold one element of all, and back; pooled planes of them; and sums over samples
 * of what is computed so, lane by lane. */
#include "math/kernels/conv_samples.h"

/* ---- squares of `count` ≤ VECTOR elements of every sample, floats or bytes ---- */

INLINE void load_square(int64_t samples, int64_t apart, int64_t count, const float *x, vec *v) {
#pragma GCC unroll 16
    for (int s = 0; s < VECTOR; s++, x += s < samples ? apart : 0)
        v[s] = vec_load_part(x, count);
}

INLINE void load_square_of_bytes(int64_t samples, int64_t apart, int64_t count, const uint8_t *x, vec *v) {
#pragma GCC unroll 16
    for (int s = 0; s < VECTOR; s++, x += s < samples ? apart : 0)
        v[s] = (vec)vec_load_bytes(x, count);
}

INLINE void lay_square(int64_t count, vec *v, float *to) {
    vec_transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++)
        if (i < count)
            vec_store(to + i * VECTOR, v[i]);
}

INLINE void take_square(int64_t count, const float *from, vec *v) {
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++)
        v[i] = i < count ? vec_load(from + i * VECTOR) : vec_set(0);
    vec_transpose(v);
}

void MATH(samples_gather)(int64_t samples, int64_t apart, int64_t count, const float *x, float *to) {
    vec v[VECTOR];
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR) {
        load_square(samples, apart, VECTOR, x + i, v);
        lay_square(VECTOR, v, to + i * VECTOR);
    }
    if (i < count) {
        load_square(samples, apart, count - i, x + i, v);
        lay_square(count - i, v, to + i * VECTOR);
    }
}

static void gather_bytes(int64_t samples, int64_t apart, int64_t count, const uint8_t *x, float *to) {
    vec v[VECTOR];
    for (int64_t i = 0; i < count; i += VECTOR) {
        load_square_of_bytes(samples, apart, math_min(VECTOR, count - i), x + i, v);
        lay_square(math_min(VECTOR, count - i), v, to + i * VECTOR);
    }
}

INLINE void scatter_square(int64_t samples, int64_t apart, int64_t count, const float *from, float *y, bool add) {
    vec v[VECTOR];
    take_square(count, from, v);
#pragma GCC unroll 16
    for (int s = 0; s < VECTOR; s++, y += apart) {
        if (s >= samples)
            return;
        if (add)
            v[s] += vec_load_part(y, count);
        vec_store_part(y, v[s], count);
    }
}

void MATH(samples_scatter)(int64_t samples, int64_t apart, int64_t count, const float *from, float *y, bool add) {
    int64_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR)
        scatter_square(samples, apart, VECTOR, from + i * VECTOR, y + i, add);
    if (i < count)
        scatter_square(samples, apart, count - i, from + i * VECTOR, y + i, add);
}

static void scatter_bytes(int64_t samples, int64_t apart, int64_t count, const float *from, uint8_t *y) {
    for (int64_t i = 0; i < count; i += VECTOR) {
        vec v[VECTOR];
        take_square(math_min(VECTOR, count - i), from + i * VECTOR, v);
#pragma GCC unroll 16
        for (int s = 0; s < VECTOR; s++)
            if (s < samples)
                vec_store_bytes(y + s * apart + i, (vec_ints)v[s], math_min(VECTOR, count - i));
    }
}

void MATH(samples_lay_plane)(const laid_plane *p, int64_t samples, const float *x, float *laid) {
    int64_t floats = p->w * p->c, row = p->columns * p->c * VECTOR;
    if (p->rows != p->h || p->columns != p->w)
        memset(laid, 0, (size_t)(p->rows * row) * sizeof *laid);
    laid += p->top * row + p->left * p->c * VECTOR;
    for (int64_t i = 0; i < p->h; i++, x += floats, laid += row)
        MATH(samples_gather)(samples, p->h * floats, floats, x, laid);
}

/* ---- pooled planes ---- */

void MATH(samples_gather_pooled)(int64_t samples, int64_t count, const float *dy, const uint8_t *index, samples_pooled to) {
    MATH(samples_gather)(samples, count, count, dy, to.values);
    gather_bytes(samples, count, count, index, to.at);
    for (int64_t i = 0; i < count * VECTOR; i += VECTOR) {
        vec_ints none = (vec_ints)vec_load(to.at + i) == MATH_NO_ELEMENT;
        vec_store(to.values + i, (vec)((vec_ints)vec_load(to.values + i) & ~none));
    }
}

void MATH(samples_scatter_pooled)(int64_t samples, int64_t count, samples_pooled from, float *y, uint8_t *index) {
    MATH(samples_scatter)(samples, count, count, from.values, y, false);
    if (index)
        scatter_bytes(samples, count, count, from.at, index);
}

void MATH(samples_pool_rows)(int64_t pixels, int64_t c, const float *rows, samples_pooled to) {
    int64_t pixel = c * VECTOR, row = 2 * pixels * pixel;
    for (int64_t i = 0; i < pixels; i++, rows += 2 * pixel, to.values += pixel, to.at += pixel)
        for (int64_t k = 0; k < pixel; k += VECTOR) {
            const float *x = rows + k;
            samples_pool((vec[4]){vec_load(x), vec_load(x + pixel), vec_load(x + row), vec_load(x + row + pixel)}, to.values + k,
                         to.at + k);
        }
}

void MATH(samples_unpool_row)(int64_t pixels, int64_t c, samples_pooled from, float *to, int64_t row) {
    int64_t pixel = c * VECTOR;
    for (int64_t i = 0; i < pixels; i++, to += 2 * pixel, from.values += pixel, from.at += pixel)
        for (int64_t k = 0; k < pixel; k += VECTOR) {
            vec four[4];
            samples_unpool(from.values + k, from.at + k, four);
            vec_store(to + k, four[0]);
            vec_store(to + k + pixel, four[1]);
            vec_store(to + k + row, four[2]);
            vec_store(to + k + row + pixel, four[3]);
        }
}

void MATH(samples_add_pixels)(int64_t pixels, int64_t c, const float *values, float *sums) {
    memset(sums, 0, (size_t)(c * VECTOR) * sizeof *sums);
    for (; pixels > 0; pixels--, values += c * VECTOR)
        MATH(add)(c * VECTOR, sums, values, sums);
}

/* ---- sums over samples ---- */

typedef struct summed {
    samples_sums *make;
    const void *context;
    int64_t count, end; /* of the samples */
    int64_t *first;     /* sample whose sums are the first in `each`; negative: none is there yet */
    float *sums, *each; /* [count][VECTOR], and turned */
} summed;

/* A lane's share. */
static void share(const void *context, int64_t first, int64_t last, float *sum) {
    const summed *a = context;
    memset(sum, 0, (size_t)a->count * sizeof *sum);
    for (int64_t sample = first; sample < last; sample++) {
        if (*a->first < 0 || sample >= *a->first + VECTOR) {
            a->make(a->context, sample, math_min(VECTOR, a->end - sample), a->sums);
            MATH(samples_scatter)(VECTOR, a->count, a->count, a->sums, a->each, false);
            *a->first = sample;
        }
        MATH(add)(a->count, sum, a->each + (sample - *a->first) * a->count, sum);
    }
}

int64_t MATH(samples_sum_floats)(int64_t count, int levels) {
    return count * (2 * VECTOR + 1 + levels);
}

void MATH(samples_sum_gradients)(const math_lanes *lanes, int64_t weights, int64_t oc, samples_sums *make, const void *context, float *dw,
                                 float *db, float *scratch) {
    int64_t first = -1, count = weights + (db ? oc : 0);
    float *each = scratch + count * VECTOR, *sum = each + count * VECTOR;
    summed a = {make, context, count, lanes->bounds[lanes->count], &first, scratch, each};
    MATH(sum_lanes)(lanes, count, share, &a, sum, sum + count);
    if (dw)
        memcpy(dw, sum, (size_t)weights * sizeof *dw);
    if (db)
        memcpy(db, sum + weights, (size_t)oc * sizeof *db);
}
