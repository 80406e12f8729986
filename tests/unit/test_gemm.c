/* The matrix products under the convolutions, in every instruction set that the processor has: against sums in double precision, and for
 * what they promise about bits: a row is the same in any company, and a lane is the same in any call. */
#include "base/tree.h"
#include "kernel_sets.h"
#include "suite.h"
#define SHOAL_ISA generic
#include "math/kernels/windows.h"

typedef struct products {
    const char *isa;
    void (*pack)(int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, float *packed);
    void (*multiply)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, float *c, int64_t ldc, bool add);
    void (*multiply_bias)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, const float *bias, float *c,
                          int64_t ldc);
    int (*tap_blocks)(const windows *g, int64_t n);
    int64_t (*taps_sum_floats)(const windows *g, int64_t n, int levels);
    void (*taps_sum)(const windows *g, const math_lanes *lanes, int number, int64_t n, const float *x, const float *b, int64_t ldb,
                     float *c, int64_t ldc, float *scratch);
} products;

#define DECLARE(isa)                                                                                                                       \
    extern void math_pack_##isa(int64_t, int64_t, const float *, int64_t, int64_t, float *);                                               \
    extern void math_multiply_##isa(int64_t, int64_t, int64_t, const float *, int64_t, const float *, float *, int64_t, bool);             \
    extern void math_multiply_bias_##isa(int64_t, int64_t, int64_t, const float *, int64_t, const float *, const float *, float *,         \
                                         int64_t);                                                                                         \
    extern int math_tap_blocks_##isa(const windows *, int64_t);                                                                            \
    extern int64_t math_taps_sum_floats_##isa(const windows *, int64_t, int);                                                              \
    extern void math_taps_sum_##isa(const windows *, const math_lanes *, int, int64_t, const float *, const float *, int64_t, float *,     \
                                    int64_t, float *);
FOR_SETS(DECLARE)

#define PRODUCTS(isa)                                                                                                                      \
    {#isa,                                                                                                                                 \
     math_pack_##isa,                                                                                                                      \
     math_multiply_##isa,                                                                                                                  \
     math_multiply_bias_##isa,                                                                                                             \
     math_tap_blocks_##isa,                                                                                                                \
     math_taps_sum_floats_##isa,                                                                                                           \
     math_taps_sum_##isa},
static const products sets[SETS] = {FOR_SETS(PRODUCTS)};

static const int64_t heights[] = {1, 2, 3, 5, 17, 33, 100}, widths[] = {1, 3, 5, 16, 17, 33, 100}, depths[] = {1, 2, 7, 17, 100, 259, 1100};
enum {
    HEIGHTS = sizeof heights / sizeof *heights,
    WIDTHS = sizeof widths / sizeof *widths,
    DEPTHS = sizeof depths / sizeof *depths,
    DEEPEST = 1100, /* several blocks of k with every set */
    MOST = DEEPEST * 104
};

static void check_close(double expected, float value, int64_t terms, const char *isa) {
    if (!(fabs(expected - value) < 1e-6 * (double)terms + 1e-6)) /* libcheck's own test of a condition costs a system call */
        ck_abort_msg("%s: %g, not %g", isa, value, expected);
}

typedef struct matrices {
    float *a, *b, *packed, *before, *c, *row;
} matrices;

static matrices matrices_new(void) {
    return (matrices){numbers(MOST, 1), numbers(MOST, 2), numbers(DEEPEST * 128, 3), numbers(MOST, 4), numbers(MOST, 5), numbers(MOST, 6)};
}

static void matrices_free(matrices *x) {
    free(x->a);
    free(x->b);
    free(x->packed);
    free(x->before);
    free(x->c);
    free(x->row);
}

/* One product with rows that have gaps behind them, and every row once more by itself. */
static void check_product(const products *p, int64_t m, int64_t n, int64_t k, bool transposed, bool add, const matrices *x) {
    int64_t lda = k + 1, ldc = n + 3;
    memcpy(x->c, x->before, (size_t)(m * ldc) * sizeof *x->c);
    p->pack(k, n, x->b, transposed ? 1 : n, transposed ? k : 1, x->packed);
    p->multiply(m, n, k, x->a, lda, x->packed, x->c, ldc, add);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = add ? x->before[i * ldc + j] : 0;
            for (int64_t l = 0; l < k; l++)
                sum += (double)x->a[i * lda + l] * x->b[transposed ? j * k + l : l * n + j];
            check_close(sum, x->c[i * ldc + j], k, p->isa);
        }
        ck_assert(memcmp(x->c + i * ldc + n, x->before + i * ldc + n, 3 * sizeof *x->c) == 0);
        memcpy(x->row, x->before + i * ldc, (size_t)n * sizeof *x->row);
        p->multiply(1, n, k, x->a + i * lda, lda, x->packed, x->row, ldc, add);
        ck_assert_msg(memcmp(x->row, x->c + i * ldc, (size_t)n * sizeof *x->row) == 0, "%s: row %d of %d by itself differs", p->isa, (int)i,
                      (int)m);
    }
}

START_TEST(products_and_single_rows) {
    const products *p = &sets[_i % SETS];
    if (!set(_i % SETS))
        return;
    matrices x = matrices_new();
    int64_t m = heights[_i / SETS];
    for (int j = 0; j < WIDTHS; j++)
        for (int l = 0; l < DEPTHS; l++)
            for (int how = 0; how < 4; how++)
                check_product(p, m, widths[j], depths[l], how & 1, how & 2, &x);
    matrices_free(&x);
}
END_TEST

START_TEST(bias_is_what_a_product_begins_with) {
    const products *p = &sets[_i];
    if (!set(_i))
        return;
    matrices x = matrices_new();
    enum { ROWS = 29, COLUMNS = 45, DEPTH = DEEPEST };
    p->pack(DEPTH, COLUMNS, x.b, COLUMNS, 1, x.packed);
    p->multiply_bias(ROWS, COLUMNS, DEPTH, x.a, DEPTH, x.packed, x.before, x.c, COLUMNS);
    for (int i = 0; i < ROWS; i++)
        memcpy(x.row + i * COLUMNS, x.before, COLUMNS * sizeof *x.row);
    p->multiply(ROWS, COLUMNS, DEPTH, x.a, DEPTH, x.packed, x.row, COLUMNS, true);
    ck_assert(memcmp(x.row, x.c, ROWS * COLUMNS * sizeof *x.c) == 0);
    matrices_free(&x);
}
END_TEST

START_TEST(large_results_have_the_bits_of_small_ones) {
    enum { ROWS = 4100, COLUMNS = 256, DEPTH = 3 }; /* stored past the caches */
    const products *p = &sets[_i];
    if (!set(_i))
        return;
    float *a = numbers(ROWS * DEPTH, 1), *b = numbers(DEPTH * COLUMNS, 2), *packed = numbers(DEPTH * COLUMNS, 3), row[COLUMNS];
    float *c = aligned_alloc(64, sizeof(float) * ROWS * COLUMNS);
    p->pack(DEPTH, COLUMNS, b, COLUMNS, 1, packed);
    p->multiply(ROWS, COLUMNS, DEPTH, a, DEPTH, packed, c, COLUMNS, false);
    for (int i = 0; i < ROWS; i++) {
        p->multiply(1, COLUMNS, DEPTH, a + i * DEPTH, DEPTH, packed, row, COLUMNS, false);
        if (memcmp(row, c + i * COLUMNS, sizeof row) != 0)
            ck_abort_msg("%s: row %d by itself differs", p->isa, i);
    }
    free(a), free(b), free(packed), free(c);
}
END_TEST

/* ---- sums over lanes ---- */

enum { LANES = 8, LEVELS = 5, MOST_ROWS = 4200 };

/* Rows are pixels, and windows of one pixel. */
static void sum_over(const products *p, const math_lanes *lanes, int64_t sample_rows, int64_t m, int64_t n, const float *a, const float *b,
                     float *c) {
    windows g = pixel_windows(sample_rows, m);
    float *scratch = dirty((size_t)p->taps_sum_floats(&g, n, lanes->levels) * sizeof *scratch);
    for (int i = 0; i < p->tap_blocks(&g, n); i++)
        p->taps_sum(&g, lanes, i, n, a, b, n, c, n, scratch);
    free(scratch);
}

/* All lanes in one call, against the sum in double precision and against lanes called one by one and added along the tree. */
static void check_lanes(const products *p, int64_t m, int64_t n, int64_t sample_rows, int lanes) {
    int64_t bounds[LANES + 1] = {1}; /* not the first samples of the batch */
    int merges[LANES], depth = 0;
    for (int i = 0; i < lanes; i++) {
        bounds[i + 1] = bounds[i] + (lanes == 1 ? 5 : i == 2 && lanes == 5 ? 0 : 1 + lanes % 2);
        merges[i] = tree_merges(0, i);
        depth += 1 - merges[i];
    }
    merges[lanes - 1] += depth - 1;
    float *a = numbers(MOST_ROWS * m, 1), *b = numbers(MOST_ROWS * n, 2), *c = numbers(m * n, 3), *stack = numbers(LEVELS * m * n, 4);
    ck_assert_int_le(bounds[lanes] * sample_rows, MOST_ROWS);
    sum_over(p, &(math_lanes){lanes, LEVELS, bounds, merges}, sample_rows, m, n, a, b, c);
    for (int64_t e = 0; e < m * n; e++) {
        double sum = 0;
        for (int64_t r = bounds[0] * sample_rows; r < bounds[lanes] * sample_rows; r++)
            sum += (double)a[r * m + e / n] * b[r * n + e % n];
        check_close(sum, c[e], (bounds[lanes] - bounds[0]) * sample_rows, p->isa);
    }
    depth = 0;
    for (int i = 0; i < lanes; i++) {
        sum_over(p, &(math_lanes){1, 1, bounds + i, (int[]){0}}, sample_rows, m, n, a, b, stack + depth++ * m * n);
        for (int j = 0; j < merges[i]; j++) {
            float *below = stack + (--depth - 1) * m * n;
            math_add_generic(m * n, below, below + m * n, below);
        }
    }
    ck_assert_msg(memcmp(stack, c, (size_t)(m * n) * sizeof *c) == 0, "%s: %d lanes in one call differ from lanes by themselves", p->isa,
                  lanes);
    free(a);
    free(b);
    free(c);
    free(stack);
}

START_TEST(sums_in_lanes_and_alone) {
    const products *p = &sets[_i];
    if (!set(_i))
        return;
    for (int lanes = 1; lanes <= LANES; lanes++)
        for (int64_t rows = 1; rows <= 266; rows = rows * 3 + 2) {
            check_lanes(p, 33, 50, rows / (lanes > 4 ? 2 : 1) + 1, lanes);
            check_lanes(p, 1 + lanes * 3, 16, rows / (lanes > 4 ? 2 : 1) + 1, lanes);
        }
    check_lanes(p, 5, 3, 300, 1);
    check_lanes(p, 300, 530, 7, 2);   /* in blocks */
    check_lanes(p, 256, 512, 100, 3); /* whole blocks, full chunks */
    check_lanes(p, 250, 500, 410, 1); /* ragged ones */
    check_lanes(p, 17, 17, 590, 3);
}
END_TEST

int main(void) {
    TCase *c = suite_case("gemm");
    tcase_add_loop_test(c, products_and_single_rows, 0, SETS * HEIGHTS);
    tcase_add_loop_test(c, bias_is_what_a_product_begins_with, 0, SETS);
    tcase_add_loop_test(c, large_results_have_the_bits_of_small_ones, 0, SETS);
    tcase_add_loop_test(c, sums_in_lanes_and_alone, 0, SETS);
    return suite_run();
}
