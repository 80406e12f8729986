/* How ranks share the cores of a node. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>

#include "base/base.h"
#include "suite.h"

static core_set cores_from(int first, int count) {
    core_set set = {{0}};
    for (int core = first; core < first + count; core++)
        set.word[core / 64] |= UINT64_C(1) << core % 64;
    return set;
}

START_TEST(free_ranks_share_equally) {
    core_set sets[3] = {cores_from(0, 16), cores_from(0, 16), cores_from(0, 16)};
    ck_assert_int_eq(cores_fair_share(sets, 1, 0), 16);
    ck_assert_int_eq(cores_fair_share(sets, 2, 1), 8);
    ck_assert_int_eq(cores_fair_share(sets, 3, 2), 5);
}
END_TEST

START_TEST(bound_ranks_use_their_own) {
    core_set sets[3] = {cores_from(0, 1), cores_from(60, 8), cores_from(100, 3)};
    ck_assert_int_eq(cores_fair_share(sets, 3, 0), 1);
    ck_assert_int_eq(cores_fair_share(sets, 3, 1), 8);
    ck_assert_int_eq(cores_fair_share(sets, 3, 2), 3);
}
END_TEST

START_TEST(more_ranks_than_cores_have_a_thread_each) {
    core_set sets[5];
    for (int i = 0; i < 5; i++)
        sets[i] = cores_from(0, 2);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(cores_fair_share(sets, 5, i), 1);
}
END_TEST

/* Masks that overlap in every way, four or more cores a rank: the threads never exceed the cores. */
START_TEST(never_oversubscribed) {
    rng_key key = rng_make_key(1, RNG_DATA, 0, 0);
    for (uint64_t round = 0; round < 200; round++) {
        enum { RANKS = 4, CORES = 70 };
        core_set sets[RANKS], all = {{0}};
        int threads = 0;
        for (uint64_t r = 0; r < RANKS; r++) {
            int count = 16 + (int)rng_below(key, round * 8 + r, CORES - 16);
            sets[r] = cores_from((int)rng_below(key, round * 8 + 4 + r, (uint64_t)(CORES - count + 1)), count);
            all.word[0] |= sets[r].word[0];
            all.word[1] |= sets[r].word[1];
        }
        for (int r = 0; r < RANKS; r++)
            threads += cores_fair_share(sets, RANKS, r);
        ck_assert_int_le(threads, cores_count(all));
        ck_assert_int_gt(threads, cores_count(all) - RANKS - 1);
    }
}
END_TEST

START_TEST(the_mask_is_read) {
    cpu_set_t mask, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof mask, &mask), 0);
    int before = cores_count(cores_available());
    ck_assert_int_ge(before, 1);
    ck_assert_int_le(before, CPU_COUNT(&mask));
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &mask))
            CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(cores_count(cores_available()), 1);
    ck_assert_int_ge(cores_limit(), 1);
}
END_TEST

int main(void) {
    TCase *cases = suite_case("cores");
    tcase_add_test(cases, free_ranks_share_equally);
    tcase_add_test(cases, bound_ranks_use_their_own);
    tcase_add_test(cases, more_ranks_than_cores_have_a_thread_each);
    tcase_add_test(cases, never_oversubscribed);
    tcase_add_test(cases, the_mask_is_read);
    return suite_run();
}
