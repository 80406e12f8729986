/* The pass over the state before a checkpoint: what it hashes, finds and copies. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "suite.h"
#include "train/scan.h"

static const int64_t sizes[] = {0, 1, 7, 8, 9, 1000, 32768, 32769, 200003};
enum { N_SIZES = sizeof sizes / sizeof *sizes, MOST = 200003 };

static float *some_values(void) {
    float *values = mem_new(MOST, sizeof *values);
    for (int64_t i = 0; i < MOST; i++)
        values[i] = (float)(i % 1009) / 7 - 60;
    return values;
}

static void flip(float *value, int bit) {
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    bits ^= UINT32_C(1) << bit;
    memcpy(value, &bits, sizeof bits);
}

START_TEST(copies_what_it_reads) {
    float *values = some_values(), *copy = mem_new(MOST + 1, sizeof *copy);
    for (int i = 0; i < N_SIZES; i++) {
        copy[sizes[i]] = 42;
        scan plain = scan_floats(values, sizes[i], NULL), copying = scan_floats(values, sizes[i], copy);
        ck_assert(plain.hash == copying.hash && plain.finite && copying.finite);
        ck_assert_int_eq(memcmp(values, copy, (size_t)sizes[i] * sizeof *copy), 0);
        ck_assert(copy[sizes[i]] == 42);
    }
    mem_free(copy);
    mem_free(values);
}
END_TEST

START_TEST(every_bit_shows) {
    float *values = some_values();
    for (int i = 0; i < N_SIZES; i++) {
        uint64_t before = scan_floats(values, sizes[i], NULL).hash;
        for (int bit = 0; bit < 32 && sizes[i] > 0; bit++) {
            int64_t at = (bit * INT64_C(7919)) % sizes[i], other = (at + 8) % sizes[i];
            flip(&values[at], bit);
            ck_assert(scan_floats(values, sizes[i], NULL).hash != before);
            flip(&values[other], bit); /* a second one does not hide it */
            ck_assert(other == at || scan_floats(values, sizes[i], NULL).hash != before);
            flip(&values[at], bit);
            flip(&values[other], bit);
        }
        ck_assert(scan_floats(values, sizes[i], NULL).hash == before);
    }
    mem_free(values);
}
END_TEST

START_TEST(places_show) {
    float *values = some_values();
    uint64_t before = scan_floats(values, MOST, NULL).hash;
    float kept = values[3];
    values[3] = values[100003];
    values[100003] = kept;
    ck_assert(values[3] != kept && scan_floats(values, MOST, NULL).hash != before);
    mem_free(values);
}
END_TEST

START_TEST(finds_what_is_no_number) {
    const float bad[] = {INFINITY, -INFINITY, NAN, -NAN}, good[] = {3.4028235e38f, -3.4028235e38f, 1e-45f, -0.0f};
    float *values = some_values();
    for (int i = 1; i < N_SIZES; i++)
        for (int k = 0; k < 4; k++) {
            int64_t at = k % 2 ? sizes[i] - 1 : sizes[i] / 2;
            float kept = values[at];
            values[at] = bad[k];
            ck_assert(!scan_floats(values, sizes[i], NULL).finite);
            values[at] = good[k];
            ck_assert(scan_floats(values, sizes[i], NULL).finite);
            values[at] = kept;
        }
    mem_free(values);
}
END_TEST

START_TEST(threads_do_not_show) {
    float *values = some_values();
    uint64_t one = scan_floats(values, MOST, NULL).hash;
    for (int threads = 2; threads <= 4; threads++) {
        threads_set(threads);
        ck_assert(scan_floats(values, MOST, NULL).hash == one);
    }
    threads_set(1);
    mem_free(values);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("scan");
    tcase_add_test(tests, copies_what_it_reads);
    tcase_add_test(tests, every_bit_shows);
    tcase_add_test(tests, places_show);
    tcase_add_test(tests, finds_what_is_no_number);
    tcase_add_test(tests, threads_do_not_show);
    return suite_run();
}
