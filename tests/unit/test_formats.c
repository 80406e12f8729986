/* TIFF, PNM and WebP files made here byte by byte: in colour and in grey, and what is refused, by name. What Pillow makes of many more is
 * compared in golden/test_pictures.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"
#include "suite.h"

static void expect_pixels(const void *bytes, size_t n, int channels, int width, int height, const void *pixels) {
    image im = {0};
    ck_assert_msg(image_decode(&im, bytes, n, channels) == OK, "%s", err_last()->text);
    ck_assert(im.width == width && im.height == height && im.channels == channels);
    ck_assert_mem_eq(im.pixels, pixels, (size_t)(width * height * channels));
    image_reset(&im);
}

static void expect_error(const void *bytes, size_t n, const char *words) {
    for (int channels = 1; channels <= 3; channels += 2) {
        uint8_t *exact = malloc(n); /* AddressSanitizer would tell of a byte beyond */
        memcpy(exact, bytes, n);
        image im = {0};
        ck_assert_msg(image_decode(&im, exact, n, channels) == ERR_DATA, "no error of the words %s", words);
        ck_assert_msg(strstr(err_last()->text, words), "%s", err_last()->text);
        image_reset(&im);
        free(exact);
    }
}

/* ---- PNM ---- */

#define TEXT(text) text, sizeof text - 1

START_TEST(pnm_as_text_and_binary) {
    static const uint8_t grey[] = {0, 128, 255}, spread[] = {0, 0, 0, 128, 128, 128, 255, 255, 255}, rgb[] = {200, 30, 10, 7, 99, 250};
    expect_pixels(TEXT("P2 3 1 255 0 128 255"), 1, 3, 1, grey);
    expect_pixels(TEXT("P2 3 1 255 0 128 255"), 3, 3, 1, spread);
    expect_pixels(TEXT("P5#a\n3 1#b\n255\n\0\200\377"), 3, 3, 1, spread);
    expect_pixels(TEXT("P3 2\t1 255 200 30 10 7 99 250\n"), 3, 2, 1, rgb);
    expect_pixels(TEXT("P6 2 1 255\n\310\036\012\007\143\372, and more"), 3, 2, 1, rgb);
    expect_pixels(TEXT("P6 2 1 255\n\310\036\012\007\143\372"), 1, 2, 1, (const uint8_t[]){79, 89});
    expect_pixels(TEXT("P1 3 2 101 #\n0 1 0"), 1, 3, 2, (const uint8_t[]){0, 255, 0, 255, 0, 255});
    expect_pixels(TEXT("P4 3 2\n\240\100"), 1, 3, 2, (const uint8_t[]){0, 255, 0, 255, 0, 255});
}
END_TEST

/* 1 of 2 is 127.5, which Pillow rounds to the even number; grey of many levels gives its high byte, or the low one where that is all. */
START_TEST(pnm_levels) {
    expect_pixels(TEXT("P2 3 1 2 0 1 2"), 1, 3, 1, (const uint8_t[]){0, 128, 255});
    expect_pixels(TEXT("P5 2 1 65535\n\022\377\377\0"), 1, 2, 1, (const uint8_t[]){0x12, 0xff});
    expect_pixels(TEXT("P5 2 1 65535\n\0\377\0\022"), 3, 2, 1, (const uint8_t[]){0xff, 0xff, 0xff, 0x12, 0x12, 0x12});
    expect_pixels(TEXT("P2 2 1 1000 500 1000"), 1, 2, 1, (const uint8_t[]){0x80, 0xff});
    expect_pixels(TEXT("P3 1 1 1000 500 1000 0"), 3, 1, 1, (const uint8_t[]){128, 255, 0});
}
END_TEST

START_TEST(damaged_pnm_files) {
    expect_error(TEXT("P6 2 1 255\n\310\036\012\007\143"), "truncated PNM picture");
    expect_error(TEXT("P5 2"), "truncated PNM picture");
    expect_error(TEXT("P2 2 1 255 1"), "truncated PNM picture");
    expect_error(TEXT("P2 2 1 255 1 #  "), "truncated PNM picture");
    expect_error(TEXT("P1 3 2 11#111"), "truncated PNM picture");
    expect_error(TEXT("P1 3 2 101021"), "neither 0 nor 1");
    expect_error(TEXT("P2 2 1 255 1 256"), "no number from 0 to 255");
    expect_error(TEXT("P2 2 1 255 1 2x"), "no number from 0 to 255");
    expect_error(TEXT("P5 2 -1 255\n12"), "at byte 5 there is no number");
    expect_error(TEXT("P5 2 1 65536\n12"), "no number from 0 to 65535");
    expect_error(TEXT("P5 2 1 0\n12"), "its white is 0");
    expect_error(TEXT("P4 99999999999 1\n1"), "no number from 0 to 2147483647");
    expect_error(TEXT("P4 60000 60000\n1"), "60000 x 60000 pixels, more than 178956970");
    expect_error(TEXT("P6 3000 3000 255\n1"), "3000 x 3000 pixels, too many for 18 bytes");
    expect_error(TEXT("P5x is a text"), "neither JPEG, PNG, TIFF, WebP nor PNM");
}
END_TEST

/* ---- TIFF: a little-endian file of one directory and one strip ---- */

enum { SHORT = 3, LONG = 4, WIDTH = 256, HEIGHT = 257, BITS = 258, PHOTOMETRIC = 262, SAMPLES = 277, FORMAT = 339, MOST = 16, ENTRY = 12 };

typedef struct tiff_file {
    uint8_t bytes[1024];
    size_t n;
    size_t next; /* where the place of a second directory belongs */
} tiff_file;

static void put(uint8_t *to, uint32_t number, int bytes) {
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> 8 * i);
}

static void put_entry(uint8_t *to, uint32_t tag, uint32_t type, uint32_t value) {
    put(to, tag, 2);
    put(to + 2, type, 2);
    put(to + 4, 1, 4);
    put(to + 8, value, 4);
}

static tiff_file make_tiff(uint32_t width, uint32_t height, uint32_t bits, uint32_t samples, uint32_t photometric, const void *data,
                           size_t n) {
    const uint32_t entries[][3] = {{WIDTH, LONG, width},
                                   {HEIGHT, LONG, height},
                                   {BITS, SHORT, bits},
                                   {259, SHORT, 1},
                                   {PHOTOMETRIC, SHORT, photometric},
                                   {273, LONG, 8 + 2 + 10 * ENTRY + 4},
                                   {SAMPLES, SHORT, samples},
                                   {278, LONG, height},
                                   {279, LONG, (uint32_t)n},
                                   {FORMAT, SHORT, bits == 32 ? 3 : 1}};
    tiff_file f = {.bytes = "II*\0\10", .n = 8};
    put(f.bytes + f.n, 10, 2);
    f.n += 2;
    for (int i = 0; i < 10; i++, f.n += ENTRY)
        put_entry(f.bytes + f.n, entries[i][0], entries[i][1], entries[i][2]);
    f.next = f.n;
    f.n += 4;
    memcpy(f.bytes + f.n, data, n);
    f.n += n;
    return f;
}

START_TEST(tiff_in_colour_and_grey) {
    tiff_file f = make_tiff(2, 1, 8, 3, 2, (const uint8_t[]){200, 30, 10, 7, 99, 250}, 6);
    expect_pixels(f.bytes, f.n, 3, 2, 1, (const uint8_t[]){200, 30, 10, 7, 99, 250});
    expect_pixels(f.bytes, f.n, 1, 2, 1, (const uint8_t[]){79, 89});
    f = make_tiff(2, 1, 16, 1, 1, (const uint8_t[]){0xff, 0x12, 0, 0xff}, 4);
    expect_pixels(f.bytes, f.n, 1, 2, 1, (const uint8_t[]){0x12, 0xff});
    expect_pixels(f.bytes, f.n, 3, 2, 1, (const uint8_t[]){0x12, 0x12, 0x12, 0xff, 0xff, 0xff});
    f = make_tiff(2, 1, 8, 1, 0, (const uint8_t[]){0, 200}, 2);
    expect_pixels(f.bytes, f.n, 1, 2, 1, (const uint8_t[]){255, 55});
    f = make_tiff(4, 1, 2, 1, 1, (const uint8_t[]){0x1b}, 1);
    expect_pixels(f.bytes, f.n, 1, 4, 1, (const uint8_t[]){0, 85, 170, 255});
    f = make_tiff(3, 1, 32, 1, 1, (const float[]){-3, 1e9f, 77.9f}, 12);
    expect_pixels(f.bytes, f.n, 1, 3, 1, (const uint8_t[]){0, 255, 77});
}
END_TEST

START_TEST(other_tiff_files_are_named) {
    static const uint8_t zeros[64];
    tiff_file f = make_tiff(2, 1, 8, 6, 1, zeros, 12);
    expect_error(f.bytes, f.n, "a TIFF picture of 6 channels, in grey");
    f = make_tiff(2, 1, 8, 2, 2, zeros, 12);
    expect_error(f.bytes, f.n, "a TIFF picture of 2 channels, in RGB");
    f = make_tiff(2, 1, 8, 3, 8, zeros, 12);
    expect_error(f.bytes, f.n, "whose colours are of kind 8");
    f = make_tiff(2, 1, 12, 1, 1, zeros, 12);
    expect_error(f.bytes, f.n, "of 12-bit numbers");
    f = make_tiff(2, 1, 64, 1, 1, zeros, 16);
    expect_error(f.bytes, f.n, "of 64-bit numbers");
    f = make_tiff(2, 1, 8, 1, 1, zeros, 12);
    put(f.bytes + f.next, 8, 4);
    expect_error(f.bytes, f.n, "a TIFF file of several pages");
    f = make_tiff(60000, 60000, 8, 1, 1, zeros, 12);
    expect_error(f.bytes, f.n, "60000 x 60000 pixels, more than 178956970");
    f = make_tiff(13000, 13000, 8, 3, 2, zeros, 12);
    expect_error(f.bytes, f.n, "13000 x 13000 pixels, too many for a file of");
}
END_TEST

/* Cut anywhere, or with a byte of its directory changed: pixels or an error, and no byte beyond the file is read. */
START_TEST(damaged_tiff_files) {
    tiff_file f = make_tiff(4, 3, 8, 3, 2, (const uint8_t[36]){1, 2, 3}, 36);
    for (size_t n = 4; n < f.n; n++)
        expect_error(f.bytes, n, "TIFF picture cannot be decoded: ");
    image im = {0};
    for (size_t i = 4; i < f.n - 36; i++)
        for (int change = 1; change < 256; change *= 2) {
            uint8_t *exact = malloc(f.n);
            memcpy(exact, f.bytes, f.n);
            exact[i] ^= (uint8_t)change;
            err code = image_decode(&im, exact, f.n, 3);
            ck_assert(code == OK || code == ERR_DATA);
            free(exact);
        }
    image_reset(&im);
}
END_TEST

/* ---- WebP: two pixels without loss, as libwebp wrote them ---- */

static const uint8_t webp[] = {0x52, 0x49, 0x46, 0x46, 0x22, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50,
                               0x38, 0x4c, 0x16, 0x00, 0x00, 0x00, 0x2f, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x70, 0x8f,
                               0xa2, 0xff, 0x20, 0x5f, 0x01, 0x7e, 0xfe, 0x43, 0x0b, 0x15, 0x88, 0xe8, 0x7f, 0x00};

START_TEST(webp_files) {
    expect_pixels(webp, sizeof webp, 3, 2, 1, (const uint8_t[]){200, 30, 10, 7, 99, 250});
    expect_pixels(webp, sizeof webp, 1, 2, 1, (const uint8_t[]){79, 89});
    for (size_t n = 12; n < sizeof webp; n++)
        expect_error(webp, n, "WebP picture");
    expect_error(webp, sizeof webp - 2, "truncated WebP picture");
}
END_TEST

int main(void) {
    TCase *pnm = suite_case("formats");
    tcase_add_test(pnm, pnm_as_text_and_binary);
    tcase_add_test(pnm, pnm_levels);
    tcase_add_test(pnm, damaged_pnm_files);
    TCase *tiff = suite_case("TIFF");
    tcase_add_test(tiff, tiff_in_colour_and_grey);
    tcase_add_test(tiff, other_tiff_files_are_named);
    tcase_add_test(tiff, damaged_tiff_files);
    TCase *last = suite_case("WebP");
    tcase_add_test(last, webp_files);
    return suite_run();
}
