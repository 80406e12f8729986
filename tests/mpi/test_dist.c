/* dist: sums over ranks have the bits of one process that adds up all lanes in the tree's order, whatever the number of ranks, the
 * sizes, the cut into buckets, and the nodes. Sums that travel as 16 bits are the same on all ranks and as near as the format allows. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "everywhere.h"
#include "suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist/internal.h"

/* Numbers of both signs and of sizes far apart: any other order of additions gives other bits. */
static double value_of(int step, int lane, int64_t i) {
    rng_block words = rng_words(rng_make_key(7, RNG_DATA, (uint64_t)step, (uint64_t)lane), (uint64_t)i);
    double mantissa = 1 + words.word[0] * 0x1p-32;
    return ldexp(words.word[1] & 1 ? mantissa : -mantissa, (int)(words.word[2] % 12));
}

/* The tree by its definition: the left part of n lanes is the largest power of two below n. */
static float tree_sum_float(int step, int first, int n, int64_t i) {
    if (n == 1)
        return (float)value_of(step, first, i);
    int left = 1;
    while (2 * left < n)
        left *= 2;
    return tree_sum_float(step, first, left, i) + tree_sum_float(step, first + left, n - left, i);
}

static double tree_sum_double(int step, int first, int n, int64_t i) {
    if (n == 1)
        return value_of(step, first, i) / 3;
    int left = 1;
    while (2 * left < n)
        left *= 2;
    return tree_sum_double(step, first, left, i) + tree_sum_double(step, first + left, n - left, i);
}

START_TEST(the_order_of_additions_shows) {
    int different = 0;
    for (int64_t i = 0; i < 1000; i++) {
        float in_line = 0;
        for (int lane = 0; lane < 4; lane++)
            in_line += (float)value_of(0, lane, i);
        different += in_line != tree_sum_float(0, 0, 4, i);
    }
    ck_assert(everywhere(different > 100));
}
END_TEST

/* A dist with gradient arenas of its own. */
typedef struct rig {
    dist *d;
    lane_range lanes;
    int n_lanes, n_blocks;
    tree_block blocks[TREE_DEPTH];
    float *grads[TREE_DEPTH];
    int64_t size;
} rig;

static void rig_init_as(rig *r, int lanes, int64_t size, size_t bucket_bytes, dist_format format) {
    *r = (rig){.n_lanes = lanes, .size = size};
    dist_lanes(lanes, comm_rank(comm_world()), comm_size(comm_world()), &r->lanes);
    r->n_blocks = tree_blocks(lanes, r->lanes.first, r->lanes.last, r->blocks);
    for (int b = 0; b < r->n_blocks; b++)
        r->grads[b] = mem_new((size_t)size, sizeof **r->grads);
    dist_new(&r->d, &(dist_options){comm_world(), lanes, r->grads, size, bucket_bytes, format});
}

static void rig_init(rig *r, int lanes, int64_t size, size_t bucket_bytes) {
    rig_init_as(r, lanes, size, bucket_bytes, DIST_FLOAT32);
}

static void rig_reset(rig *r) {
    dist_free(r->d);
    for (int b = 0; b < r->n_blocks; b++)
        mem_free(r->grads[b]);
}

static bool same_bits(const void *a, const void *b, size_t bytes) {
    return memcmp(a, b, bytes) == 0;
}

/* Some lane sums of `count` doubles through dist_reduce(); the sums that went in must come out unharmed. */
static bool reduce_is_right(rig *r, int step, int count) {
    int n_mine = r->lanes.last - r->lanes.first;
    double **sums = mem_new((size_t)n_mine, sizeof *sums), *total = mem_new((size_t)count, sizeof *total);
    for (int l = 0; l < n_mine; l++) {
        sums[l] = mem_new((size_t)count, sizeof **sums);
        for (int i = 0; i < count; i++)
            sums[l][i] = value_of(step, r->lanes.first + l, i) / 3;
    }
    if (step % 2)
        dist_offer(r->d, sums, count);
    dist_reduce(r->d, sums, count, total);
    bool right = true;
    for (int i = 0; i < count; i++) {
        double wanted = tree_sum_double(step, 0, r->n_lanes, i);
        right = right && same_bits(&total[i], &wanted, sizeof wanted);
    }
    for (int l = 0; l < n_mine; l++) {
        for (int i = 0; i < count; i++)
            right = right && sums[l][i] == value_of(step, r->lanes.first + l, i) / 3;
        mem_free(sums[l]);
    }
    mem_free(sums);
    mem_free(total);
    return right;
}

/* One step: gradients appear bit by bit, statistics are summed on the way, buckets are waited for in order. */
static bool step_is_right(rig *r, int step) {
    for (int b = 0; b < r->n_blocks; b++)
        for (int64_t i = 0; i < r->size; i++)
            r->grads[b][i] = tree_sum_float(step, r->blocks[b].first, r->blocks[b].size, i);
    bool right = true;
    for (int part = 0; part <= 3; part++) {
        dist_on_grad(r->d, r->size * part / 3);
        right = reduce_is_right(r, step, 3) && right;
    }
    int64_t next = 0;
    for (int b = 0; b < dist_n_buckets(r->d); b++) {
        int64_t first, last;
        dist_bucket(r->d, b, &first, &last);
        dist_wait(r->d, b);
        right = right && first == next && last > first;
        for (int64_t i = first; i < last; i++) {
            float wanted = tree_sum_float(step, 0, r->n_lanes, i);
            right = right && same_bits(&r->grads[0][i], &wanted, sizeof wanted);
        }
        next = last;
    }
    return right && next == r->size;
}

static bool steps_are_right(int lanes, int64_t size, size_t bucket_bytes, int steps) {
    rig r;
    rig_init(&r, lanes, size, bucket_bytes);
    bool right = true;
    for (int step = 0; step < steps; step++)
        right = step_is_right(&r, step) && right;
    rig_reset(&r);
    return right;
}

/* Equal shares and others, whole subtrees and others; those with fewer lanes than ranks are passed over. */
static const int lane_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12};
enum { N_LANE_COUNTS = sizeof lane_counts / sizeof *lane_counts };

/* Sizes around and below what gives every rank a slice, in one bucket and in many. */
static void check_all_shapes(void) {
    static const int64_t sizes[] = {1, 100, 1031};
    static const size_t bucket_bytes[] = {272, 0, 272};
    for (int i = 0; i < 3 * N_LANE_COUNTS; i++) {
        int lanes = lane_counts[i / 3];
        if (lanes >= comm_size(comm_world()))
            ck_assert_msg(everywhere(steps_are_right(lanes, sizes[i % 3], bucket_bytes[i % 3], 2)), "%d lanes, %d floats, buckets of %d",
                          lanes, (int)sizes[i % 3], (int)bucket_bytes[i % 3]);
    }
}

START_TEST(gradients_have_the_bits_of_one_process) {
    check_all_shapes();
}
END_TEST

START_TEST(nodes_make_no_difference) {
    setenv("SHOAL_RANKS_PER_NODE", "2", 1);
    rig r;
    int size = comm_size(comm_world());
    rig_init(&r, 2 * size, 10, 0);
    int levels = r.d->n_levels;
    rig_reset(&r);
    check_all_shapes();
    unsetenv("SHOAL_RANKS_PER_NODE");
    ck_assert(everywhere(levels == (size == 1 ? 0 : size == 2 || size % 2 ? 1 : 2)));
}
END_TEST

/* A piece and a bit in each of two buckets; nothing a multiple of anything. */
START_TEST(large_gradients_are_summed_in_pieces) {
    int lanes = comm_size(comm_world()) + 1;
    int64_t size = 2 * (int64_t)SHORT_PIECE + 212345;
    ck_assert(everywhere(steps_are_right(lanes, size, (size_t)size * 2 + 100, 1)));
}
END_TEST

START_TEST(statistics_have_the_bits_of_one_process) {
    static const int counts[] = {1, 2, 129, CHUNK_DOUBLES, 2 * CHUNK_DOUBLES + 3};
    for (int nodes = 0; nodes < 2; nodes++) {
        if (nodes)
            setenv("SHOAL_RANKS_PER_NODE", "2", 1);
        for (int l = 0; l < N_LANE_COUNTS; l++) {
            int lanes = lane_counts[l];
            if (lanes < comm_size(comm_world()))
                continue;
            rig r;
            rig_init(&r, lanes, 1, 0);
            bool right = true;
            for (int i = 0; i < (lanes % 4 ? 3 : 5); i++)
                right = reduce_is_right(&r, i, counts[i]) && right;
            rig_reset(&r);
            ck_assert_msg(everywhere(right), "%d lanes", lanes);
        }
        unsetenv("SHOAL_RANKS_PER_NODE");
    }
}
END_TEST

START_TEST(no_gradients_at_all) {
    rig r;
    rig_init(&r, comm_size(comm_world()), 0, 0);
    dist_on_grad(r.d, 0);
    bool none = dist_n_buckets(r.d) == 0 && reduce_is_right(&r, 0, 5);
    rig_reset(&r);
    ck_assert(everywhere(none));
}
END_TEST

/* By hand: the larger shares first, or last where that makes fewer blocks. */
START_TEST(lanes_are_shared_as_equally_as_can_be) {
    static const struct {
        int lanes, size, first[9];
    } cases[] = {
        {8, 1, {0, 8}},
        {8, 3, {0, 3, 6, 8}},
        {8, 4, {0, 2, 4, 6, 8}},
        {8, 5, {0, 2, 4, 6, 7, 8}},
        {8, 7, {0, 2, 3, 4, 5, 6, 7, 8}},
        {8, 8, {0, 1, 2, 3, 4, 5, 6, 7, 8}},
        {9, 4, {0, 2, 4, 6, 9}},
        {11, 2, {0, 6, 11}},
    };
    bool right = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int rank = 0; rank < cases[i].size; rank++) {
            lane_range mine;
            right = right && dist_lanes(cases[i].lanes, rank, cases[i].size, &mine) == OK && mine.first == cases[i].first[rank] &&
                    mine.last == cases[i].first[rank + 1];
        }
    ck_assert(everywhere(right));
}
END_TEST

START_TEST(more_ranks_than_lanes_are_refused) {
    lane_range a;
    ck_assert(everywhere(dist_lanes(8, 0, 9, &a) == ERR_USAGE));
    ck_assert_str_eq(err_last()->text, "8 lanes cannot be shared by 9 ranks: start 8 at most, or set train.lanes to 9 or more");
    ck_assert(everywhere(dist_lanes(1, 0, 2, &a) == ERR_USAGE));
    ck_assert_str_eq(err_last()->text, "1 lane cannot be shared by 2 ranks: start 1 at most, or set train.lanes to 2 or more");
    ck_assert(everywhere(dist_lanes(0, 0, 1, &a) == ERR_USAGE));
}
END_TEST

/* ---- 16 bits ---- */

/* The multiple of `step` next to x, the even one of two equally near. */
static double nearest(double x, double step) {
    return step * nearbyint(x / step);
}

/* The definition of a format with `digits` significant bits whose smallest step is 2^lowest. */
static double rounded(double x, int digits, int lowest) {
    int exponent;
    frexp(x, &exponent);
    return x == 0 ? x : nearest(x, ldexp(1, exponent - digits > lowest ? exponent - digits : lowest));
}

/* Random bits are floats of all sizes; halfway cases and their neighbours besides. */
static float odd_float(int i) {
    static const uint32_t masks[] = {0xffffffff, 0xffff8000, 0xfffff000, 0xffff7fff};
    uint32_t bits = rng_words(rng_make_key(3, RNG_DATA, 0, 0), (uint64_t)i).word[0] & masks[i % 4];
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

START_TEST(bf16_is_the_nearest) {
    enum { N = 20000 };
    static float in[N], out[N];
    static uint16_t words[N + 1];
    for (int i = 0; i < N; i++)
        in[i] = fabsf(odd_float(i)) < 3e38f ? odd_float(i) : (float)i;
    narrow_of(DIST_BF16)->pack(words, in, N);
    narrow_of(DIST_BF16)->unpack(out, words, N);
    int wrong = 0;
    for (int i = 0; i < N; i++)
        wrong += (double)out[i] != rounded((double)in[i], 8, -133);
    ck_assert(everywhere(wrong == 0));
}
END_TEST

/* Pieces with a largest value of any size: the scale is recomputed here from what it is to achieve. */
START_TEST(fp16_is_the_nearest) {
    enum { N = 4000 };
    static float in[N], out[N];
    static uint16_t words[N + 1];
    int wrong = 0;
    for (int size = -120; size <= 127; size++) {
        for (int i = 0; i < N; i++) {
            float x = odd_float((size + 120) * N + i);
            in[i] = isfinite(x) ? ldexpf(frexpf(x, &(int){0}), size - i % 45) : 0;
        }
        in[size & 1 ? 7 : N - 1] = -ldexpf(0.75f, size + 1); /* the largest */
        narrow_of(DIST_FP16)->pack(words, in, N);
        narrow_of(DIST_FP16)->unpack(out, words, N);
        int power = 14 - size < 126 ? 14 - size : 126;
        for (int i = 0; i < N; i++) {
            /* what lies among float's own subnormals, before or after, is rounded by the float itself */
            double wanted = ldexp(rounded(ldexp((double)in[i], power), 11, -24), -power);
            bool subnormal = fabs((double)in[i]) < 0x1p-126 || fabs(wanted) < 0x1p-126 || fabs(ldexp((double)in[i], power)) < 0x1p-126;
            wrong += !subnormal && (double)out[i] != wanted;
        }
    }
    ck_assert(everywhere(wrong == 0));
}
END_TEST

START_TEST(what_is_not_finite_stays_so) {
    for (int f = DIST_BF16; f <= DIST_FP16; f++) {
        float in[] = {1, INFINITY, -INFINITY, NAN, 0, -0.0f, 1e-8f}, out[7];
        uint32_t payload = 0x7f800001; /* a NaN that a careless rounding makes infinite */
        memcpy(&in[6], &payload, sizeof payload);
        uint16_t words[8];
        narrow_of((dist_format)f)->pack(words, in, 7);
        narrow_of((dist_format)f)->unpack(out, words, 7);
        ck_assert(everywhere(out[0] == 1 && out[1] == INFINITY && out[2] == -INFINITY && isnan(out[3]) && isnan(out[6])));
        ck_assert(everywhere(out[4] == 0 && !signbit(out[4]) && out[5] == 0 && signbit(out[5])));
    }
}
END_TEST

/* A value that travels errs by u of itself: every leaf on its way to the owner of its slice, then the sum. fp16 errs besides by 2^-39 of
 * the largest of a piece, for what is too small beside it; float's own additions by far less, as does their order. */
static double error_bound(dist_format format, double sum_of_sizes, double sum, double largest, int ranks) {
    double unit = format == DIST_BF16 ? 0x1p-8 : 0x1p-11, lost = format == DIST_FP16 ? (ranks + 1) * 0x1p-39 * largest : 0;
    return unit * (sum_of_sizes + (fabs(sum) + unit * sum_of_sizes)) + lost + 0x1p-20 * sum_of_sizes;
}

static bool packed_step_is_right(rig *r, dist_format format, int step, double *error) {
    int ranks = comm_size(comm_world());
    for (int b = 0; b < r->n_blocks; b++)
        for (int64_t i = 0; i < r->size; i++)
            r->grads[b][i] = tree_sum_float(step, r->blocks[b].first, r->blocks[b].size, i) * 1e-20f;
    dist_on_grad(r->d, r->size);
    for (int b = 0; b < dist_n_buckets(r->d); b++)
        dist_wait(r->d, b);
    bool right = comm_same(comm_world(), r->grads[0], (size_t)r->size * sizeof **r->grads);
    double largest = r->n_lanes * 0x1p12 * 1e-20, errors = 0, squares = 0;
    for (int64_t i = 0; i < r->size; i++) {
        double sizes = 0, wanted = (double)tree_sum_float(step, 0, r->n_lanes, i) * 1e-20, off = (double)r->grads[0][i] - wanted;
        for (int lane = 0; lane < r->n_lanes; lane++)
            sizes += fabs(value_of(step, lane, i)) * 1e-20;
        right = right && fabs(off) <= error_bound(format, sizes, wanted, largest, ranks);
        errors += off * off;
        squares += wanted * wanted;
    }
    *error = sqrt(errors / squares);
    return right;
}

/* The whole gradient errs less than its worst value may: independent roundings of `ranks` shares and their sum. */
static void check_format(dist_format format) {
    static const int64_t sizes[] = {1, 15, 1031, 100003};
    int ranks = comm_size(comm_world());
    for (int i = 0; i < 4; i++) {
        rig r;
        rig_init_as(&r, 3 * ranks + i % 2, sizes[i], i < 3 ? 272 : 100000, format);
        double error = 0, unit = format == DIST_BF16 ? 0x1p-8 : 0x1p-11;
        bool right = true;
        for (int step = 0; step < 2; step++)
            right = packed_step_is_right(&r, format, step, &error) && right;
        rig_reset(&r);
        ck_assert_msg(everywhere(right), "%d floats", (int)sizes[i]);
        if (sizes[i] > 1000) /* a rank alone sends nothing; with more, the rounding must show */
            ck_assert_msg(everywhere(ranks == 1 ? error < 1e-7 : error > unit / 8 && error < unit), "relative error %g", error);
    }
}

START_TEST(sixteen_bits_are_near_and_the_same_everywhere) {
    check_format(DIST_BF16);
    check_format(DIST_FP16);
}
END_TEST

START_TEST(sixteen_bits_between_nodes) {
    setenv("SHOAL_RANKS_PER_NODE", "2", 1);
    check_format(DIST_BF16);
    check_format(DIST_FP16);
    unsetenv("SHOAL_RANKS_PER_NODE");
}
END_TEST

static uint64_t plan_of(int lanes, int64_t size, size_t bucket_bytes) {
    rig r;
    rig_init(&r, lanes, size, bucket_bytes);
    uint64_t hash = dist_plan_hash(r.d);
    rig_reset(&r);
    return hash;
}

START_TEST(plans_differ_where_they_should) {
    int n = comm_size(comm_world());
    uint64_t plan = plan_of(2 * n, 1000, 0);
    ck_assert(everywhere(comm_same(comm_world(), &plan, sizeof plan)));
    ck_assert(everywhere(plan == plan_of(2 * n, 1000, 0)));
    ck_assert(everywhere(plan != plan_of(n, 1000, 0)));
    ck_assert(everywhere(plan != plan_of(2 * n, 1001, 0)));
    ck_assert(everywhere(plan != plan_of(2 * n, 1000, 400)));
}
END_TEST

int main(void) {
    if (comm_init() != OK)
        return 1;
    TCase *tests = suite_case("dist");
    tcase_add_test(tests, the_order_of_additions_shows);
    tcase_add_test(tests, gradients_have_the_bits_of_one_process);
    tcase_add_test(tests, nodes_make_no_difference);
    tcase_add_test(tests, large_gradients_are_summed_in_pieces);
    tcase_add_test(tests, statistics_have_the_bits_of_one_process);
    tcase_add_test(tests, no_gradients_at_all);
    tcase_add_test(tests, lanes_are_shared_as_equally_as_can_be);
    tcase_add_test(tests, more_ranks_than_lanes_are_refused);
    tcase_add_test(tests, plans_differ_where_they_should);
    tcase_add_test(tests, bf16_is_the_nearest);
    tcase_add_test(tests, fp16_is_the_nearest);
    tcase_add_test(tests, what_is_not_finite_stays_so);
    tcase_add_test(tests, sixteen_bits_are_near_and_the_same_everywhere);
    tcase_add_test(tests, sixteen_bits_between_nodes);
    return run_everywhere();
}
