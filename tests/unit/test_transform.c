/* Transforms: values against torchvision and Pillow (tests/golden/make_transforms.py), random ones by their laws. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/transforms.h"
#include "image/transform.h"
#include "make_options.h"
#include "math/math.h"
#include "suite.h"

/* The same formula as picture() in make_transforms.py. */
static image draw(int width, int height, int channels) {
    image im = {0};
    image_resize_buffer(&im, width, height, channels);
    for (int i = 0; i < width * height * channels; i++) {
        int c = i % channels, x = i / channels % width, y = i / channels / width;
        im.pixels[i] = (uint8_t)((x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + (x / 5 + y / 3) % 2 * 60) % 256);
    }
    return im;
}

/* Pixels that tell where they came from: (x, y, 1 where there is a picture). */
static image draw_places(int width, int height) {
    image im = {0};
    image_resize_buffer(&im, width, height, 3);
    for (int i = 0; i < width * height; i++) {
        im.pixels[3 * i] = (uint8_t)(i % width);
        im.pixels[3 * i + 1] = (uint8_t)(i / width);
        im.pixels[3 * i + 2] = 1;
    }
    return im;
}

static rng_key key_of(uint64_t id) {
    return rng_make_key(5, RNG_AUGMENT, 0, id);
}

static void apply(const transform *list, int count, image *im, uint64_t id) {
    image spare = {0};
    ck_assert_int_eq(transforms_apply(list, count, im, &spare, key_of(id)), OK);
    image_reset(&spare);
}

static void check_and_reset(image *im, int width, int height, const uint8_t *golden, size_t size) {
    ck_assert_int_eq(im->width, width);
    ck_assert_int_eq(im->height, height);
    ck_assert_uint_eq((size_t)width * (size_t)height * (size_t)im->channels, size);
    ck_assert_mem_eq(im->pixels, golden, size);
    image_reset(im);
}

#define CHECK(im, width, height, golden) check_and_reset(im, width, height, golden, sizeof golden)

START_TEST(resize_is_pillows) {
    image im = draw(45, 37, 3);
    apply((transform[]){TRANSFORM("resize", {"size", {13}})}, 1, &im, 0);
    CHECK(&im, 15, 13, golden_resize_down);
    im = draw(11, 9, 3);
    apply((transform[]){TRANSFORM("resize", {"size", {14}})}, 1, &im, 0);
    CHECK(&im, 17, 14, golden_resize_up);
    im = draw(33, 70, 1);
    apply((transform[]){TRANSFORM("resize", {"size", {10}})}, 1, &im, 0);
    CHECK(&im, 10, 21, golden_resize_tall_grey);
}
END_TEST

START_TEST(resize_of_one_side) {
    image im = draw(16, 48, 3), spare = {0};
    image_scale(&im, &spare, 16, 11);
    CHECK(&im, 16, 11, golden_resize_one_side);
    image_reset(&spare);
}
END_TEST

START_TEST(resize_to_the_same_size_changes_nothing) {
    image im = draw(20, 30, 3), same = draw(20, 30, 3);
    apply((transform[]){TRANSFORM("resize", {"size", {20}})}, 1, &im, 0);
    check_and_reset(&im, 20, 30, same.pixels, 20 * 30 * 3);
    image_reset(&same);
}
END_TEST

START_TEST(crop_then_scale) {
    image im = draw(45, 37, 3), spare = {0};
    image_crop(&im, &spare, (window){.top = 3, .left = 7, .height = 29, .width = 35});
    image_scale(&im, &spare, 12, 12);
    CHECK(&im, 12, 12, golden_crop_scaled);
    image_reset(&spare);
}
END_TEST

START_TEST(center_crop_is_torchvisions) {
    image im = draw(45, 38, 1);
    apply((transform[]){TRANSFORM("center_crop", {"size", {17}})}, 1, &im, 0);
    CHECK(&im, 17, 17, golden_center_odd);
    im = draw(42, 39, 1);
    apply((transform[]){TRANSFORM("center_crop", {"size", {16}})}, 1, &im, 0);
    CHECK(&im, 16, 16, golden_center_even);
    im = draw(11, 24, 1);
    apply((transform[]){TRANSFORM("center_crop", {"size", {16}})}, 1, &im, 0);
    CHECK(&im, 16, 16, golden_center_padded);
}
END_TEST

START_TEST(crop_beyond_the_border_is_zero) {
    image im = draw(9, 8, 1), spare = {0};
    image_crop(&im, &spare, (window){.top = 1 - 3, .left = 5 - 3, .height = 10, .width = 10});
    CHECK(&im, 10, 10, golden_padded);
    im = draw(9, 8, 1);
    image_crop(&im, &spare, (window){.top = -2, .left = 20, .height = 4, .width = 5});
    check_and_reset(&im, 5, 4, (const uint8_t[20]){0}, 20);
    image_reset(&spare);
}
END_TEST

/* With a scale that no window can have, every try fails. */
START_TEST(random_resized_crop_falls_back_as_torchvision) {
    for (size_t i = 0; i < sizeof golden_fallbacks / sizeof *golden_fallbacks; i++) {
        int w = golden_fallbacks[i].width, h = golden_fallbacks[i].height;
        image im = draw(w, h, 3), expected = draw(w, h, 3), spare = {0};
        const double *ratio = golden_fallbacks[i].ratio;
        transform t = TRANSFORM("random_resized_crop", {"size", {12}}, {"scale", {2, 2}}, {"ratio", {ratio[0], ratio[1]}});
        apply(&t, 1, &im, i);
        image_crop(
            &expected, &spare,
            (window){golden_fallbacks[i].top, golden_fallbacks[i].left, golden_fallbacks[i].part_height, golden_fallbacks[i].part_width});
        image_scale(&expected, &spare, 12, 12);
        check_and_reset(&im, 12, 12, expected.pixels, 12 * 12 * 3);
        image_reset(&expected);
        image_reset(&spare);
    }
}
END_TEST

/* A quarter of the area and square: the window has the size of the result, so that its place can be read off. */
START_TEST(random_resized_crop_reaches_every_place) {
    transform t = TRANSFORM("random_resized_crop", {"size", {4}}, {"scale", {0.25, 0.25}}, {"ratio", {1, 1}});
    int hits[5][5] = {{0}};
    for (uint64_t id = 0; id < 5000; id++) {
        image im = draw_places(8, 8);
        apply(&t, 1, &im, id);
        int left = im.pixels[0], top = im.pixels[1];
        ck_assert(left <= 4 && top <= 4);
        ck_assert_int_eq(im.pixels[3 * 15], left + 3);
        ck_assert_int_eq(im.pixels[3 * 15 + 1], top + 3);
        hits[top][left]++;
        image_reset(&im);
    }
    for (int i = 0; i < 25; i++) /* 200 ± 14 each */
        ck_assert(hits[i / 5][i % 5] > 130 && hits[i / 5][i % 5] < 270);
}
END_TEST

/* The share of the area must be uniform in `scale`, the log of the ratio in `ratio`. */
START_TEST(random_resized_crop_draws_area_and_ratio) {
    enum { SIDE = 2400, N = 10000 };
    transform t = TRANSFORM("random_resized_crop", {"size", {24}}, {"scale", {0.1, 0.4}}, {"ratio", {0.5, 2}});
    double area1 = 0, area2 = 0, log1 = 0, log2 = 0;
    for (uint64_t id = 0; id < N; id++) {
        image_view v = view_whole(SIDE, SIDE);
        ck_assert_int_eq(transform_random_resized_crop.view(t.values, &v, (transform_draws){key_of(id), 0}), OK);
        ck_assert(v.part.top >= 0 && v.part.left >= 0 && v.part.top + v.part.height <= SIDE && v.part.left + v.part.width <= SIDE);
        double area = (double)v.part.width * v.part.height / SIDE / SIDE, ratio = log((double)v.part.width / v.part.height);
        ck_assert(area > 0.099 && area < 0.401 && fabs(ratio) < log(2.01));
        area1 += area / N, area2 += area * area / N, log1 += ratio / N, log2 += ratio * ratio / N;
    }
    ck_assert_double_eq_tol(area1, 0.25, 0.004);
    ck_assert_double_eq_tol(sqrt(area2 - area1 * area1), 0.3 / sqrt(12), 0.002);
    ck_assert_double_eq_tol(log1, 0, 0.02);
    ck_assert_double_eq_tol(sqrt(log2), 2 * log(2) / sqrt(12), 0.01);
}
END_TEST

START_TEST(random_crop_reaches_every_place_with_padding) {
    transform t = TRANSFORM("random_crop", {"size", {6}}, {"padding", {2}});
    int hits[5][5] = {{0}};
    for (uint64_t id = 0; id < 5000; id++) {
        image im = draw_places(6, 6);
        apply(&t, 1, &im, id);
        const uint8_t *middle = im.pixels + 3 * (2 * 6 + 2); /* always inside of the picture */
        int left = middle[0], top = middle[1];
        ck_assert_int_eq(middle[2], 1);
        ck_assert_int_eq(im.pixels[2], left >= 2 && top >= 2);
        ck_assert(left <= 4 && top <= 4);
        hits[top][left]++;
        image_reset(&im);
    }
    for (int i = 0; i < 25; i++)
        ck_assert(hits[i / 5][i % 5] > 130 && hits[i / 5][i % 5] < 270);
}
END_TEST

START_TEST(flips_mirror_and_keep_their_probability) {
    for (int vertical = 0; vertical < 2; vertical++) {
        transform t = TRANSFORM(vertical ? "vflip" : "hflip", {"p", {0.3}});
        int flipped = 0;
        for (uint64_t id = 0; id < 2000; id++) {
            image im = draw_places(5, 4);
            apply(&t, 1, &im, id);
            bool turned = im.pixels[0] != 0 || im.pixels[1] != 0;
            for (int i = 0; i < 20; i++) {
                ck_assert_int_eq(im.pixels[3 * i], turned && !vertical ? 4 - i % 5 : i % 5);
                ck_assert_int_eq(im.pixels[3 * i + 1], turned && vertical ? 3 - i / 5 : i / 5);
            }
            flipped += turned;
            image_reset(&im);
        }
        ck_assert(flipped > 500 && flipped < 700); /* 600 ± 20 */
    }
}
END_TEST

/* Two flips of p = 0.5 at two places of the list draw independently; the same key gives the same picture again. */
START_TEST(draws_depend_on_key_and_place) {
    transform list[] = {TRANSFORM("hflip", {"p", {0.5}}), TRANSFORM("vflip", {"p", {0.5}})};
    int kinds[2][2] = {{0}};
    for (uint64_t id = 0; id < 1000; id++) {
        image im = draw_places(3, 3), again = draw_places(3, 3);
        apply(list, 2, &im, id);
        apply(list, 2, &again, id);
        ck_assert_mem_eq(im.pixels, again.pixels, 27);
        kinds[im.pixels[0] != 0][im.pixels[1] != 0]++;
        image_reset(&im);
        image_reset(&again);
    }
    for (int i = 0; i < 4; i++)
        ck_assert(kinds[i / 2][i % 2] > 180 && kinds[i / 2][i % 2] < 320);
}
END_TEST

static void check_adjusted(void (*adjust)(image *, double), double factor, const uint8_t *expected) {
    static const uint8_t pixels[12] = {255, 0, 0, 10, 20, 30, 200, 200, 200, 0, 0, 255};
    image im = {0};
    image_resize_buffer(&im, 2, 2, 3);
    memcpy(im.pixels, pixels, sizeof pixels);
    adjust(&im, factor);
    ck_assert_mem_eq(im.pixels, expected, sizeof pixels);
    image_reset(&im);
}

/* Greys of these pixels: 76, 18, 200, 29; their mean is 80.75. */
START_TEST(colours_change_as_they_should) {
    check_adjusted(image_adjust_brightness, 0.5, (const uint8_t[]){127, 0, 0, 5, 10, 15, 100, 100, 100, 0, 0, 127});
    check_adjusted(image_adjust_brightness, 2, (const uint8_t[]){255, 0, 0, 20, 40, 60, 255, 255, 255, 0, 0, 255});
    check_adjusted(image_adjust_contrast, 0, (const uint8_t[]){81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81});
    check_adjusted(image_adjust_contrast, 2, (const uint8_t[]){255, 0, 0, 0, 0, 0, 255, 255, 255, 0, 0, 255});
    check_adjusted(image_adjust_saturation, 0, (const uint8_t[]){76, 76, 76, 18, 18, 18, 200, 200, 200, 29, 29, 29});
    check_adjusted(image_adjust_saturation, 0.5, (const uint8_t[]){165, 38, 38, 14, 19, 24, 200, 200, 200, 14, 14, 142});
    check_adjusted(image_adjust_hue, 1.0 / 3 + 1e-6, (const uint8_t[]){0, 255, 0, 30, 10, 20, 200, 200, 200, 255, 0, 0});
}
END_TEST

START_TEST(grey_pictures_keep_their_colour) {
    image im = draw(9, 7, 1), same = draw(9, 7, 1);
    image_adjust_saturation(&im, 3);
    image_adjust_hue(&im, 0.3);
    check_and_reset(&im, 9, 7, same.pixels, 63);
    image_reset(&same);
}
END_TEST

/* Every factor in its range, every order; nothing where nothing is asked for. */
START_TEST(color_jitter_draws_factors_and_orders) {
    transform t = TRANSFORM("color_jitter", {"brightness", {0.4}}, {"contrast", {1.5}}, {"saturation", {0.1}}, {"hue", {0.2}});
    bool seen[4][4] = {{false}};
    for (uint64_t id = 0; id < 500; id++) {
        color_factors f = color_jitter_draw(t.values, (transform_draws){key_of(id), 0});
        ck_assert(fabs(f.brightness - 1) <= 0.4 && f.contrast >= 0 && f.contrast <= 2.5 && fabs(f.saturation - 1) <= 0.1);
        ck_assert(fabs(f.hue) <= 0.2);
        int all = 0;
        for (int i = 0; i < 4; i++) {
            seen[i][f.order[i]] = true;
            all |= 1 << f.order[i];
        }
        ck_assert_int_eq(all, 15);
    }
    for (int i = 0; i < 16; i++)
        ck_assert(seen[i / 4][i % 4]);
    image im = draw(20, 30, 3), same = draw(20, 30, 3);
    apply((transform[]){TRANSFORM("color_jitter", {NULL, {0}})}, 1, &im, 0);
    check_and_reset(&im, 20, 30, same.pixels, 20 * 30 * 3);
    image_reset(&same);
}
END_TEST

START_TEST(shapes_follow_the_pictures) {
    transform list[] = {TRANSFORM("resize", {"size", {20}}), TRANSFORM("center_crop", {"size", {16}}), TRANSFORM("hflip", {NULL, {0}})};
    shape out;
    ck_assert_int_eq(transforms_shape(list, 3, (shape){0, 0, 3}, &out), OK);
    ck_assert(shape_equal(out, (shape){16, 16, 3}));
    ck_assert_int_eq(transforms_shape(list, 1, (shape){37, 45, 3}, &out), OK);
    image im = draw(45, 37, 3);
    apply(list, 1, &im, 0);
    ck_assert(shape_equal(out, (shape){im.height, im.width, 3}));
    image_reset(&im);
    ck_assert_int_eq(transforms_shape(NULL, 0, (shape){28, 27, 1}, &out), OK);
    ck_assert(shape_equal(out, (shape){28, 27, 1}));
}
END_TEST

START_TEST(impossible_lists_are_refused) {
    transform resize = TRANSFORM("resize", {"size", {20}}), crop = TRANSFORM("random_crop", {"size", {40}}, {"padding", {2}});
    shape out;
    ck_assert_int_eq(transforms_shape(&resize, 1, (shape){0, 0, 3}, &out), ERR_USAGE);
    ck_assert_int_eq(transforms_shape(NULL, 0, (shape){0, 0, 3}, &out), ERR_USAGE);
    ck_assert_int_eq(transforms_shape(&crop, 1, (shape){32, 32, 3}, &out), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "random_crop"));
    image im = draw(32, 60, 3), spare = {0};
    ck_assert_int_eq(transforms_apply(&crop, 1, &im, &spare, key_of(0)), ERR_DATA);
    image_reset(&im);
    image_reset(&spare);
}
END_TEST

/* A view of zeros alone is zeros, and a picture that no resize can serve is no good. */
START_TEST(strange_sizes_do_no_harm) {
    transform far[] = {TRANSFORM("resize", {"size", {3}}), TRANSFORM("random_crop", {"size", {1}}, {"padding", {30}})};
    transform resize = TRANSFORM("resize", {"size", {256}});
    int zeros = 0;
    for (uint64_t id = 0; id < 50; id++) {
        image im = draw(2, 2, 1);
        memset(im.pixels, 9, 4);
        apply(far, 2, &im, id);
        ck_assert(im.width == 1 && im.height == 1);
        zeros += im.pixels[0] == 0;
        image_reset(&im);
    }
    ck_assert_int_ge(zeros, 45);
    transform wide = TRANSFORM("random_resized_crop", {"size", {3}}, {"scale", {1, 1}}, {"ratio", {1000, 1000}});
    image im = draw(2, 2, 3), thin = draw(1, 70000, 1), spare = {0};
    apply(&wide, 1, &im, 0);
    ck_assert(im.width == 3 && im.height == 3);
    ck_assert_int_eq(transforms_apply(&resize, 1, &thin, &spare, key_of(0)), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "resize: a picture of 1 x 70000 would have 256 x 17920000 pixels"));
    image_reset(&im);
    image_reset(&thin);
    image_reset(&spare);
}
END_TEST

/* A transform more gets a row here and a test of what it does above. */
START_TEST(every_transform_is_tested) {
    static const char *const tested[] = {"random_crop", "random_resized_crop", "resize",      "center_crop",
                                         "hflip",       "vflip",               "color_jitter"};
    for (int i = 0; transform_kind_at(i); i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof tested / sizeof *tested; k++)
            found |= strcmp(tested[k], transform_kind_at(i)->name) == 0;
        ck_assert_msg(found, "the transform %s has no test", transform_kind_at(i)->name);
    }
}
END_TEST

int main(void) {
    if (math_init() != OK) {
        printf("skipped: %s\n", err_last()->text);
        return 77;
    }
    TCase *tests = suite_case("transform");
    tcase_add_test(tests, resize_is_pillows);
    tcase_add_test(tests, resize_of_one_side);
    tcase_add_test(tests, resize_to_the_same_size_changes_nothing);
    tcase_add_test(tests, crop_then_scale);
    tcase_add_test(tests, center_crop_is_torchvisions);
    tcase_add_test(tests, crop_beyond_the_border_is_zero);
    tcase_add_test(tests, random_resized_crop_falls_back_as_torchvision);
    tcase_add_test(tests, random_resized_crop_reaches_every_place);
    tcase_add_test(tests, random_resized_crop_draws_area_and_ratio);
    tcase_add_test(tests, random_crop_reaches_every_place_with_padding);
    tcase_add_test(tests, flips_mirror_and_keep_their_probability);
    tcase_add_test(tests, draws_depend_on_key_and_place);
    tcase_add_test(tests, colours_change_as_they_should);
    tcase_add_test(tests, grey_pictures_keep_their_colour);
    tcase_add_test(tests, color_jitter_draws_factors_and_orders);
    tcase_add_test(tests, shapes_follow_the_pictures);
    tcase_add_test(tests, impossible_lists_are_refused);
    tcase_add_test(tests, strange_sizes_do_no_harm);
    tcase_add_test(tests, every_transform_is_tested);
    return suite_run();
}
