/* The order of samples: every epoch visits each sample once, in another order, near to uniformly. */
#include <check.h>
#undef fail /* an old word of libcheck, and one of ours */
#include <stdlib.h>

#include "data/data.h"

static sampler make(int64_t count, int64_t batch, bool shuffle, bool drop_last) {
    return (sampler){.count = count, .batch = batch, .shuffle = shuffle, .drop_last = drop_last, .seed = 42};
}

START_TEST(steps_and_sizes) {
    sampler s = make(103, 10, true, true);
    ck_assert_int_eq(sampler_steps(&s), 10);
    ck_assert_int_eq(sampler_batch_size(&s, 9), 10);
    s.drop_last = false;
    ck_assert_int_eq(sampler_steps(&s), 11);
    ck_assert_int_eq(sampler_batch_size(&s, 9), 10);
    ck_assert_int_eq(sampler_batch_size(&s, 10), 3);
    s = make(100, 10, true, false);
    ck_assert_int_eq(sampler_steps(&s), 10);
    ck_assert_int_eq(sampler_batch_size(&s, 9), 10);
    s = make(5, 10, true, true);
    ck_assert_int_eq(sampler_steps(&s), 0);
    s.drop_last = false;
    ck_assert_int_eq(sampler_steps(&s), 1);
    ck_assert_int_eq(sampler_batch_size(&s, 0), 5);
}
END_TEST

START_TEST(file_order_without_shuffle) {
    sampler s = make(23, 5, false, false);
    for (int64_t step = 0; step < sampler_steps(&s); step++)
        for (int64_t place = 0; place < sampler_batch_size(&s, step); place++)
            ck_assert_int_eq(sampler_id(&s, 3, step, place), step * 5 + place);
}
END_TEST

START_TEST(every_epoch_visits_each_sample_once) {
    sampler s = make(1003, 32, true, false);
    for (int64_t epoch = 0; epoch < 20; epoch++) {
        char seen[1003] = {0};
        for (int64_t step = 0; step < sampler_steps(&s); step++)
            for (int64_t place = 0; place < sampler_batch_size(&s, step); place++) {
                int64_t id = sampler_id(&s, epoch, step, place);
                ck_assert(id >= 0 && id < s.count);
                ck_assert_int_eq(seen[id], 0);
                seen[id] = 1;
            }
    }
}
END_TEST

static int64_t equal_places(const sampler *a, int64_t epoch_a, const sampler *b, int64_t epoch_b) {
    int64_t equal = 0;
    for (int64_t i = 0; i < a->count; i++)
        equal += sampler_id(a, epoch_a, 0, i) == sampler_id(b, epoch_b, 0, i);
    return equal;
}

/* Two random permutations agree in one place on average, and hardly ever in more than ten. */
START_TEST(epochs_and_seeds_differ) {
    sampler s = make(1000, 1000, true, false), other = s;
    other.seed = 43;
    for (int64_t epoch = 0; epoch < 10; epoch++) {
        ck_assert_int_lt(equal_places(&s, epoch, &s, epoch + 1), 10);
        ck_assert_int_lt(equal_places(&s, epoch, &other, epoch), 10);
    }
}
END_TEST

/* Where a sample lands over many epochs: chi-square with 49 degrees of freedom, mean 49 and standard deviation 9.9. */
START_TEST(places_are_uniform) {
    enum { N = 50, EPOCHS = 5000 };
    sampler s = make(N, N, true, true);
    static int hits[N][N];
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t i = 0; i < N; i++)
            hits[i][sampler_id(&s, epoch, 0, i)]++;
    double expected = (double)EPOCHS / N;
    for (int i = 0; i < N; i++) {
        double chi = 0;
        for (int j = 0; j < N; j++)
            chi += (hits[i][j] - expected) * (hits[i][j] - expected) / expected;
        ck_assert_double_lt(chi, 105);
        ck_assert_double_gt(chi, 12);
    }
}
END_TEST

/* Neighbours in the file are not neighbours in the batch: distances between successive ids are as those of independent draws. */
START_TEST(neighbours_are_parted) {
    sampler s = make(10000, 10000, true, true);
    double sum = 0;
    for (int64_t i = 0; i + 1 < s.count; i++) {
        int64_t distance = sampler_id(&s, 0, 0, i) - sampler_id(&s, 0, 0, i + 1);
        sum += (double)(distance < 0 ? -distance : distance);
    }
    ck_assert_double_eq_tol(sum / (double)s.count / (double)s.count, 1.0 / 3, 0.02);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sampler");
    TCase *tests = tcase_create("sampler");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, steps_and_sizes);
    tcase_add_test(tests, file_order_without_shuffle);
    tcase_add_test(tests, every_epoch_visits_each_sample_once);
    tcase_add_test(tests, epochs_and_seeds_differ);
    tcase_add_test(tests, places_are_uniform);
    tcase_add_test(tests, neighbours_are_parted);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
