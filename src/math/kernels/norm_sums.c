/* The sums over rows that batch normalisation, its gradient, and biases need. Every sum is made in float over blocks of BLOCK_ROWS wide
 * rows (norm.h), then added up in double: one pass, and the error of a sum of a few dozen. */
#include <string.h>

#include "math/kernels/norm.h"

/* Rows side by side spare loads and stores of their sums, but are as many streams from memory: AVX2's loops, which wait for memory anyhow,
 * take 0.6 to 0.8 of the time over one (Zen 3). An element's sum is the same chain of additions. */
enum { BLOCK_ROWS = 64, TOGETHER = VECTOR == 16 ? 4 : 1 };

static int64_t widest(int64_t c) {
    return c > WIDE ? c : WIDE;
}

/* Two sums in float over a block, and sum_rows's: a total in double and a stack of the lanes' sums. */
size_t MATH(sums_scratch)(int64_t c, int levels) {
    return (size_t)(2 * widest(c) + levels * c) * sizeof(float) + (size_t)c * sizeof(double);
}

/* ---- Σx and Σx² ---- */

/* Adds d and d² of `rows` rows to s and q, where d is the distance from `origin`, a block's first row: small where the mean is large. */
INLINE void distance_step(const float *x, int64_t width, const int rows, const float *origin, float *s, float *q, int64_t part) {
    vec sum = norm_load(s, part), square = norm_load(q, part), from = norm_load(origin, part);
    for (int r = 0; r < rows; r++) {
        norm_fetch(x + r * width);
        vec d = norm_load(x + r * width, part) - from;
        sum += d;
        square += d * d;
    }
    norm_store(s, sum, part);
    norm_store(q, square, part);
}

INLINE void distance_rows(const float *x, int64_t width, const int rows, const float *origin, float *s, float *q) {
    int64_t i = 0;
    for (; i + VECTOR <= width; i += VECTOR)
        distance_step(x + i, width, rows, origin + i, s + i, q + i, 0);
    if (i < width)
        distance_step(x + i, width, rows, origin + i, s + i, q + i, width - i);
}

static void distance_sums(int64_t rows, int64_t width, const float *x, float *s, float *q) {
    memset(s, 0, (size_t)width * sizeof *s);
    memset(q, 0, (size_t)width * sizeof *q);
    int64_t r = 1;
    for (; r + TOGETHER <= rows; r += TOGETHER)
        distance_rows(x + r * width, width, TOGETHER, x, s, q);
    for (; r < rows; r++)
        distance_rows(x + r * width, width, 1, x, s, q);
}

/* Rows of `width`, which are several of c each. */
static void norm_sums(int64_t rows, int64_t width, int64_t c, const float *x, double *sum, double *sumsq, float *s) {
    float *q = s + width;
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t count = math_min(BLOCK_ROWS, rows - row);
        const float *origin = x + row * width;
        distance_sums(count, width, origin, s, q);
        double n = (double)count;
        for (int64_t first = 0; first < width; first += c) {
#pragma omp simd
            for (int64_t i = 0; i < c; i++) {
                double x0 = origin[first + i], d = s[first + i];
                sum[i] += d + n * x0;
                sumsq[i] += q[first + i] + 2 * x0 * d + n * x0 * x0;
            }
        }
    }
}

void MATH(norm_sums)(int64_t rows, int64_t c, const float *x, double *sum, double *sumsq, void *scratch) {
    int64_t group = wide_rows(c), wide = rows / group;
    norm_sums(wide, group * c, c, x, sum, sumsq, scratch);
    norm_sums(rows - wide * group, c, c, x + wide * group * c, sum, sumsq, scratch);
}

/* ---- Σdz and Σdz · (x − mean) ---- */

typedef struct gradient {
    const float *mean, *scale, *shift; /* of a wide row */
    const float *x, *y, *dy;
    const uint8_t *bits;
    float *s, *q;
} gradient;

/* Element i of `rows` rows, of which the first one begins at `at`. */
INLINE void gradient_step(const gradient *g, int64_t i, int64_t at, int64_t width, const int rows, int64_t part, const mask kind) {
    vec sum = norm_load(g->s + i, part), product = norm_load(g->q + i, part), mean = norm_load(g->mean + i, part);
    for (int r = 0; r < rows; r++, at += width) {
        norm_fetch(g->x + at + i);
        norm_fetch(g->dy + at + i);
        vec centred = norm_load(g->x + at + i, part) - mean, dz = norm_load(g->dy + at + i, part);
        if (kind == MASK_BITS)
            dz = where_bits(g->bits, at + i, dz);
        if (kind == MASK_Y)
            dz = where_positive(norm_load(g->y + at + i, part), dz);
        if (kind == MASK_X)
            dz = where_positive(norm_scaled(centred, norm_load(g->scale + i, part), norm_load(g->shift + i, part)), dz);
        sum += dz;
        product += dz * centred;
    }
    norm_store(g->s + i, sum, part);
    norm_store(g->q + i, product, part);
}

INLINE void gradient_rows(const gradient *g, int64_t at, int64_t width, const int rows, const mask kind) {
    int64_t i = 0;
    for (; i + VECTOR <= width; i += VECTOR)
        gradient_step(g, i, at, width, rows, 0, kind);
    if (i < width)
        gradient_step(g, i, at, width, rows, width - i, kind);
}

/* Rows [first, last) of `width`. */
INLINE void gradient_block(const gradient *call, const mask kind, int64_t first, int64_t last, int64_t width) {
    const gradient g = *call;
    memset(g.s, 0, (size_t)width * sizeof *g.s);
    memset(g.q, 0, (size_t)width * sizeof *g.q);
    int64_t r = first;
    for (; r + TOGETHER <= last; r += TOGETHER)
        gradient_rows(&g, r * width, width, TOGETHER, kind);
    for (; r < last; r++)
        gradient_rows(&g, r * width, width, 1, kind);
}

static void gradient_sums(const gradient *g, mask kind, int64_t rows, int64_t width, int64_t c, double *sum_dz, double *sum_dz_x) {
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t end = math_min(row + BLOCK_ROWS, rows);
        if (kind == MASK_NONE)
            gradient_block(g, MASK_NONE, row, end, width);
        else if (kind == MASK_BITS)
            gradient_block(g, MASK_BITS, row, end, width);
        else if (kind == MASK_Y)
            gradient_block(g, MASK_Y, row, end, width);
        else
            gradient_block(g, MASK_X, row, end, width);
        for (int64_t first = 0; first < width; first += c) {
#pragma omp simd
            for (int64_t i = 0; i < c; i++) {
                sum_dz[i] += g->s[first + i];
                sum_dz_x[i] += g->q[first + i];
            }
        }
    }
}

void MATH(norm_grad_sums)(const math_norm *m, const float *x, const float *y, const float *dy, double *sum_dz, double *sum_dz_x,
                          void *scratch) {
    float mean[WIDE], scale[WIDE], shift[WIDE], *s = scratch;
    int64_t c = m->c, group = wide_rows(c), width = group * c, wide = m->rows / group, done = wide * width;
    gradient g = {.mean = wide_factor(m->mean, c, width, mean),
                  .scale = wide_factor(m->scale, c, width, scale),
                  .shift = wide_factor(m->shift, c, width, shift),
                  .x = x,
                  .y = y,
                  .dy = dy,
                  .bits = m->bits,
                  .s = s,
                  .q = s + width};
    gradient_sums(&g, norm_mask(m, y), wide, width, c, sum_dz, sum_dz_x);
    g.x += done, g.dy += done;
    g.y = y ? y + done : NULL;
    g.bits = m->bits ? m->bits + done / 8 : NULL;
    gradient_sums(&g, norm_mask(m, y), m->rows - wide * group, c, c, sum_dz, sum_dz_x);
}

/* ---- Σx in float, over lanes ---- */

typedef struct row_sums {
    int64_t sample_rows, c;
    const float *x;
    double *total;
    float *block;
} row_sums;

static void add_rows(const row_sums *a, int64_t rows, int64_t width, const float *x) {
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        memset(a->block, 0, (size_t)width * sizeof *a->block);
        for (int64_t r = row; r < math_min(row + BLOCK_ROWS, rows); r++) {
            for (int64_t i = 0; i < width; i += LINE)
                norm_fetch(x + r * width + i);
            MATH(add)(width, a->block, x + r * width, a->block);
        }
        for (int64_t i = 0; i < width; i += a->c) {
#pragma omp simd
            for (int64_t j = 0; j < a->c; j++)
                a->total[j] += a->block[i + j];
        }
    }
}

/* A lane's share. */
static void share(const void *context, int64_t first, int64_t last, float *sums) {
    const row_sums *a = context;
    int64_t c = a->c, rows = (last - first) * a->sample_rows, group = wide_rows(c), wide = rows / group;
    const float *x = a->x + first * a->sample_rows * c;
    memset(a->total, 0, (size_t)c * sizeof *a->total);
    add_rows(a, wide, group * c, x);
    add_rows(a, rows - wide * group, c, x + wide * group * c);
    for (int64_t i = 0; i < c; i++)
        sums[i] = (float)a->total[i];
}

void MATH(sum_rows)(const math_lanes *lanes, int64_t sample_rows, int64_t c, const float *x, float *sums, void *scratch) {
    double *total = scratch;
    float *block = (float *)(total + c);
    row_sums a = {sample_rows, c, x, total, block};
    MATH(sum_lanes)(lanes, c, share, &a, sums, block + widest(c));
}
