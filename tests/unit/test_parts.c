/* Parts of JPEG pictures: what is decoded of one must be what a decoder of the whole makes of it; smaller scales must be the picture,
 * smaller; and what the transforms make of a file must be what they make of its pixels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "image/transform.h"
#include "make_options.h"
#include "suite.h"

typedef struct jpeg_bytes {
    uint8_t *bytes;
    unsigned long size;
} jpeg_bytes;

/* Waves in every channel, finer towards one corner, so that neighbours differ in brightness and colour. */
static image draw(int width, int height) {
    image im = {0};
    image_resize_buffer(&im, width, height, 3);
    for (int i = 0; i < width * height * 3; i++) {
        int c = i % 3, x = i / 3 % width, y = i / 3 / width;
        im.pixels[i] = (uint8_t)(127 + 60 * sin(x * (0.05 + 0.001 * y) + c) + 60 * cos(y * 0.21 - c * x * 0.03));
    }
    return im;
}

/* Free with tjFree(). */
static jpeg_bytes encode(const image *im, int sampling, int flags) {
    jpeg_bytes file = {0};
    tjhandle encoder = tjInitCompress();
    int status = tjCompress2(encoder, im->pixels, im->width, 0, im->height, TJPF_RGB, &file.bytes, &file.size, sampling, 90, flags);
    ck_assert_int_eq(status, 0);
    tjDestroy(encoder);
    return file;
}

static image_region decode_region(jpeg_bytes file, image_region wanted, int channels, image *im) {
    image_file f;
    ck_assert_int_eq(image_file_open(&f, file.bytes, file.size, channels), OK);
    ck_assert_int_eq(image_file_decode(&f, im, &wanted), OK);
    image_file_close(&f);
    return wanted;
}

static void check_same_pixels(const image *whole, const image *part, window held, window wanted) {
    for (int y = wanted.top; y < wanted.top + wanted.height; y++) {
        const uint8_t *expected = whole->pixels + (y * whole->width + wanted.left) * whole->channels;
        const uint8_t *found = part->pixels + ((y - held.top) * part->width + wanted.left - held.left) * part->channels;
        ck_assert_mem_eq(found, expected, (size_t)(wanted.width * whole->channels));
    }
}

static int below(uint64_t i, int bound) {
    return (int)rng_below(rng_make_key(1, RNG_DATA, 0, 0), i, (uint64_t)bound);
}

static void check_parts(jpeg_bytes file, int width, int height, int channels) {
    for (int eighths = 1; eighths <= 8; eighths *= 2) {
        int columns = (width * eighths + 7) / 8, rows = (height * eighths + 7) / 8;
        image whole = {0}, part = {0};
        decode_region(file, (image_region){eighths, {0, 0, rows, columns}}, channels, &whole);
        ck_assert(whole.width == columns && whole.height == rows && whole.channels == channels);
        for (uint64_t i = 0; i < 60; i++) {
            window w = {.top = below(4 * i, rows), .left = below(4 * i + 1, columns)};
            w.height = 1 + below(4 * i + 2, rows - w.top);
            w.width = 1 + below(4 * i + 3, columns - w.left);
            image_region held = decode_region(file, (image_region){eighths, w}, channels, &part);
            ck_assert(held.eighths == eighths && held.part.top == w.top && held.part.height == w.height && part.width == held.part.width);
            check_same_pixels(&whole, &part, held.part, w);
        }
        image_reset(&whole);
        image_reset(&part);
    }
}

START_TEST(parts_are_the_wholes_pixels) {
    static const int samplings[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411, TJSAMP_GRAY};
    static const int sides[][2] = {{131, 97}, {64, 48}, {17, 150}};
    int progressive = _i % 2 ? TJFLAG_PROGRESSIVE : 0;
    for (size_t k = 0; k < sizeof sides / sizeof *sides; k++) {
        image im = draw(sides[k][0], sides[k][1]);
        jpeg_bytes file = encode(&im, samplings[_i / 2], progressive);
        check_parts(file, im.width, im.height, 3);
        check_parts(file, im.width, im.height, 1);
        tjFree(file.bytes);
        image_reset(&im);
    }
}
END_TEST

static rng_key key_of(uint64_t id) {
    return rng_make_key(5, RNG_AUGMENT, 0, id);
}

static double mean_difference(const image *a, const image *b) {
    ck_assert(a->width == b->width && a->height == b->height && a->channels == b->channels);
    double sum = 0;
    int count = a->width * a->height * a->channels;
    for (int i = 0; i < count; i++)
        sum += abs(a->pixels[i] - b->pixels[i]);
    return sum / count;
}

/* What a list makes of the file, beside what it makes of the whole picture. */
static double difference(jpeg_bytes file, const transform *list, int count, uint64_t id) {
    image whole = {0}, loaded = {0}, spare = {0};
    byte_buffer record = {file.bytes, file.size, 0};
    ck_assert_int_eq(image_decode(&whole, file.bytes, file.size, 3), OK);
    ck_assert_int_eq(transforms_apply(list, count, &whole, &spare, key_of(id)), OK);
    ck_assert_int_eq(transforms_load(list, count, &record, (shape){0, 0, 3}, key_of(id), &loaded, &spare), OK);
    double d = mean_difference(&whole, &loaded);
    image_reset(&whole);
    image_reset(&loaded);
    image_reset(&spare);
    return d;
}

START_TEST(a_file_gives_what_its_pixels_give) {
    transform crop = TRANSFORM("random_resized_crop", {"size", {96}}, {"scale", {0.08, 1}}, {"ratio", {0.75, 1.3333}});
    transform lists[][3] = {
        {crop, TRANSFORM("hflip", {"p", {0.5}}), TRANSFORM("vflip", {"p", {0.5}})},
        {TRANSFORM("resize", {"size", {110}}), TRANSFORM("center_crop", {"size", {96}}), TRANSFORM("hflip", {"p", {0.5}})},
        {TRANSFORM("resize", {"size", {150}}), TRANSFORM("random_crop", {"size", {120}}, {"padding", {9}}), crop},
        {TRANSFORM("center_crop", {"size", {180}}), TRANSFORM("resize", {"size", {64}}), TRANSFORM("hflip", {"p", {0.5}})},
        {TRANSFORM("random_crop", {"size", {40}}, {"padding", {4}}), crop, TRANSFORM("vflip", {"p", {0.5}})},
        {TRANSFORM("hflip", {"p", {0.5}}), crop, TRANSFORM("vflip", {"p", {0.5}})},
        {TRANSFORM("random_crop", {"size", {8}}, {"padding", {300}}), TRANSFORM("hflip", {"p", {0.5}}), crop},
    };
    image im = draw(190, 135); /* too small for any smaller scale to serve */
    jpeg_bytes file = encode(&im, TJSAMP_420, 0);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (uint64_t id = 0; id < 25; id++)
            ck_assert_msg(difference(file, lists[i], 3, id) == 0, "list %zu, id %d", i, (int)id);
    tjFree(file.bytes);
    image_reset(&im);
}
END_TEST

/* Of smooth pictures a smaller scale leaves the same, but for rounding. */
START_TEST(smaller_scales_are_the_picture_smaller) {
    image im = {0};
    image_resize_buffer(&im, 801, 605, 3);
    for (int i = 0; i < 801 * 605 * 3; i++)
        im.pixels[i] = (uint8_t)(127 + 60 * sin(i / 3 % 801 * 0.02 + i % 3) + 60 * cos(i / 3 / 801 * 0.015 - i % 3));
    jpeg_bytes file = encode(&im, TJSAMP_444, 0);
    static const int sizes[] = {300, 150, 75, 40};
    for (int i = 0; i < 4; i++)
        for (uint64_t id = 0; id < 20; id++) {
            transform list[] = {TRANSFORM("random_resized_crop", {"size", {sizes[i]}}, {"scale", {0.6, 1}}, {"ratio", {0.75, 1.3333}})};
            double d = difference(file, list, 1, id);
            ck_assert_msg(d < 0.8, "size %d, id %d: %g", sizes[i], (int)id, d);
        }
    tjFree(file.bytes);
    image_reset(&im);
}
END_TEST

/* Never enlarged from fewer pixels than the whole picture has to give. */
START_TEST(scales_leave_enough_pixels) {
    for (int width = 1; width < 4000; width += 37) {
        image_view v = view_whole(width, 3000);
        v.width = 224;
        v.height = 200;
        v.kept = (window){0, 0, 200, 224};
        int eighths = view_eighths(&v);
        ck_assert(eighths == 8 || width * eighths >= 8 * 224);
        ck_assert(eighths == 1 || width * eighths / 2 < 8 * 224);
    }
}
END_TEST

int main(void) {
    TCase *tests = suite_case("parts");
    tcase_add_loop_test(tests, parts_are_the_wholes_pixels, 0, 12);
    tcase_add_test(tests, a_file_gives_what_its_pixels_give);
    tcase_add_test(tests, smaller_scales_are_the_picture_smaller);
    tcase_add_test(tests, scales_leave_enough_pixels);
    return suite_run();
}
