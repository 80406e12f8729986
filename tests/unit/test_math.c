/* The kernels where the ops' own tests do not reach: odd matrix shapes, large means, NaN, the choice of kernels. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/math.h"
#include "suite.h"

static float noise(int64_t i) {
    uint32_t z = (uint32_t)i * 2654435761u;
    z = (z ^ z >> 15) * 2246822519u;
    return (float)(z >> 8) * 0x1p-23f - 1;
}

static float *numbers(int64_t n, int64_t seed) {
    float *x = malloc((size_t)n * sizeof *x + 1);
    for (int64_t i = 0; i < n; i++)
        x[i] = noise(i + 7919 * seed);
    return x;
}

static double distance(int64_t n, const float *a, const double *b) {
    double d = 0, s = 0;
    for (int64_t i = 0; i < n; i++) {
        d += (a[i] - b[i]) * (a[i] - b[i]);
        s += b[i] * b[i];
    }
    return sqrt(d / s);
}

/* ---- the choice of kernels ---- */

static void choose(const char *isa, err wanted) {
    setenv("SHOAL_ISA", isa, 1);
    ck_assert_int_eq(math_init(), wanted);
}

START_TEST(kernels_are_chosen_by_name) {
    choose("generic", OK);
    ck_assert_str_eq(math->isa, "generic");
    const math_kernels *generic = math;
    choose("sse9", ERR_USAGE);
    ck_assert_msg(strstr(err_last()->text, "SHOAL_ISA=sse9 is not known here; use generic") == err_last()->text, "%s", err_last()->text);
    choose("AVX2", ERR_USAGE);
    ck_assert_ptr_eq(math, generic);
    choose("", OK);
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx512 = avx2 && __builtin_cpu_supports("avx512vl");
    ck_assert_str_eq(math->isa, avx512 ? "avx512" : avx2 ? "avx2" : "generic");
    choose("avx2", avx2 ? OK : ERR_USAGE);
    ck_assert_str_eq(avx2 ? math->isa : "avx2", "avx2");
    ck_assert(avx2 || strstr(err_last()->text, "SHOAL_ISA=avx2: this processor does not have it"));
#else
    ck_assert_str_eq(math->isa, "generic");
#endif
}
END_TEST

/* Nothing is missing in a table: a forgotten kernel would be found by whoever calls it first. */
START_TEST(tables_are_full) {
    ck_assert_ptr_nonnull(math->isa);
    const unsigned char *bytes = (const unsigned char *)math;
    for (size_t at = 0; at + sizeof(void *) <= sizeof *math; at += sizeof(void *)) {
        static const unsigned char null[sizeof(void *)];
        ck_assert_msg(memcmp(bytes + at, null, sizeof null) != 0, "entry %zu is NULL", at / sizeof(void *));
    }
}
END_TEST

/* ---- sums ---- */

/* A mean a hundred thousand times the deviation: in float32 alone nothing would be left of the variance. */
START_TEST(variance_beside_a_large_mean) {
    enum { SUM_ROWS = 1000, C = 19 };
    float *x = numbers(SUM_ROWS * C, 5);
    double sum[C] = {0}, sumsq[C] = {0};
    void *scratch = aligned_alloc(64, (math->sums_scratch(C, 1) + 63) / 64 * 64);
    for (int i = 0; i < SUM_ROWS * C; i++)
        x[i] = 1000 + 0.01f * x[i];
    math->norm_sums(SUM_ROWS, C, x, sum, sumsq, scratch);
    for (int c = 0; c < C; c++) {
        double mean = 0, variance = 0;
        for (int r = 0; r < SUM_ROWS; r++)
            mean += (double)x[r * C + c] / SUM_ROWS;
        for (int r = 0; r < SUM_ROWS; r++)
            variance += pow(x[r * C + c] - mean, 2) / SUM_ROWS;
        double found = sumsq[c] / SUM_ROWS - pow(sum[c] / SUM_ROWS, 2);
        ck_assert(fabs(sum[c] / SUM_ROWS - mean) < 1e-9 * mean);
        ck_assert_msg(fabs(found - variance) < 1e-4 * variance, "channel %d: %g, not %g", c, found, variance);
    }
    free(scratch);
    free(x);
}
END_TEST

START_TEST(sums_of_many_rows) {
    enum { SUM_ROWS = 100001, C = 3 };
    float *x = numbers(SUM_ROWS * C, 6), sums[C];
    static const int64_t bounds[] = {0, 40000, 40000, 100001}; /* lanes of 40000, 0 and 60001 samples */
    static const int merges[] = {0, 1, 1};
    const math_lanes lanes = {3, 3, bounds, merges};
    double wanted[C] = {0};
    void *scratch = aligned_alloc(64, (math->sums_scratch(C, lanes.levels) + 63) / 64 * 64);
    for (int i = 0; i < SUM_ROWS * C; i++)
        wanted[i % C] += x[i] += 1;
    math->sum_rows(&lanes, 1, C, x, sums, scratch);
    ck_assert(distance(C, sums, wanted) < 1e-7);
    free(scratch);
    free(x);
}
END_TEST

/* ---- what must not be swallowed ---- */

START_TEST(nan_passes) {
    float x[20], y[20];
    const float zeros[20] = {0}, ones[20] = {1};
    for (int i = 0; i < 20; i++)
        x[i] = i == 13 ? NAN : (float)i - 10;
    math->relu(20, x, y);
    ck_assert(isnan(y[13]) && y[0] == 0 && y[19] == 9);
    math_norm m = {1, 20, zeros, ones, zeros, true, NULL};
    math->norm_forward(&m, x, NULL, y);
    ck_assert(isnan(y[13]));
    uint8_t index[1];
    math_pool p = {.h = 1, .w = 20, .c = 1, .oh = 1, .ow = 1, .kh = 1, .kw = 20, .stride_h = 1, .stride_w = 1};
    math->max_pool(&p, 1, x, y, index);
    ck_assert(isnan(y[0]) && index[0] == 13);
}
END_TEST

START_TEST(first_of_equal_maxima) {
    const float x[4] = {1, 2, 2, 2};
    float y[1];
    uint8_t index[1];
    math_pool p = {.h = 2, .w = 2, .c = 1, .oh = 1, .ow = 1, .kh = 2, .kw = 2, .stride_h = 1, .stride_w = 1};
    math->max_pool(&p, 1, x, y, index);
    ck_assert(y[0] == 2 && index[0] == 1);
}
END_TEST

START_TEST(probabilities_add_up) {
    const float x[5] = {1e4f, 1e4f, -1e4f, 9.999e3f, 0};
    float p[5];
    double loss = math_softmax_loss(5, x, 0, 0, p), sum = 0;
    for (int i = 0; i < 5; i++)
        sum += p[i];
    ck_assert(fabs(sum - 1) < 1e-6 && fabs(loss - log(2 + exp(-1))) < 1e-6);
    ck_assert(fabs(p[0] - exp(-loss)) < 1e-6);
}
END_TEST

int main(void) {
    if (math_init() != OK) {
        printf("skipped: %s\n", err_last()->text);
        return 77;
    }
    TCase *c = suite_case("math");
    tcase_add_test(c, kernels_are_chosen_by_name);
    tcase_add_test(c, tables_are_full);
    tcase_add_test(c, variance_beside_a_large_mean);
    tcase_add_test(c, sums_of_many_rows);
    tcase_add_test(c, nan_passes);
    tcase_add_test(c, first_of_equal_maxima);
    tcase_add_test(c, probabilities_add_up);
    return suite_run();
}
