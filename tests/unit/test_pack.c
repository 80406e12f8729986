/* Making data sets: sources made here, read back through dataset_open(); bad sources; what is left behind after an error. */
#define _GNU_SOURCE /* mkdtemp */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/data.h"
#include "pack/internal.h"
#include "suite.h"

static char folder[64], source[96], out[160];

static void must(err code) {
    ck_assert_msg(code == OK, "%s", err_last()->text);
}

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/shoal-pack-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/source", folder);
    snprintf(out, sizeof out, "%s/deep/out", folder);
    mkdir(source, 0777);
}

static void tear_down(void) {
    char *command = text_format("rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    mem_free(command);
}

static const pack_kind *kind(const char *name) {
    for (int i = 0; i < n_pack_kinds; i++)
        if (strcmp(pack_kinds[i].name, name) == 0)
            return &pack_kinds[i];
    ck_abort_msg("no kind %s", name);
}

static err pack(const char *name, bool strict, double val_share, uint64_t seed) {
    return kind(name)->pack(&(pack_options){.source = source, .out = out, .strict = strict, .lenient = !strict, .val_share = val_share, .seed = seed});
}

static void write_bytes(const char *name, const void *bytes, size_t n) {
    char *path = text_format("%s/%s", source, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    fclose(file);
    mem_free(path);
}

static dataset *open_set(const char *name) {
    char *path = text_format("%s/%s", out, name);
    dataset *d;
    must(dataset_open(&d, path));
    mem_free(path);
    return d;
}

static int64_t count_of(const char *name) {
    dataset *d = open_set(name);
    int64_t count = dataset_count(d);
    dataset_close(d);
    return count;
}

static void expect_refused(const char *name, err wanted, const char *words) {
    ck_assert_int_eq(pack(name, true, 0.1, 1), wanted);
    ck_assert_msg(strstr(err_last()->text, source) && strstr(err_last()->text, words), "%s", err_last()->text);
    char *anything = text_format("%s/*", out), *hidden = text_format("%s/.[!.]*", out);
    glob_t found;
    ck_assert_int_eq(glob(anything, 0, NULL, &found), GLOB_NOMATCH);
    ck_assert_int_eq(glob(hidden, 0, NULL, &found), GLOB_NOMATCH);
    mem_free(anything);
    mem_free(hidden);
}

/* ---- IDX ---- */

enum { N_TRAIN = 7, N_VAL = 3, SIDE = 4, CELLS = SIDE * SIDE };

static uint8_t idx_images[2][16 + N_TRAIN * CELLS], idx_labels[2][8 + N_TRAIN];

static void write_mnist(void) {
    static const char *const names[2][2] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                                            {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}};
    for (int s = 0; s < 2; s++) {
        int count = s ? N_VAL : N_TRAIN;
        memcpy(idx_images[s], (uint8_t[]){0, 0, 8, 3, 0, 0, 0, (uint8_t)count, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16);
        memcpy(idx_labels[s], (uint8_t[]){0, 0, 8, 1, 0, 0, 0, (uint8_t)count}, 8);
        for (int i = 0; i < count * CELLS; i++)
            idx_images[s][16 + i] = (uint8_t)(i * 5 + s);
        for (int i = 0; i < count; i++)
            idx_labels[s][8 + i] = (uint8_t)(9 - i);
        write_bytes(names[s][0], idx_images[s], (size_t)(16 + count * CELLS));
        write_bytes(names[s][1], idx_labels[s], (size_t)(8 + count));
    }
}

static void check_mnist(const char *name, int s, int count) {
    dataset *d = open_set(name);
    image im = {0};
    byte_buffer buffer = {0};
    ck_assert_int_eq(dataset_count(d), count);
    ck_assert(shape_equal(dataset_image_shape(d), (shape){SIDE, SIDE, 1}));
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++) {
        int32_t label;
        must(dataset_label(d, i, &label));
        ck_assert_int_eq(label, 9 - i);
        must(dataset_image(d, i, &im, &buffer));
        ck_assert_mem_eq(im.pixels, idx_images[s] + 16 + i * CELLS, CELLS);
        for (int k = 0; k < CELLS; k++)
            sum += im.pixels[k] / 255.0, squares += im.pixels[k] / 255.0 * (im.pixels[k] / 255.0);
    }
    double mean = sum / (count * CELLS), std = sqrt(squares / (count * CELLS) - mean * mean);
    ck_assert(fabs(dataset_mean(d)[0] - mean) < 1e-7 && fabs(dataset_std(d)[0] - std) < 1e-7);
    byte_buffer_reset(&buffer);
    image_reset(&im);
    dataset_close(d);
}

START_TEST(mnist_plain_and_packed) {
    write_mnist();
    must(pack("mnist", false, 0, 1));
    check_mnist("train.h5", 0, N_TRAIN);
    check_mnist("val.h5", 1, N_VAL);
    char *command = text_format("gzip %s/*", source);
    ck_assert_int_eq(system(command), 0);
    mem_free(command);
    write_bytes("classes.txt", "a\nb b\nc\nd\ne\r\nf\ng\nh\ni\n\nj\n", 23);
    must(pack("mnist", false, 0, 1));
    check_mnist("train.h5", 0, N_TRAIN);
    dataset *d = open_set("val.h5");
    ck_assert_str_eq(dataset_class(d, 1), "b b");
    ck_assert_str_eq(dataset_class(d, 4), "e");
    ck_assert_str_eq(dataset_class(d, 9), "j");
    dataset_close(d);
}
END_TEST

START_TEST(bad_mnist) {
    expect_refused("mnist", ERR_IO, "train-images-idx3-ubyte: no such file");
    write_mnist();
    write_bytes("t10k-labels-idx1-ubyte", idx_labels[1], 8 + N_VAL - 1);
    expect_refused("mnist", ERR_DATA, "t10k-labels-idx1-ubyte: truncated");
    write_mnist();
    write_bytes("train-images-idx3-ubyte", idx_images[0], 16 + N_TRAIN * CELLS - 1);
    expect_refused("mnist", ERR_DATA, "train-images-idx3-ubyte: truncated");
    write_bytes("train-images-idx3-ubyte", "PK\3\4 something else", 20);
    expect_refused("mnist", ERR_DATA, "train-images-idx3-ubyte: not an IDX file");
    write_mnist();
    idx_labels[0][8 + 5] = 10;
    write_bytes("train-labels-idx1-ubyte", idx_labels[0], 8 + N_TRAIN);
    expect_refused("mnist", ERR_DATA, "label 10 of picture 5 is not in 0…9");
    write_mnist();
    write_bytes("train-labels-idx1-ubyte", idx_labels[1], 8 + N_VAL);
    expect_refused("mnist", ERR_DATA, "3 labels for 7 pictures");
    snprintf(source, sizeof source, "%s/nowhere", folder);
    expect_refused("mnist", ERR_IO, "no such folder");
}
END_TEST

/* ---- CIFAR ---- */

enum { RECORD = 3073 };

static void write_cifar(const char *name, int count, int seed, int label_bytes) {
    static uint8_t bytes[4 * (RECORD + 1)];
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        if (label_bytes == 2)
            bytes[n++] = 77; /* the coarse one */
        bytes[n++] = (uint8_t)(seed + i);
        for (int k = 0; k < RECORD - 1; k++)
            bytes[n++] = (uint8_t)(k / 1024 * 80 + k % 1024 + i + seed);
    }
    write_bytes(name, bytes, n);
}

static void check_cifar(const char *name, const int *seeds, int count) {
    dataset *d = open_set(name);
    image im = {0};
    byte_buffer buffer = {0};
    ck_assert_int_eq(dataset_count(d), count);
    for (int i = 0; i < count; i++) {
        int32_t label;
        must(dataset_label(d, i, &label));
        ck_assert_int_eq(label, seeds[i]);
        must(dataset_image(d, i, &im, &buffer));
        for (int k = 0; k < 1024; k++)
            for (int c = 0; c < 3; c++)
                ck_assert_uint_eq(im.pixels[3 * k + c], (uint8_t)(c * 80 + k + seeds[i]));
    }
    image_reset(&im);
    byte_buffer_reset(&buffer);
    dataset_close(d);
}

START_TEST(cifar_files_in_name_order) {
    write_cifar("data_batch_5.bin", 1, 6, 1);
    write_cifar("data_batch_2.bin", 3, 1, 1);
    write_cifar("test_batch.bin", 2, 8, 1);
    must(pack("cifar10", false, 0, 1));
    check_cifar("train.h5", (const int[]){1, 2, 3, 6}, 4);
    check_cifar("val.h5", (const int[]){8, 9}, 2);
    dataset *d = open_set("val.h5");
    ck_assert_str_eq(dataset_class(d, 3), "cat");
    dataset_close(d);
}
END_TEST

START_TEST(cifar100_fine_labels_below_the_folder) {
    char *below = text_format("%s/cifar-100-binary", source);
    mkdir(below, 0777);
    mem_free(below);
    write_cifar("cifar-100-binary/train.bin", 3, 40, 2);
    write_cifar("cifar-100-binary/test.bin", 1, 99, 2);
    must(pack("cifar100", false, 0, 1));
    check_cifar("train.h5", (const int[]){40, 41, 42}, 3);
    check_cifar("val.h5", (const int[]){99}, 1);
    write_cifar("cifar-100-binary/test.bin", 2, 99, 2);
    ck_assert_int_eq(pack("cifar100", false, 0, 1), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "test.bin: label 100 of picture 1"));
}
END_TEST

START_TEST(bad_cifar) {
    expect_refused("cifar10", ERR_DATA, "neither data_batch_*.bin nor test_batch.bin");
    static const uint8_t zeros[RECORD - 1];
    write_bytes("test_batch.bin", zeros, sizeof zeros);
    expect_refused("cifar10", ERR_DATA, "test_batch.bin: truncated");
    write_cifar("test_batch.bin", 4, 8, 1);
    expect_refused("cifar10", ERR_DATA, "test_batch.bin: label 10 of picture 2 is not in 0…9");
    write_bytes("batches.meta.txt", "one\ntwo\n", 8);
    expect_refused("cifar10", ERR_DATA, "batches.meta.txt: 2 class names, not 10");
}
END_TEST

/* ---- folders ---- */

static void make_folder(const char *name) {
    char *path = text_format("%s/%s", source, name);
    mkdir(path, 0777);
    mem_free(path);
}

/* A grey picture of one colour, so that it is known again. */
static void write_picture(const char *name, int color) {
    char *path = text_format("%s/%s", source, name);
    image im = {0};
    image_resize_buffer(&im, 3 + color % 4, 2, 1);
    memset(im.pixels, color, (size_t)(im.width * im.height));
    must(image_write_png(&im, path));
    image_reset(&im);
    mem_free(path);
}

static void write_classes(const char *root, int count) {
    static const char *const names[] = {"eel", "Cod"};
    make_folder(root);
    for (int c = 0; c < 2; c++) {
        char *class = text_format("%s/%s", root, names[c]);
        make_folder(class);
        for (int i = 0; i < count; i++) {
            char *name = text_format("%s/%d.%s", class, i, i % 2 ? "PNG" : "jpg"); /* the name does not matter */
            write_picture(name, 100 * c + i);
            mem_free(name);
        }
        mem_free(class);
    }
}

/* How often each colour is in a set; checks labels on the way. */
static void count_colors(const char *name, int counts[256]) {
    dataset *d = open_set(name);
    image im = {0};
    byte_buffer buffer = {0};
    ck_assert_str_eq(dataset_class(d, 0), "Cod");
    ck_assert_int_eq(dataset_channels(d), 3);
    for (int64_t id = 0; id < dataset_count(d); id++) {
        int32_t label;
        must(dataset_label(d, id, &label));
        must(dataset_image(d, id, &im, &buffer));
        int color = im.pixels[0];
        ck_assert_int_eq(label, color < 100 ? 1 : 0);
        ck_assert_int_eq(im.width, 3 + color % 4);
        counts[color]++;
    }
    image_reset(&im);
    byte_buffer_reset(&buffer);
    dataset_close(d);
}

START_TEST(folder_is_split_by_class) {
    write_classes("", 20);
    write_bytes("eel/broken.png", "\x89PNG\r\n\x1a\n", 8);
    write_bytes("eel/notes.txt", "no picture", 10);
    int first[256] = {0}, again[256] = {0}, other[256] = {0}, train[256] = {0};
    must(pack("folder", false, 0.25, 7));
    count_colors("val.h5", first);
    count_colors("train.h5", train);
    int val_of[2] = {0};
    for (int color = 0; color < 256; color++) {
        bool there = color % 100 < 20 && color < 200;
        ck_assert_int_eq(first[color] + train[color], there ? 1 : 0);
        val_of[color >= 100] += first[color];
    }
    ck_assert(val_of[0] == 5 && val_of[1] == 5);
    must(pack("folder", false, 0.25, 7));
    count_colors("val.h5", again);
    ck_assert_mem_eq(first, again, sizeof first);
    must(pack("folder", false, 0.25, 8));
    count_colors("val.h5", other);
    ck_assert_mem_ne(first, other, sizeof first);
}
END_TEST

START_TEST(train_and_val_are_taken_as_they_are) {
    write_classes("train", 4);
    write_classes("val", 2);
    make_folder("train/eel/more");
    write_picture("train/eel/more/x.png", 33);
    must(pack("folder", true, 0.25, 7));
    int train[256] = {0}, val[256] = {0};
    count_colors("train.h5", train);
    count_colors("val.h5", val);
    ck_assert(train[3] == 1 && train[103] == 1 && train[33] == 1 && val[1] == 1 && val[101] == 1 && val[2] == 0);
    ck_assert_int_eq(count_of("train.h5"), 9);
    make_folder("val/ray");
    write_picture("val/ray/1.png", 1);
    ck_assert_int_eq(pack("folder", true, 0.25, 7), ERR_DATA);
    ck_assert_msg(strstr(err_last()->text, "val/ray: no class of that name"), "%s", err_last()->text);
}
END_TEST

START_TEST(bad_folders) {
    expect_refused("folder", ERR_DATA, "no folders in it");
    make_folder("cod");
    expect_refused("folder", ERR_DATA, "no pictures in its folders");
    write_bytes("cod/1.jpg", "\xff\xd8\xff", 3);
    expect_refused("folder", ERR_DATA, "cod/1.jpg: "); /* strict */
    ck_assert_int_eq(pack("folder", false, 0, 1), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "no picture of class cod can be decoded"));
    write_picture("cod/2.png", 5);
    ck_assert_int_eq(pack("folder", false, 0.1, 1), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "too few pictures for a val.h5"));
    must(pack("folder", false, 0, 1));
    ck_assert_int_eq(count_of("train.h5"), 1);
    snprintf(out, sizeof out, "%s/cod/2.png/out", source);
    ck_assert_int_eq(pack("folder", false, 0, 1), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "Not a directory"));
}
END_TEST

/* ---- mean and standard deviation ---- */

START_TEST(sums_lose_nothing) {
    float mean[3], std[3];
    pixel_sums s = {0};
    uint8_t pixels[300];
    for (int i = 0; i < 300; i++)
        pixels[i] = (uint8_t)(i % 3 == 0 ? 200 : i % 3 == 1 ? i % 2 * 255 : i % 5);
    for (int i = 0; i < 1000; i++)
        pixel_sums_add(&s, pixels, 100, 3, 3);
    pixel_sums_finish(&s, 3, mean, std);
    ck_assert(mean[0] == (float)(200 / 255.0) && std[0] == 0); /* no rounding left over */
    ck_assert(mean[1] == 0.5f && std[1] == 0.5f);
    ck_assert(mean[2] == (float)(2 / 255.0) && fabs(std[2] - sqrt(2) / 255) < 1e-9);
    pixel_sums grey = {0};
    pixel_sums_add(&grey, (const uint8_t[]){0, 255}, 2, 1, 3);
    pixel_sums_finish(&grey, 3, mean, std);
    ck_assert(mean[0] == 0.5f && mean[2] == 0.5f && std[1] == 0.5f);
}
END_TEST

int main(void) {
    TCase *cases = suite_case("pack");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, mnist_plain_and_packed);
    tcase_add_test(cases, bad_mnist);
    tcase_add_test(cases, cifar_files_in_name_order);
    tcase_add_test(cases, cifar100_fine_labels_below_the_folder);
    tcase_add_test(cases, bad_cifar);
    tcase_add_test(cases, folder_is_split_by_class);
    tcase_add_test(cases, train_and_val_are_taken_as_they_are);
    tcase_add_test(cases, bad_folders);
    tcase_add_test(cases, sums_lose_nothing);
    return suite_run();
}
