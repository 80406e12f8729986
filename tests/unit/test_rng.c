/* Random numbers: Philox against the published vectors, the derived numbers against their definitions and laws. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "suite.h"

/* The vectors of philox4x32, 10 rounds, in kat_vectors of Random123 (Salmon et al. 2011): counter, key, result. */
static const uint32_t known[][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
};

START_TEST(words_are_philox) {
    const uint32_t *k = known[_i];
    rng_key key = {{k[4], k[5]}, {k[2], k[3]}};
    rng_block got = rng_words(key, (uint64_t)k[1] << 32 | k[0]);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(got.word[i], k[6 + i]);
}
END_TEST

START_TEST(keys_differ_in_every_argument) {
    rng_key keys[] = {rng_make_key(1, RNG_DATA, 2, 3), rng_make_key(2, RNG_DATA, 2, 3), rng_make_key(1, RNG_INIT, 2, 3),
                      rng_make_key(1, RNG_DATA, 3, 3), rng_make_key(1, RNG_DATA, 2, 4), rng_make_key(1, RNG_DATA, 3, 2)};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++)
            ck_assert_double_ne(rng_uniform(keys[i], 0), rng_uniform(keys[j], 0));
}
END_TEST

START_TEST(uniform_and_normal_have_their_moments) {
    enum { N = 200000 };
    rng_key key = rng_make_key(7, RNG_INIT, 1, 0);
    double u1 = 0, u2 = 0, n1 = 0, n2 = 0, n4 = 0;
    for (uint64_t i = 0; i < N; i++) {
        double u = rng_uniform(key, i), n = rng_normal(key, i + N);
        ck_assert(u >= 0 && u < 1);
        u1 += u, u2 += u * u, n1 += n, n2 += n * n, n4 += n * n * n * n;
    }
    /* within five standard errors */
    ck_assert_double_eq_tol(u1 / N, 0.5, 5 * 0.2887 / sqrt(N));
    ck_assert_double_eq_tol(u2 / N, 1.0 / 3, 5 * 0.2981 / sqrt(N));
    ck_assert_double_eq_tol(n1 / N, 0, 5 / sqrt(N));
    ck_assert_double_eq_tol(n2 / N, 1, 5 * sqrt(2.0 / N));
    ck_assert_double_eq_tol(n4 / N, 3, 5 * sqrt(96.0 / N));
}
END_TEST

START_TEST(below_is_the_high_half_of_the_product) {
    rng_key key = rng_make_key(3, RNG_SHUFFLE, 1, 0);
    for (uint64_t i = 0; i < 1000; i++) {
        rng_block r = rng_words(key, i);
        uint64_t word = (uint64_t)r.word[0] << 32 | r.word[1];
        ck_assert_uint_eq(rng_below(key, i, 1), 0);
        ck_assert_uint_eq(rng_below(key, i, UINT64_C(1) << 40), word >> 24);
        ck_assert_uint_eq(rng_below(key, i, UINT64_C(3) << 62), (word >> 2) * 3 + (word & 3) * 3 / 4);
        ck_assert_uint_eq(rng_below(key, i, 10), (uint64_t)(((word >> 32) * 10 + ((word & 0xffffffff) * 10 >> 32)) >> 32));
    }
}
END_TEST

START_TEST(permutation_is_a_bijection) {
    static const uint64_t sizes[] = {1, 2, 3, 5, 16, 17, 255, 256, 257, 1000, 4096, 65537};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint64_t n = sizes[s];
        char *seen = mem_new(n, 1);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t to = rng_permute(rng_make_key(1, RNG_SHUFFLE, s, 0), n, i);
            ck_assert_uint_lt(to, n);
            ck_assert_int_eq(seen[to], 0);
            seen[to] = 1;
        }
        mem_free(seen);
    }
}
END_TEST

START_TEST(permutation_of_a_huge_set_stays_inside) {
    rng_key key = rng_make_key(1, RNG_SHUFFLE, 0, 0);
    uint64_t n = (UINT64_C(1) << 62) + 12345;
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t to = rng_permute(key, n, i);
        ck_assert_uint_lt(to, n);
        ck_assert_uint_ne(to, rng_permute(key, n, i + 1));
    }
}
END_TEST

START_TEST(hash_is_fnv1a) {
    ck_assert_uint_eq(rng_hash(""), UINT64_C(0xcbf29ce484222325));
    ck_assert_uint_eq(rng_hash("a"), UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(rng_hash("foobar"), UINT64_C(0x85944171f73967e8));
}
END_TEST

int main(void) {
    TCase *tests = suite_case("rng");
    tcase_add_loop_test(tests, words_are_philox, 0, 3);
    tcase_add_test(tests, keys_differ_in_every_argument);
    tcase_add_test(tests, uniform_and_normal_have_their_moments);
    tcase_add_test(tests, below_is_the_high_half_of_the_product);
    tcase_add_test(tests, permutation_is_a_bijection);
    tcase_add_test(tests, permutation_of_a_huge_set_stays_inside);
    tcase_add_test(tests, hash_is_fnv1a);
    return suite_run();
}
