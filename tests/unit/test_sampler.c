/* The order of samples: every epoch visits each sample once, in another order, near to uniformly. */
#include <stdlib.h>

#include "data/data.h"
#include "suite.h"

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
        equal += sampler_id(a, epoch_a, i / a->batch, i % a->batch) == sampler_id(b, epoch_b, i / b->batch, i % b->batch);
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

/* ---- by blocks ---- */

static sampler make_blocks(int64_t count, int64_t batch, int lanes, int64_t block, bool drop_last) {
    sampler s = make(count, batch, true, drop_last);
    s.lanes = lanes;
    s.block = block;
    return s;
}

static void check_each_once(const sampler *s, int64_t epoch) {
    char *seen = calloc((size_t)s->count, 1);
    int64_t met = 0;
    for (int64_t step = 0; step < sampler_steps(s); step++)
        for (int64_t place = 0; place < sampler_batch_size(s, step); place++, met++) {
            int64_t id = sampler_id(s, epoch, step, place);
            ck_assert(id >= 0 && id < s->count);
            ck_assert_int_eq(seen[id], 0);
            seen[id] = 1;
        }
    ck_assert_int_eq(met, s->drop_last ? s->count / s->batch * s->batch : s->count);
    free(seen);
}

/* Blocks of one sample, of about a batch, of more than the set; batches that lanes share unevenly; a last batch that is smaller. */
START_TEST(blocks_visit_each_sample_once) {
    const int64_t blocks[] = {1, 7, 32, 100, 250, 1003, 5000};
    const int lanes[] = {1, 3, 8};
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
        for (size_t l = 0; l < sizeof lanes / sizeof *lanes; l++)
            for (int64_t epoch = 0; epoch < 4; epoch++) {
                sampler s = make_blocks(1003, 32, lanes[l], blocks[b], epoch % 2);
                check_each_once(&s, epoch);
            }
}
END_TEST

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* How many places of the files samples are in, where those at most a block apart are in one place. */
static int count_places(int64_t *ids, int count, int64_t block) {
    int places = 1;
    qsort(ids, (size_t)count, sizeof *ids, compare_ids);
    for (int i = 1; i < count; i++)
        places += ids[i] - ids[i - 1] > block;
    return places;
}

/* What a lane reads while it reads a window's worth of samples lies in few places: those of two windows at most, one perhaps at both ends
 * of the set. Without blocks the same samples lie in some eighty places. */
START_TEST(blocks_are_read_together) {
    enum { LANES = 4, PIECE = 10, BLOCK = 50, STEPS = SAMPLER_WINDOW * BLOCK / PIECE };
    for (int lane = 0; lane < LANES; lane++)
        for (int by_blocks = 0; by_blocks < 2; by_blocks++)
            for (int64_t from = 0; from + STEPS <= 250; from += 5) {
                sampler s = make_blocks(10000, LANES * PIECE, LANES, by_blocks ? BLOCK : 0, true);
                int64_t ids[STEPS * PIECE];
                for (int i = 0; i < STEPS * PIECE; i++)
                    ids[i] = sampler_id(&s, 2, from + i / PIECE, lane * PIECE + i % PIECE);
                int places = count_places(ids, STEPS * PIECE, BLOCK);
                if (by_blocks)
                    ck_assert_int_le(places, 2 * SAMPLER_WINDOW + 1);
                else
                    ck_assert_int_gt(places, 40);
            }
}
END_TEST

/* Within a window samples are in any order: hardly any two that follow one another are neighbours in the file. */
START_TEST(blocks_are_mixed) {
    sampler s = make_blocks(10000, 100, 1, 500, true), other = s;
    int64_t next_to = 0;
    for (int64_t i = 0; i + 1 < s.count; i++)
        next_to += llabs(sampler_id(&s, 0, i / 100, i % 100) - sampler_id(&s, 0, (i + 1) / 100, (i + 1) % 100)) < 10;
    ck_assert_int_lt(next_to, 200);
    other.seed++;
    ck_assert_int_lt(equal_places(&s, 0, &s, 1), 20);
    ck_assert_int_lt(equal_places(&s, 0, &other, 0), 20);
}
END_TEST

typedef struct told {
    char *ids;
    int64_t count, total;
} told;

static void note_run(void *context, int64_t first, int64_t count) {
    told *t = context;
    ck_assert(first >= 0 && count > 0 && first + count <= t->total);
    for (int64_t i = 0; i < count; i++)
        t->ids[first + i] = 1;
    t->count += count;
}

/* Who fetches what is told, a step ahead, has each sample before it is read, and fetches few twice. */
static void check_told(sampler s, int64_t first_step, int64_t first, int64_t last) {
    told t = {calloc((size_t)s.count, 1), 0, s.count};
    int64_t steps = sampler_steps(&s), wanted = 0;
    sampler_runs(&s, 5, first_step, first, last, true, note_run, &t);
    for (int64_t step = first_step; step < steps; step++) {
        int64_t size = sampler_batch_size(&s, step), end = last < size ? last : size;
        if (step + 1 < steps) {
            int64_t next = sampler_batch_size(&s, step + 1);
            sampler_runs(&s, 5, step + 1, first, last < next ? last : next, false, note_run, &t);
        }
        for (int64_t place = first; place < end; place++, wanted++)
            ck_assert_int_eq(t.ids[sampler_id(&s, 5, step, place)], 1);
    }
    ck_assert_int_le(t.count, wanted + (s.block ? 3 * SAMPLER_WINDOW * s.block * s.lanes : 0));
    free(t.ids);
}

START_TEST(what_will_be_read_is_told) {
    for (int64_t first_step = 0; first_step < 20; first_step += 19) {
        for (int64_t block = 0; block < 60; block += 19) {
            check_told(make_blocks(5003, 64, 4, block, false), first_step, 0, 64);
            check_told(make_blocks(5003, 64, 4, block, false), first_step, 32, 64);
        }
        check_told(make(5003, 64, false, false), first_step, 16, 48);
    }
}
END_TEST

int main(void) {
    TCase *tests = suite_case("sampler");
    tcase_add_test(tests, steps_and_sizes);
    tcase_add_test(tests, file_order_without_shuffle);
    tcase_add_test(tests, every_epoch_visits_each_sample_once);
    tcase_add_test(tests, epochs_and_seeds_differ);
    tcase_add_test(tests, places_are_uniform);
    tcase_add_test(tests, neighbours_are_parted);
    tcase_add_test(tests, blocks_visit_each_sample_once);
    tcase_add_test(tests, blocks_are_read_together);
    tcase_add_test(tests, blocks_are_mixed);
    tcase_add_test(tests, what_will_be_read_is_told);
    return suite_run();
}
