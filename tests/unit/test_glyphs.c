/* The default data set: the same bits everywhere, balanced, all different; and the drawing of it against plane geometry. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pack/glyphs.h"
#include "suite.h"

static const double pi = 3.14159265358979;

static glyphs_set train_set(void) {
    return (glyphs_set){.seed = 1, .split = 0, .count = 20000};
}

static uint32_t fingerprint(const glyphs_set *set, int64_t count) {
    uLong crc = crc32(0, NULL, 0);
    for (int64_t i = 0; i < count; i++) {
        uint8_t pixels[GLYPHS_BYTES], label = (uint8_t)glyphs_label(set, i);
        glyphs_draw(set, i, pixels);
        crc = crc32(crc, pixels, sizeof pixels);
        crc = crc32(crc, &label, 1);
    }
    return (uint32_t)crc;
}

/* Made once with gcc on x86-64; clang and arm64 must come to the same. A change of the drawing changes these. */
START_TEST(same_bits_everywhere) {
    glyphs_set train = train_set(), val = {.seed = 1, .split = 1, .count = 4000};
    ck_assert_uint_eq(fingerprint(&train, 500), 2311078201u);
    ck_assert_uint_eq(fingerprint(&val, 500), 21920957u);
}
END_TEST

START_TEST(classes_are_balanced_and_mixed) {
    glyphs_set set = train_set();
    int whole[GLYPHS_CLASSES] = {0}, early[GLYPHS_CLASSES] = {0}, runs = 0;
    for (int64_t i = 0; i < set.count; i++) {
        int32_t label = glyphs_label(&set, i);
        ck_assert(label >= 0 && label < GLYPHS_CLASSES);
        whole[label]++;
        early[label] += i < 2000;
        runs += i > 0 && label == glyphs_label(&set, i - 1);
    }
    for (int k = 0; k < GLYPHS_CLASSES; k++) {
        ck_assert_int_eq(whole[k], 2000);
        ck_assert(early[k] > 140 && early[k] < 260); /* 200 ± 13 */
    }
    ck_assert(runs > 1800 && runs < 2200); /* 2000 ± 42 */
}
END_TEST

static int compare_pictures(const void *a, const void *b) {
    return memcmp(a, b, GLYPHS_BYTES);
}

START_TEST(no_two_pictures_are_alike) {
    enum { N = 500 };
    uint8_t *pixels = mem_new(3 * N, GLYPHS_BYTES);
    for (int i = 0; i < 3 * N; i++) { /* train, val, and train of another seed */
        glyphs_set set = train_set();
        set.split = i / N == 1;
        set.seed += i / N == 2;
        glyphs_draw(&set, i % N, pixels + (size_t)i * GLYPHS_BYTES);
    }
    qsort(pixels, 3 * N, GLYPHS_BYTES, compare_pictures);
    for (int i = 0; i + 1 < 3 * N; i++)
        ck_assert_int_ne(memcmp(pixels + (size_t)i * GLYPHS_BYTES, pixels + (size_t)(i + 1) * GLYPHS_BYTES, GLYPHS_BYTES), 0);
    mem_free(pixels);
}
END_TEST

/* Neither brightness nor any pixel's mean tells the class: linear models have little to hold on to. */
START_TEST(levels_are_spread) {
    enum { N = 2000 };
    glyphs_set set = train_set();
    double mean = 0, square = 0, of_class[GLYPHS_CLASSES] = {0};
    for (int i = 0; i < N; i++) {
        uint8_t pixels[GLYPHS_BYTES];
        glyphs_draw(&set, i, pixels);
        double sum = 0;
        for (int k = 0; k < GLYPHS_BYTES; k++) {
            sum += pixels[k];
            square += (double)pixels[k] * pixels[k] / GLYPHS_BYTES / N;
        }
        mean += sum / GLYPHS_BYTES / N;
        of_class[glyphs_label(&set, i)] += sum / GLYPHS_BYTES * GLYPHS_CLASSES / N;
    }
    ck_assert_double_eq_tol(mean, 127.5, 8);
    ck_assert_double_gt(square - mean * mean, 60 * 60);
    for (int k = 0; k < GLYPHS_CLASSES; k++)
        ck_assert_double_eq_tol(of_class[k], mean, 20);
}
END_TEST

START_TEST(designs_can_be_read) {
    for (int k = 0; k < GLYPHS_CLASSES; k++) {
        ck_assert_int_ge(glyphs_classes[k].n_designs, 4);
        for (int i = 0; i < glyphs_classes[k].n_designs; i++) {
            const char *text = glyphs_classes[k].designs[i];
            glyphs_path path;
            int paths = 0;
            while (glyphs_read_path(&text, &path)) {
                paths++;
                ck_assert_int_lt(path.n, GLYPHS_PATH_POINTS);
                for (int p = 0; p < path.n; p++)
                    ck_assert(path.p[p].x > -110 && path.p[p].x < 110 && path.p[p].y > -110 && path.p[p].y < 110);
            }
            ck_assert_msg(*text == '\0', "%s, design %d: not understood: %s", glyphs_classes[k].name, i, text);
            ck_assert_int_ge(paths, 1);
        }
    }
}
END_TEST

START_TEST(wrong_designs_are_refused) {
    static const char *const wrong[] = {"X 1 2 3 4", "F 1 2 3", "O 1 2", "L", "L 1 2 x", "R 1 2 3 4 5 6"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *text = wrong[i];
        glyphs_path path;
        while (glyphs_read_path(&text, &path))
            continue;
        ck_assert_int_ne(*text, '\0');
    }
}
END_TEST

static double covered(const glyphs_mask *m) {
    double sum = 0;
    for (int i = 0; i < GLYPHS_PIXELS; i++) {
        ck_assert(m->cover[i] >= 0 && m->cover[i] <= 1.0000001);
        sum += m->cover[i];
    }
    return sum;
}

static glyphs_path read_one(const char *text) {
    glyphs_path path;
    ck_assert(glyphs_read_path(&text, &path));
    return path;
}

START_TEST(areas_are_those_of_plane_geometry) {
    glyphs_mask m = {{0}};
    glyphs_path path = read_one("O 16 15 9 5");
    glyphs_mask_fill(&m, &path);
    ck_assert_double_eq_tol(covered(&m), pi * 9 * 5, 0.02 * pi * 9 * 5); /* a polygon of 24 corners lacks 1.1 % */

    memset(&m, 0, sizeof m);
    path = read_one("F 3 4 23 4 23 9 3 29");
    glyphs_mask_fill(&m, &path);
    ck_assert_double_eq_tol(covered(&m), 20 * (5 + 25) / 2.0, 1);

    memset(&m, 0, sizeof m);
    path = read_one("L 6 8 24 20");
    glyphs_mask_stroke(&m, &path, 2);
    ck_assert_double_eq_tol(covered(&m), 21.633 * 4 + pi * 4, 1.5);
}
END_TEST

START_TEST(what_lies_outside_is_cut_off) {
    glyphs_mask m = {{0}};
    glyphs_path path = read_one("F -50 -50 50 -50 50 16 -50 16");
    glyphs_mask_fill(&m, &path);
    ck_assert_double_eq_tol(covered(&m), 32 * 16, 1e-9);
    memset(&m, 0, sizeof m);
    path = read_one("L -90 -80 -90 80 -90 90");
    glyphs_mask_stroke(&m, &path, 3);
    ck_assert_double_eq(covered(&m), 0);
}
END_TEST

START_TEST(smooth_curves_meet_their_points) {
    glyphs_path path = read_one("l 0 0 10 20 30 -5 40 0");
    static const double through[][2] = {{0, 0}, {10, 20}, {30, -5}, {40, 0}};
    int met = 0;
    for (int i = 0; i < path.n && met < 4; i++)
        met += path.p[i].x == through[met][0] && path.p[i].y == through[met][1];
    ck_assert_int_eq(met, 4);
}
END_TEST

/* Without elastic distortion and stretch, a pose is a similarity: all distances grow by its size. */
START_TEST(a_plain_pose_is_a_similarity) {
    glyphs_pose_bounds bounds = {.size_low = 0.15, .size_high = 0.15, .turn = 0.4, .shift = 3};
    glyphs_path path = read_one("L -80 -60 70 20 30 -50"), placed;
    for (uint64_t i = 0; i < 20; i++) {
        glyphs_draws d = {.key = rng_make_key(1, RNG_DATA, 9, i)};
        glyphs_pose pose;
        glyphs_pose_draw(&pose, &d, &bounds);
        glyphs_pose_apply(&pose, &path, false, &placed);
        for (int p = 1; p < path.n; p++) {
            double dx = path.p[p].x - path.p[0].x, dy = path.p[p].y - path.p[0].y;
            double ex = placed.p[p].x - placed.p[0].x, ey = placed.p[p].y - placed.p[0].y;
            ck_assert_double_eq_tol(ex * ex + ey * ey, 0.15 * 0.15 * (dx * dx + dy * dy), 1e-9);
        }
    }
}
END_TEST

int main(void) {
    TCase *tests = suite_case("glyphs");
    tcase_add_test(tests, same_bits_everywhere);
    tcase_add_test(tests, classes_are_balanced_and_mixed);
    tcase_add_test(tests, no_two_pictures_are_alike);
    tcase_add_test(tests, levels_are_spread);
    tcase_add_test(tests, designs_can_be_read);
    tcase_add_test(tests, wrong_designs_are_refused);
    tcase_add_test(tests, areas_are_those_of_plane_geometry);
    tcase_add_test(tests, what_lies_outside_is_cut_off);
    tcase_add_test(tests, smooth_curves_meet_their_points);
    tcase_add_test(tests, a_plain_pose_is_a_similarity);
    return suite_run();
}
