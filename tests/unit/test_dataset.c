/* Data sets: what was written is what is read, from one file and from several, and each kind of damage is named. */
#define _GNU_SOURCE /* mkdtemp, truncate */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/data.h"
#include "h5/h5.h"
#include "suite.h"

enum { COUNT = 20, HEIGHT = 3, WIDTH = 5, CLASSES = 4 };

/* What a file is to hold; a test changes a field and sees what comes of it. */
typedef struct recipe {
    const char *format, *task;
    int32_t version, bad_label; /* of picture 7, where not 0 */
    int count, labels, crcs, channels, statistics, classes, first;
    bool encoded, no_mean, no_labels, no_images, flat; /* flat: [N, H, W] */
} recipe;

static const recipe whole = {.format = "shoal-dataset",
                             .task = "classification",
                             .version = 1,
                             .count = COUNT,
                             .labels = COUNT,
                             .crcs = COUNT,
                             .channels = 3,
                             .statistics = 3,
                             .classes = CLASSES};

static char folder[64], path[96];

static uint8_t pixel(int64_t picture, int k) {
    return (uint8_t)(picture * 31 + k * 7);
}

static int32_t label_of(int64_t picture) {
    return (int32_t)(picture * 3 % CLASSES);
}

static void must(err code) {
    ck_assert_msg(code == OK, "%s", err_last()->text);
}

/* A picture as it is stored: its pixels, or a PNG file of them. */
static size_t make_record(const recipe *r, int64_t picture, uint8_t *to, size_t room) {
    size_t n = (size_t)(HEIGHT * WIDTH * r->channels);
    image im = {0};
    image_resize_buffer(&im, WIDTH, HEIGHT, r->channels);
    for (size_t k = 0; k < n; k++)
        im.pixels[k] = pixel(picture, (int)k);
    if (r->encoded) {
        char name[128];
        snprintf(name, sizeof name, "%s/picture.png", folder);
        must(image_write_png(&im, name));
        FILE *file = fopen(name, "rb");
        n = fread(to, 1, room, file);
        fclose(file);
        unlink(name);
    } else {
        memcpy(to, im.pixels, n);
    }
    image_reset(&im);
    return n;
}

static void write_pictures(h5_file *f, const recipe *r, const uint8_t *bytes, const uint64_t *offsets) {
    uint64_t count = (uint64_t)r->count, ends = count + 1;
    uint64_t size[4] = {count, HEIGHT, WIDTH, (uint64_t)r->channels};
    if (r->encoded) {
        must(h5_write(f, "encoded/bytes", H5_U8, 1, &offsets[count], bytes));
        must(h5_write(f, "encoded/offsets", H5_U64, 1, &ends, offsets));
    } else if (!r->no_images) {
        must(h5_write(f, "images", H5_U8, r->flat ? 3 : 4, size, bytes));
    }
}

static void write_set(const char *name, recipe r) {
    static uint8_t bytes[COUNT * 4096];
    uint64_t offsets[COUNT + 1] = {0};
    int32_t labels[COUNT];
    uint32_t crcs[COUNT];
    const float mean[3] = {0.25f, 0.5f, 0.75f}, std[3] = {0.125f, 0.25f, 0.5f};
    for (int i = 0; i < r.count; i++) {
        size_t n = make_record(&r, r.first + i, bytes + offsets[i], 4096);
        offsets[i + 1] = offsets[i] + n;
        labels[i] = i == 7 && r.bad_label ? r.bad_label : label_of(r.first + i);
        crcs[i] = (uint32_t)crc32(0, bytes + offsets[i], (uInt)n);
    }
    h5_file *f;
    must(h5_create(&f, name));
    if (r.format)
        must(h5_write_attribute_text(f, "/", "format", r.format));
    must(h5_write_attribute_text(f, "/", "task", r.task));
    must(h5_write_attribute(f, "/", "version", H5_I32, 0, &r.version));
    if (!r.no_mean)
        must(h5_write_attribute(f, "/", "mean", H5_F32, (uint64_t)r.statistics, mean));
    must(h5_write_attribute(f, "/", "std", H5_F32, (uint64_t)r.statistics, std));
    write_pictures(f, &r, bytes, offsets);
    if (!r.no_labels)
        must(h5_write(f, "labels", H5_I32, 1, &(uint64_t){(uint64_t)r.labels}, labels));
    must(h5_write(f, "crc32", H5_U32, 1, &(uint64_t){(uint64_t)r.crcs}, crcs));
    must(h5_write_strings(f, "classes", (char *[]){"ant", "bee", "cat", "dog"}, (uint64_t)r.classes));
    must(h5_finish(f));
}

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/shoal-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/set.h5", folder);
}

static void tear_down(void) {
    char *command = text_format("rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    mem_free(command);
}

static void check_samples(const dataset *d, int64_t first, int64_t count, int channels) {
    image im = {0};
    byte_buffer buffer = {0};
    for (int64_t id = 0; id < count; id++) {
        int32_t label;
        must(dataset_label(d, id, &label));
        ck_assert_int_eq(label, label_of(first + id));
        must(dataset_image(d, id, &im, &buffer));
        ck_assert(im.width == WIDTH && im.height == HEIGHT && im.channels == channels);
        for (int k = 0; k < HEIGHT * WIDTH * channels; k++)
            ck_assert_uint_eq(im.pixels[k], pixel(first + id, k));
    }
    image_reset(&im);
    byte_buffer_reset(&buffer);
}

static void check_set(recipe r) {
    dataset *d;
    write_set(path, r);
    must(dataset_open(&d, path));
    ck_assert_int_eq(dataset_count(d), r.count);
    ck_assert_int_eq(dataset_n_classes(d), CLASSES);
    ck_assert_str_eq(dataset_class(d, 2), "cat");
    ck_assert_int_eq(dataset_channels(d), r.channels);
    ck_assert(dataset_is_encoded(d) == r.encoded);
    ck_assert(dataset_mean(d)[0] == 0.25f && dataset_std(d)[0] == 0.125f);
    shape s = r.encoded ? (shape){0, 0, r.channels} : (shape){HEIGHT, WIDTH, r.channels};
    ck_assert(shape_equal(dataset_image_shape(d), s));
    check_samples(d, 0, r.count, r.channels);
    dataset_close(d);
}

START_TEST(pixels_and_files_are_read) {
    check_set(whole);
    recipe r = whole;
    r.encoded = true;
    check_set(r);
    r.channels = r.statistics = 1;
    check_set(r);
    r.encoded = false;
    check_set(r);
    r.flat = true;
    check_set(r);
}
END_TEST

START_TEST(several_files_are_one_set) {
    uint64_t apart, together;
    dataset *d;
    for (int i = 0; i < 3; i++) {
        char name[128];
        recipe r = whole;
        r.first = i == 0 ? 0 : i == 1 ? 6 : 13;
        r.count = r.labels = r.crcs = i == 0 ? 6 : 7;
        snprintf(name, sizeof name, "%s/part-%d.h5", folder, i);
        write_set(name, r);
    }
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%s/part-*.h5", folder);
    must(dataset_open(&d, pattern));
    ck_assert_int_eq(dataset_count(d), COUNT);
    ck_assert(dataset_mean(d)[2] == 0.75f && dataset_std(d)[2] == 0.5f);
    check_samples(d, 0, COUNT, 3);
    must(dataset_fingerprint(d, &apart));
    dataset_close(d);
    write_set(path, whole);
    must(dataset_open(&d, path));
    must(dataset_fingerprint(d, &together));
    ck_assert_uint_eq(apart, together);
    dataset_close(d);
}
END_TEST

START_TEST(the_fingerprint_tells_sets_apart) {
    uint64_t one, other;
    dataset *d;
    recipe r = whole;
    for (int i = 0; i < 2; i++) {
        write_set(path, r);
        must(dataset_open(&d, path));
        must(dataset_fingerprint(d, i ? &other : &one));
        dataset_close(d);
        r.bad_label = 2; /* a good one, but not label_of(7) */
    }
    ck_assert_uint_ne(one, other);
}
END_TEST

START_TEST(files_that_do_not_fit_together) {
    char name[128], pattern[128];
    snprintf(name, sizeof name, "%s/zet.h5", folder);
    snprintf(pattern, sizeof pattern, "%s/*et.h5", folder);
    recipe others[] = {whole, whole, whole};
    others[0].classes = 3;
    others[0].count = others[0].labels = others[0].crcs = 1;
    others[1].encoded = true;
    others[2].channels = others[2].statistics = 1;
    for (int i = 0; i < 3; i++) {
        dataset *d;
        write_set(path, whole);
        write_set(name, others[i]);
        ck_assert_int_eq(dataset_open(&d, pattern), ERR_DATA);
        ck_assert_ptr_null(d);
        ck_assert_msg(strstr(err_last()->text, name) && strstr(err_last()->text, path), "%s", err_last()->text);
    }
}
END_TEST

static void expect_refused(err wanted, const char *words) {
    dataset *d;
    ck_assert_int_eq(dataset_open(&d, path), wanted);
    ck_assert_ptr_null(d);
    ck_assert_msg(strstr(err_last()->text, path) && strstr(err_last()->text, words), "%s", err_last()->text);
}

static void expect_recipe_refused(recipe r, const char *words) {
    write_set(path, r);
    expect_refused(ERR_DATA, words);
}

#define WITH(field, value, words)                                                                                                          \
    do {                                                                                                                                   \
        recipe changed = whole;                                                                                                            \
        changed.field = value;                                                                                                             \
        expect_recipe_refused(changed, words);                                                                                             \
    } while (0)

START_TEST(what_is_no_data_set_is_refused) {
    expect_refused(ERR_IO, "no such file");
    WITH(format, NULL, "format");
    WITH(format, "shoal-checkpoint", "shoal-checkpoint");
    WITH(version, 2, "version is 2");
    WITH(task, "knitting", "knitting");
    WITH(bad_label, CLASSES, "label 4 of picture 7 is not in 0…3");
    WITH(bad_label, -1, "label -1 of picture 7");
    WITH(labels, COUNT - 1, "labels has 19 entries, not 20");
    WITH(crcs, COUNT - 2, "crc32 has 18 entries");
    WITH(no_labels, true, "labels");
    WITH(no_images, true, "images");
    WITH(no_mean, true, "mean");
    WITH(statistics, 2, "mean has 2 numbers");
    WITH(statistics, 1, "mean has 1 numbers");
    WITH(channels, 2, "2 channels");
}
END_TEST

START_TEST(a_pattern_without_matches_is_named) {
    dataset *d;
    snprintf(path, sizeof path, "%s/train-*.h5", folder);
    ck_assert_int_eq(dataset_open(&d, path), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "train-*.h5: no such file"));
}
END_TEST

/* Where the seal begins. */
static off_t end_of_hdf5(int fd) {
    uint64_t end;
    ck_assert_int_eq(pread(fd, &end, sizeof end, lseek(fd, 0, SEEK_END) - 32), sizeof end);
    return (off_t)end;
}

/* Byte `at` of picture `id` of the set. */
static void spoil(const char *object, int64_t at) {
    h5_file *f;
    h5_info info;
    must(h5_open(&f, path));
    must(h5_get_info(f, object, &info));
    h5_close(f);
    int fd = open(path, O_RDWR);
    uint8_t byte;
    ck_assert_int_eq(pread(fd, &byte, 1, info.offset + at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, info.offset + at), 1);
    ck_assert_int_eq(ftruncate(fd, end_of_hdf5(fd)), 0); /* as another program leaves it */
    close(fd);
}

static void expect_bad_picture(int64_t bad, const char *words) {
    dataset *d;
    image im = {0};
    byte_buffer buffer = {0};
    must(dataset_open(&d, path));
    for (int64_t id = 0; id < COUNT; id++) {
        err code = dataset_image(d, id, &im, &buffer);
        ck_assert_int_eq(code, id == bad ? ERR_DATA : OK);
        if (id == bad)
            ck_assert_msg(strstr(err_last()->text, path) && strstr(err_last()->text, words), "%s", err_last()->text);
    }
    image_reset(&im);
    byte_buffer_reset(&buffer);
    dataset_close(d);
}

START_TEST(a_changed_bit_is_found) {
    write_set(path, whole);
    spoil("images", 13 * HEIGHT * WIDTH * 3 + 4);
    expect_bad_picture(13, "picture 13: CRC mismatch (stored ");
    write_set(path, whole);
    spoil("crc32", 4 * 5);
    expect_bad_picture(5, "picture 5: CRC mismatch");
    recipe r = whole;
    r.encoded = true;
    write_set(path, r);
    spoil("encoded/bytes", 3);
    expect_bad_picture(0, "picture 0: CRC mismatch");
}
END_TEST

START_TEST(offsets_outside_are_found) {
    recipe r = whole;
    r.encoded = true;
    write_set(path, r);
    spoil("encoded/offsets", 8 * COUNT + 4); /* far behind the end */
    expect_bad_picture(COUNT - 1, "picture 19: offsets");
}
END_TEST

START_TEST(a_file_cut_off_is_found) {
    write_set(path, whole);
    int fd = open(path, O_RDONLY);
    long size = end_of_hdf5(fd);
    close(fd);
    for (long cut = size - 1; cut > 100; cut -= 211) {
        ck_assert_int_eq(truncate(path, cut), 0);
        expect_refused(ERR_DATA, "truncated");
    }
}
END_TEST

static void *read_all(void *d) {
    image im = {0};
    byte_buffer buffer = {0};
    for (int64_t i = 0; i < 50 * COUNT; i++)
        if (dataset_image(d, i * 7 % COUNT, &im, &buffer) != OK || im.pixels[4] != pixel(i * 7 % COUNT, 4))
            return d;
    image_reset(&im);
    byte_buffer_reset(&buffer);
    return NULL;
}

START_TEST(threads_may_read_together) {
    recipe r = whole;
    r.encoded = true;
    write_set(path, r);
    dataset *d;
    must(dataset_open(&d, path));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, d), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    dataset_close(d);
}
END_TEST

int main(void) {
    TCase *cases = suite_case("dataset");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, pixels_and_files_are_read);
    tcase_add_test(cases, several_files_are_one_set);
    tcase_add_test(cases, the_fingerprint_tells_sets_apart);
    tcase_add_test(cases, files_that_do_not_fit_together);
    tcase_add_test(cases, what_is_no_data_set_is_refused);
    tcase_add_test(cases, a_pattern_without_matches_is_named);
    tcase_add_test(cases, a_changed_bit_is_found);
    tcase_add_test(cases, offsets_outside_are_found);
    tcase_add_test(cases, a_file_cut_off_is_found);
    tcase_add_test(cases, threads_may_read_together);
    return suite_run();
}
