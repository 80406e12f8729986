/* Pictures: PNG files made here byte by byte, and JPEG files of known content, against what Pillow's convert() makes of such pictures. */
#define _GNU_SOURCE /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <turbojpeg.h>
#include <unistd.h>
#include <zlib.h>

#include "image/internal.h"
#include "suite.h"

/* ---- PNG files from the specification ---- */

typedef struct png_file {
    uint8_t bytes[4096];
    size_t n;
} png_file;

static void put_number(uint8_t *to, uint32_t number) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(number >> (24 - 8 * i));
}

static void put_chunk(png_file *f, const char *type, const void *data, size_t n) {
    uint8_t *start = f->bytes + f->n;
    put_number(start, (uint32_t)n);
    memcpy(start + 4, type, 4);
    if (n)
        memcpy(start + 8, data, n);
    put_number(start + 8 + n, (uint32_t)crc32(0, start + 4, (uInt)n + 4));
    f->n += n + 12;
}

static void begin_png(png_file *f, uint32_t width, uint32_t height, int depth, int color) {
    uint8_t header[13] = {0};
    put_number(header, width);
    put_number(header + 4, height);
    header[8] = (uint8_t)depth;
    header[9] = (uint8_t)color;
    memcpy(f->bytes, "\x89PNG\r\n\x1a\n", 8);
    f->n = 8;
    put_chunk(f, "IHDR", header, sizeof header);
}

/* `rows` with the filter byte before each. */
static void end_png(png_file *f, const void *rows, size_t n) {
    uint8_t packed[1024];
    uLongf n_packed = sizeof packed;
    ck_assert_int_eq(compress(packed, &n_packed, rows, n), Z_OK);
    put_chunk(f, "IDAT", packed, n_packed);
    put_chunk(f, "IEND", NULL, 0);
}

static void expect_pixels(const uint8_t *bytes, size_t n, int channels, int width, int height, const void *pixels) {
    image im = {0};
    ck_assert_msg(image_decode(&im, bytes, n, channels) == OK, "%s", err_last()->text);
    ck_assert_int_eq(im.width, width);
    ck_assert_int_eq(im.height, height);
    ck_assert_int_eq(im.channels, channels);
    ck_assert_mem_eq(im.pixels, pixels, (size_t)(width * height * channels));
    image_reset(&im);
}

static void expect_error(const uint8_t *bytes, size_t n, const char *words) {
    for (int channels = 1; channels <= 3; channels += 2) {
        image im = {0};
        ck_assert_int_eq(image_decode(&im, bytes, n, channels), ERR_DATA);
        ck_assert_msg(strstr(err_last()->text, words), "%s", err_last()->text);
        image_reset(&im);
    }
}

/* Pillow 9.4: L of (200, 30, 10) is 79, of (7, 99, 250) is 89. */
START_TEST(rgb_and_its_grey) {
    png_file f;
    begin_png(&f, 2, 1, 8, 2);
    end_png(&f, (const uint8_t[]){0, 200, 30, 10, 7, 99, 250}, 7);
    expect_pixels(f.bytes, f.n, 3, 2, 1, (const uint8_t[]){200, 30, 10, 7, 99, 250});
    expect_pixels(f.bytes, f.n, 1, 2, 1, (const uint8_t[]){79, 89});
}
END_TEST

START_TEST(alpha_is_dropped_not_blended) {
    png_file f;
    begin_png(&f, 2, 1, 8, 6);
    put_chunk(&f, "gAMA", (const uint8_t[]){0, 1, 0x86, 0xa0}, 4); /* gamma 1: ignored, as Pillow does */
    end_png(&f, (const uint8_t[]){0, 200, 30, 10, 0, 7, 99, 250, 128}, 9);
    expect_pixels(f.bytes, f.n, 3, 2, 1, (const uint8_t[]){200, 30, 10, 7, 99, 250});
    begin_png(&f, 2, 1, 8, 4);
    end_png(&f, (const uint8_t[]){0, 50, 0, 60, 255}, 5);
    expect_pixels(f.bytes, f.n, 3, 2, 1, (const uint8_t[]){50, 50, 50, 60, 60, 60});
    expect_pixels(f.bytes, f.n, 1, 2, 1, (const uint8_t[]){50, 60});
}
END_TEST

START_TEST(palette_with_transparency) {
    png_file f;
    begin_png(&f, 3, 1, 2, 3);
    put_chunk(&f, "PLTE", (const uint8_t[]){1, 2, 3, 40, 50, 60, 255, 0, 128}, 9);
    put_chunk(&f, "tRNS", (const uint8_t[]){0, 128, 255}, 3);
    end_png(&f, (const uint8_t[]){0, 0x18 /* 0 1 2 */}, 2);
    expect_pixels(f.bytes, f.n, 3, 3, 1, (const uint8_t[]){1, 2, 3, 40, 50, 60, 255, 0, 128});
}
END_TEST

START_TEST(grey_of_few_and_many_bits) {
    png_file f;
    begin_png(&f, 4, 1, 2, 0);
    end_png(&f, (const uint8_t[]){0, 0x1b /* 0 1 2 3 */}, 2);
    expect_pixels(f.bytes, f.n, 1, 4, 1, (const uint8_t[]){0, 85, 170, 255});
    begin_png(&f, 3, 1, 16, 0);
    end_png(&f, (const uint8_t[]){0, 0x12, 0xff, 0xff, 0xff, 0x00, 0xff}, 7); /* the high byte */
    expect_pixels(f.bytes, f.n, 1, 3, 1, (const uint8_t[]){0x12, 0xff, 0});
    expect_pixels(f.bytes, f.n, 3, 3, 1, (const uint8_t[]){0x12, 0x12, 0x12, 0xff, 0xff, 0xff, 0, 0, 0});
    begin_png(&f, 3, 1, 16, 0);
    end_png(&f, (const uint8_t[]){0, 0, 0xff, 0, 0x12, 0, 0}, 7); /* nothing in the high bytes */
    expect_pixels(f.bytes, f.n, 1, 3, 1, (const uint8_t[]){0xff, 0x12, 0});
    expect_pixels(f.bytes, f.n, 3, 3, 1, (const uint8_t[]){0xff, 0xff, 0xff, 0x12, 0x12, 0x12, 0, 0, 0});
    begin_png(&f, 1, 2, 16, 2);
    end_png(&f, (const uint8_t[]){0, 1, 255, 2, 255, 3, 255, 0, 4, 0, 5, 0, 6, 0}, 14);
    expect_pixels(f.bytes, f.n, 3, 1, 2, (const uint8_t[]){1, 2, 3, 4, 5, 6});
}
END_TEST

/* A sanitizer has most of the address space, and no use for a limit. */
static bool is_limit_of_use(void) {
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%zu", &pages), 1);
    fclose(f);
    return pages < (size_t)1 << 28;
}

START_TEST(png_without_memory_is_no_damage) {
    png_file f;
    begin_png(&f, 1000000, 1, 16, 6); /* a row of 8 MB */
    end_png(&f, "", 1);
    uint8_t *bytes = mem_new(1 << 14, 1); /* as long as such a row needs */
    memcpy(bytes, f.bytes, f.n);
    image im = {0};
    ck_assert_int_eq(image_decode(&im, bytes, 1 << 14, 3), ERR_DATA);
    if (is_limit_of_use()) {
        struct rlimit old;
        getrlimit(RLIMIT_AS, &old);
        setrlimit(RLIMIT_AS, &(struct rlimit){1 << 20, old.rlim_max});
        err code = image_decode(&im, bytes, 1 << 14, 3);
        setrlimit(RLIMIT_AS, &old);
        ck_assert_int_eq(code, ERR_BROKEN);
        ck_assert_str_eq(err_last()->text, "out of memory: PNG decoder");
    }
    image_reset(&im);
    mem_free(bytes);
}
END_TEST

START_TEST(damaged_png_files) {
    png_file f;
    begin_png(&f, 2, 1, 8, 2);
    end_png(&f, (const uint8_t[]){0, 200, 30, 10, 7, 99, 250}, 7);
    for (size_t n = 8; n < f.n; n++)
        if (n != f.n - 12)
            expect_error(f.bytes, n, "truncated");
    expect_pixels(f.bytes, f.n - 12, 3, 2, 1, (const uint8_t[]){200, 30, 10, 7, 99, 250}); /* only the end's chunk is missing */
    f.bytes[f.n - 20] ^= 1;                                                                /* within IDAT or its CRC */
    expect_error(f.bytes, f.n, "PNG picture");
    begin_png(&f, 60000, 60000, 8, 2);
    end_png(&f, "", 1);
    expect_error(f.bytes, f.n, "60000 x 60000 pixels");
    begin_png(&f, 0, 5, 8, 2);
    end_png(&f, "", 1);
    expect_error(f.bytes, f.n, "PNG picture");
}
END_TEST

/* Sizes that the file cannot hold, or only as a bomb, and texts that would be large: none of it is believed. */
START_TEST(bombs_are_refused) {
    png_file f;
    begin_png(&f, 13377, 13378, 1, 0); /* Pillow's limit, and a row more */
    end_png(&f, "", 1);
    expect_error(f.bytes, f.n, "13377 x 13378 pixels, more than 178956970");
    begin_png(&f, 60000, 2900, 1, 0);
    end_png(&f, "", 1);
    expect_error(f.bytes, f.n, "60000 x 2900 pixels, too many for a file of");
    begin_png(&f, 3000, 3000, 8, 2);
    end_png(&f, "", 1);
    expect_error(f.bytes, f.n, "truncated PNG picture: its header says 3000 x 3000 pixels, too many for");
    begin_png(&f, 1, INT32_MAX, 16, 6);
    end_png(&f, "", 1);
    expect_error(f.bytes, f.n, "more than 178956970");
    static uint8_t zeros[1 << 21], packed[4096] = "XML:com.adobe.xmp";
    uLongf n = sizeof packed - 19;
    ck_assert_int_eq(compress(packed + 19, &n, zeros, sizeof zeros), Z_OK);
    ck_assert_uint_lt(n, 3000);
    begin_png(&f, 2, 1, 8, 2);
    put_chunk(&f, "zTXt", packed, 19 + n);
    end_png(&f, (const uint8_t[]){0, 200, 30, 10, 7, 99, 250}, 7);
    expect_pixels(f.bytes, f.n, 3, 2, 1, (const uint8_t[]){200, 30, 10, 7, 99, 250});
}
END_TEST

/* ---- JPEG files ---- */

enum { WIDTH = 33, HEIGHT = 21 };

/* A JPEG file of a smooth picture; free with tjFree(). */
static uint8_t *make_jpeg(int format, int sampling, const uint8_t *pixels, unsigned long *n) {
    tjhandle encoder = tjInitCompress();
    uint8_t *bytes = NULL;
    *n = 0;
    ck_assert_int_eq(tjCompress2(encoder, pixels, WIDTH, 0, HEIGHT, format, &bytes, n, sampling, 97, 0), 0);
    tjDestroy(encoder);
    return bytes;
}

static void expect_near(const uint8_t *bytes, size_t n, int channels, const uint8_t *pixels, int bound) {
    image im = {0};
    ck_assert_msg(image_decode(&im, bytes, n, channels) == OK, "%s", err_last()->text);
    ck_assert(im.width == WIDTH && im.height == HEIGHT && im.channels == channels);
    for (int i = 0; i < WIDTH * HEIGHT * channels; i++)
        ck_assert_msg(abs(im.pixels[i] - pixels[i]) <= bound, "value %d: %d, not %d", i, im.pixels[i], pixels[i]);
    image_reset(&im);
}

START_TEST(jpeg_colour_and_grey) {
    static uint8_t rgb[HEIGHT][WIDTH][3], grey[HEIGHT][WIDTH], spread[HEIGHT][WIDTH][3];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            rgb[y][x][0] = (uint8_t)(7 * x), rgb[y][x][1] = (uint8_t)(200 - 5 * y), rgb[y][x][2] = (uint8_t)(2 * x + 3 * y);
            grey[y][x] = (uint8_t)(0.299 * rgb[y][x][0] + 0.587 * rgb[y][x][1] + 0.114 * rgb[y][x][2] + 0.5);
            memset(spread[y][x], grey[y][x], 3);
        }
    unsigned long n;
    uint8_t *bytes = make_jpeg(TJPF_RGB, TJSAMP_444, &rgb[0][0][0], &n);
    expect_near(bytes, n, 3, &rgb[0][0][0], 6);
    expect_near(bytes, n, 1, &grey[0][0], 6);
    for (unsigned long cut = 2; cut < n; cut += 13)
        expect_error(bytes, cut, "JPEG");
    expect_error(bytes, n / 2, "truncated");
    tjFree(bytes);
    bytes = make_jpeg(TJPF_GRAY, TJSAMP_GRAY, &grey[0][0], &n);
    expect_near(bytes, n, 1, &grey[0][0], 4);
    expect_near(bytes, n, 3, &spread[0][0][0], 4);
    tjFree(bytes);
}
END_TEST

/* CMYK is taken as Adobe's, inverted: cyan 255 means none. R = 255 - C, then times K. */
START_TEST(jpeg_cmyk) {
    static uint8_t cmyk[HEIGHT][WIDTH][4], rgb[HEIGHT][WIDTH][3];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            cmyk[y][x][0] = (uint8_t)(255 - 5 * x), cmyk[y][x][1] = (uint8_t)(100 + 5 * y), cmyk[y][x][2] = 200;
            cmyk[y][x][3] = (uint8_t)(255 - 3 * x);
            for (int c = 0; c < 3; c++)
                rgb[y][x][c] = (uint8_t)(cmyk[y][x][c] * cmyk[y][x][3] / 255.0 + 0.5);
        }
    unsigned long n;
    uint8_t *bytes = make_jpeg(TJPF_CMYK, TJSAMP_444, &cmyk[0][0][0], &n);
    expect_near(bytes, n, 3, &rgb[0][0][0], 6);
    tjFree(bytes);
}
END_TEST

/* A picture with its header's size written over, and one that asks for its last scan again and again. */
START_TEST(jpeg_bombs_are_refused) {
    static uint8_t grey[HEIGHT][WIDTH];
    unsigned long n;
    uint8_t *bytes = make_jpeg(TJPF_GRAY, TJSAMP_GRAY, &grey[0][0], &n), *frame = bytes;
    while (frame[0] != 0xff || frame[1] != 0xc0)
        frame++;
    memset(frame + 5, 0xff, 4);
    expect_error(bytes, n, "");
    memcpy(frame + 5, (uint8_t[]){0x23, 0x28, 0x23, 0x28}, 4); /* 9000 x 9000 */
    expect_error(bytes, n, "9000 x 9000 pixels, too many for");
    tjFree(bytes);
    tjhandle encoder = tjInitCompress();
    bytes = NULL;
    n = 0;
    ck_assert_int_eq(tjCompress2(encoder, &grey[0][0], WIDTH, 0, HEIGHT, TJPF_GRAY, &bytes, &n, TJSAMP_GRAY, 97, TJFLAG_PROGRESSIVE), 0);
    tjDestroy(encoder);
    size_t last = n - 2;
    while (bytes[last] != 0xff || bytes[last + 1] != 0xda)
        last--;
    size_t scan = n - 2 - last;
    uint8_t *bomb = malloc(n + 200 * scan);
    memcpy(bomb, bytes, n - 2);
    for (int i = 0; i < 200; i++)
        memcpy(bomb + n - 2 + (size_t)i * scan, bytes + last, scan);
    memcpy(bomb + n - 2 + 200 * scan, "\xff\xd9", 2);
    expect_error(bomb, n + 200 * scan, "more than 100 scans");
    tjFree(bytes);
    free(bomb);
}
END_TEST

START_TEST(other_files_are_named) {
    expect_error((const uint8_t *)"", 0, "empty");
    expect_error((const uint8_t *)"<html></html>\n", 14, "neither JPEG, PNG, TIFF, WebP nor PNM");
    expect_error((const uint8_t *)"GIF89a------", 12, "GIF");
    expect_error((const uint8_t *)"RIFF....WEBPVP8 ", 16, "WebP");
    byte_buffer file = {0};
    ck_assert_int_eq(byte_buffer_read(&file, "/tmp/shoal no such picture.png"), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "/tmp/shoal no such picture.png: no such file"));
    ck_assert_int_eq(byte_buffer_read(&file, "/tmp"), ERR_IO);
    byte_buffer_reset(&file);
}
END_TEST

/* ---- EXIF ---- */

/* A TIFF header and a directory of two entries, the second the orientation. */
enum { EXIF_SIZE = 8 + 2 + 2 * 12 };

static void put(uint8_t *to, uint32_t number, int bytes, bool big_endian) {
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> 8 * (big_endian ? bytes - 1 - i : i));
}

static void make_exif(uint8_t block[EXIF_SIZE], bool big, uint32_t type, int width, uint32_t value) {
    memset(block, 0, EXIF_SIZE);
    memcpy(block, big ? "MM\0*" : "II*\0", 4);
    put(block + 4, 8, 4, big);
    put(block + 8, 2, 2, big);
    put(block + 10, 0x010f, 2, big);
    put(block + 12, 2, 2, big);
    put(block + 22, 0x0112, 2, big);
    put(block + 24, type, 2, big);
    put(block + 26, 1, 4, big);
    put(block + 30, value, width, big);
}

START_TEST(exif_tells_the_orientation) {
    static const int types[][2] = {{3, 2}, {4, 4}, {6, 1}, {9, 4}};
    uint8_t block[EXIF_SIZE];
    for (int big = 0; big < 2; big++)
        for (int k = 0; k < 4; k++)
            for (uint32_t value = 0; value < 12; value++) {
                make_exif(block, big, (uint32_t)types[k][0], types[k][1], value);
                ck_assert_int_eq(exif_orientation(block, sizeof block), value >= 1 && value <= 8 ? (int)value : 1);
            }
    make_exif(block, true, 2, 2, 6); /* text is no orientation */
    ck_assert_int_eq(exif_orientation(block, sizeof block), 1);
    make_exif(block, true, 3, 2, 6);
    block[23] = 0x13; /* another tag */
    ck_assert_int_eq(exif_orientation(block, sizeof block), 0);
}
END_TEST

/* Cut anywhere, with a directory anywhere: a number, and no byte beyond the block is read (AddressSanitizer would tell). */
START_TEST(damaged_exif_does_no_harm) {
    for (size_t size = 0; size <= EXIF_SIZE; size++) {
        uint8_t block[EXIF_SIZE], *cut = malloc(size ? size : 1);
        make_exif(block, false, 3, 2, 6);
        memcpy(cut, block, size);
        int orientation = exif_orientation(cut, size);
        ck_assert_int_eq(orientation, size == EXIF_SIZE ? 6 : 0);
        for (size_t i = 4; i + 4 <= size && i < 10; i++) {
            memset(cut + 4, 0xff, i - 4);
            orientation = exif_orientation(cut, size);
            ck_assert(orientation >= 0 && orientation <= 8);
        }
        free(cut);
    }
}
END_TEST

/* Pixels 1 2 3 / 4 5 6, shown as each orientation says (EXIF 2.3, figure of the tag). */
START_TEST(orientations_turn_pictures) {
    static const uint8_t shown[9][6] = {{0},
                                        {1, 2, 3, 4, 5, 6},
                                        {3, 2, 1, 6, 5, 4},
                                        {6, 5, 4, 3, 2, 1},
                                        {4, 5, 6, 1, 2, 3},
                                        {1, 4, 2, 5, 3, 6},
                                        {4, 1, 5, 2, 6, 3},
                                        {6, 3, 5, 2, 4, 1},
                                        {3, 6, 2, 5, 1, 4}};
    for (int orientation = 1; orientation <= 8; orientation++) {
        image im = {0};
        image_resize_buffer(&im, 3, 2, 1);
        memcpy(im.pixels, shown[1], 6);
        image_turn(&im, orientation);
        ck_assert(im.width == (orientation < 5 ? 3 : 2) && im.height == (orientation < 5 ? 2 : 3));
        ck_assert_mem_eq(im.pixels, shown[orientation], 6);
        image_reset(&im);
    }
}
END_TEST

START_TEST(what_is_written_is_read) {
    char folder[] = "/tmp/shoal-image-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a b.png", folder);
    for (int channels = 1; channels <= 3; channels += 2) {
        image im = {0}, back = {0};
        image_resize_buffer(&im, 5, 7, channels);
        for (int i = 0; i < 35 * channels; i++)
            im.pixels[i] = (uint8_t)(i * 37);
        ck_assert_int_eq(image_write_png(&im, path), OK);
        byte_buffer file = {0};
        ck_assert_int_eq(byte_buffer_read(&file, path), OK);
        ck_assert_int_eq(image_decode(&back, file.bytes, file.size, channels), OK);
        byte_buffer_reset(&file);
        ck_assert(back.width == 5 && back.height == 7);
        ck_assert_mem_eq(im.pixels, back.pixels, (size_t)(35 * channels));
        image_reset(&im);
        image_reset(&back);
    }
    unlink(path);
    rmdir(folder);
}
END_TEST

int main(void) {
    TCase *cases = suite_case("image");
    tcase_add_test(cases, rgb_and_its_grey);
    tcase_add_test(cases, alpha_is_dropped_not_blended);
    tcase_add_test(cases, palette_with_transparency);
    tcase_add_test(cases, grey_of_few_and_many_bits);
    tcase_add_test(cases, png_without_memory_is_no_damage);
    tcase_add_test(cases, damaged_png_files);
    tcase_add_test(cases, bombs_are_refused);
    tcase_add_test(cases, jpeg_colour_and_grey);
    tcase_add_test(cases, jpeg_cmyk);
    tcase_add_test(cases, jpeg_bombs_are_refused);
    tcase_add_test(cases, other_files_are_named);
    tcase_add_test(cases, exif_tells_the_orientation);
    tcase_add_test(cases, damaged_exif_does_no_harm);
    tcase_add_test(cases, orientations_turn_pictures);
    tcase_add_test(cases, what_is_written_is_read);
    return suite_run();
}
