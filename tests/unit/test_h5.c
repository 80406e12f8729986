/* HDF5 files: what is written is read back, lies where h5_get_info() says, and damage of any kind is an error with the file's name. */
#define _GNU_SOURCE /* mkdtemp, pread */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "h5/h5.h"
#include "suite.h"

static char folder[64], path[96];

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/shoal-h5-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file.h5", folder);
}

static void tear_down(void) {
    unlink(path);
    rmdir(folder);
}

static const float weights[2][3] = {{1.5f, -2.25f, 3e-20f}, {0, 7, -1e30f}};
static const int32_t version = 1;
static const double rates[3] = {0.1, 0.2, -3};

static void write_file(void) {
    h5_file *f;
    ck_assert_int_eq(h5_create(&f, path), OK);
    ck_assert_int_eq(h5_write(f, "model/fc.weight", H5_F32, 2, (const uint64_t[]){2, 3}, weights), OK);
    ck_assert_int_eq(h5_write(f, "model/steps", H5_I64, 0, NULL, &(int64_t){1234567890123}), OK);
    ck_assert_int_eq(h5_make_group(f, "a/b/c"), OK);
    ck_assert_int_eq(h5_make_group(f, "a/b"), OK);
    ck_assert_int_eq(h5_make_dataset(f, "bytes", H5_U8, 2, (const uint64_t[]){4, 5}), OK);
    for (uint64_t i = 0; i < 4; i += 2)
        ck_assert_int_eq(h5_write_part(f, "bytes", H5_U8, i, 2, i ? "KLMNOPQRST" : "ABCDEFGHIJ"), OK);
    h5_leave_unsealed(f, "bytes");
    ck_assert_int_eq(h5_write_strings(f, "names", (char *[]){"cod", "", "Äsche"}, 3), OK);
    ck_assert_int_eq(h5_write_attribute_text(f, "/", "format", "none: a test"), OK);
    ck_assert_int_eq(h5_write_attribute(f, "/", "version", H5_I32, 0, &(int32_t){7}), OK);
    ck_assert_int_eq(h5_write_attribute(f, "/", "version", H5_I32, 0, &version), OK); /* replaces it */
    ck_assert_int_eq(h5_write_attribute(f, "model/fc.weight", "rates", H5_F64, 3, rates), OK);
    ck_assert_int_eq(h5_finish(f), OK);
}

static h5_file *open_file(void) {
    h5_file *f;
    ck_assert_msg(h5_open(&f, path) == OK, "%s", err_last()->text);
    return f;
}

START_TEST(numbers_come_back) {
    write_file();
    h5_file *f = open_file();
    float read[2][3], row[3];
    double wide[6];
    ck_assert_int_eq(h5_read(f, "model/fc.weight", H5_F32, 0, UINT64_MAX, read), OK);
    ck_assert_mem_eq(read, weights, sizeof weights);
    ck_assert_int_eq(h5_read(f, "model/fc.weight", H5_F32, 1, 1, row), OK);
    ck_assert_mem_eq(row, weights[1], sizeof row);
    ck_assert_int_eq(h5_read(f, "model/fc.weight", H5_F64, 0, 2, wide), OK);
    ck_assert(wide[1] == -2.25 && wide[5] == (double)-1e30f);
    int64_t steps;
    ck_assert_int_eq(h5_read(f, "model/steps", H5_I64, 0, UINT64_MAX, &steps), OK);
    ck_assert_int_eq(steps, 1234567890123);
    ck_assert_int_eq(h5_read(f, "model/fc.weight", H5_F32, 1, 2, wide), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, path));
    ck_assert_int_eq(h5_read(f, "names", H5_F32, 0, UINT64_MAX, wide), ERR_DATA);
    ck_assert_int_eq(h5_read(f, "nothing/here", H5_F32, 0, UINT64_MAX, wide), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "nothing/here"));
    h5_close(f);
}
END_TEST

START_TEST(elements_lie_at_their_offset) {
    write_file();
    h5_file *f = open_file();
    h5_info info;
    ck_assert_int_eq(h5_get_info(f, "bytes", &info), OK);
    ck_assert(info.type == H5_U8 && info.rank == 2 && info.size[0] == 4 && info.size[1] == 5 && info.count == 20);
    ck_assert_int_gt(info.offset, 0);
    char bytes[20];
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(pread(fd, bytes, 20, info.offset), 20);
    close(fd);
    ck_assert_mem_eq(bytes, "ABCDEFGHIJKLMNOPQRST", 20);
    ck_assert_int_eq(h5_get_info(f, "names", &info), OK);
    ck_assert(info.type == H5_STRING && info.offset == -1);
    ck_assert_int_eq(h5_get_info(f, "model/steps", &info), OK);
    ck_assert(info.type == H5_I64 && info.rank == 0 && info.count == 1);
    h5_close(f);
}
END_TEST

START_TEST(text_and_attributes_come_back) {
    write_file();
    h5_file *f = open_file();
    char **names, *text;
    uint64_t count;
    ck_assert_int_eq(h5_read_strings(f, "names", &names, &count), OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(names[0], "cod");
    ck_assert_str_eq(names[1], "");
    ck_assert_str_eq(names[2], "Äsche");
    mem_free_strings(names, count);
    ck_assert_int_eq(h5_read_attribute_text(f, "/", "format", &text), OK);
    ck_assert_str_eq(text, "none: a test");
    mem_free(text);
    int64_t number;
    double three[3];
    ck_assert_int_eq(h5_read_attribute(f, "/", "version", H5_I64, 0, &number), OK);
    ck_assert_int_eq(number, 1);
    ck_assert_int_eq(h5_read_attribute(f, "model/fc.weight", "rates", H5_F64, 3, three), OK);
    ck_assert_mem_eq(three, rates, sizeof rates);
    ck_assert_int_eq(h5_read_attribute(f, "model/fc.weight", "rates", H5_F64, 2, three), ERR_DATA);
    ck_assert_int_eq(h5_read_attribute(f, "/", "format", H5_F64, 0, three), ERR_DATA);
    ck_assert_int_eq(h5_read_attribute_text(f, "/", "version", &text), ERR_DATA);
    ck_assert_int_eq(h5_read_attribute(f, "/", "absent", H5_F64, 0, three), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "absent"));
    ck_assert_int_eq(h5_attribute_text(f, "model/fc.weight", "rates", &text), OK);
    ck_assert_str_eq(text, "0.1 0.2 -3");
    mem_free(text);
    h5_info info;
    ck_assert_int_eq(h5_get_attribute_info(f, "model/fc.weight", "rates", &info), OK);
    ck_assert(info.type == H5_F64 && info.count == 3 && info.rank == 1);
    h5_close(f);
}
END_TEST

START_TEST(names_are_listed_in_order) {
    h5_file *f;
    ck_assert_int_eq(h5_create(&f, path), OK);
    const char *const given[] = {"b.weight", "a", "b", "Z", "b.10", "b.9"}, *const sorted[] = {"Z", "a", "b", "b.10", "b.9", "b.weight"};
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(h5_write(f, given[i], H5_I32, 0, NULL, &version), OK);
    ck_assert_int_eq(h5_finish(f), OK);
    f = open_file();
    char **names;
    uint64_t count;
    ck_assert_int_eq(h5_list(f, "/", &names, &count), OK);
    ck_assert_uint_eq(count, 6);
    for (int i = 0; i < 6; i++)
        ck_assert_str_eq(names[i], sorted[i]);
    mem_free_strings(names, count);
    ck_assert(h5_is_group(f, "/") && !h5_is_group(f, "a") && !h5_is_group(f, "none") && !h5_exists(f, "none/at/all") && h5_exists(f, "a"));
    ck_assert_int_eq(h5_list(f, "none", &names, &count), ERR_DATA);
    h5_close(f);
}
END_TEST

static void expect_refused(err wanted, const char *words) {
    h5_file *f;
    ck_assert_int_eq(h5_open(&f, path), wanted);
    ck_assert_ptr_null(f);
    ck_assert_msg(strstr(err_last()->text, path) && strstr(err_last()->text, words), "%s", err_last()->text);
}

static void write_bytes(const char *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    fwrite(bytes, 1, n, file);
    fclose(file);
}

START_TEST(what_is_no_hdf5_file_is_named) {
    expect_refused(ERR_IO, "no such file");
    write_bytes("", 0);
    expect_refused(ERR_DATA, "empty");
    write_bytes("this is a text, and not a short one", 35);
    expect_refused(ERR_DATA, "not an HDF5 file");
    if (geteuid() != 0) {
        chmod(path, 0);
        expect_refused(ERR_IO, "Permission denied");
    }
    unlink(path);
    mkdir(path, 0777);
    expect_refused(ERR_IO, "folder");
    rmdir(path);
}
END_TEST

/* Where the seal begins. */
static size_t end_of_hdf5(const char *whole, size_t n) {
    uint64_t end;
    memcpy(&end, whole + n - 32, sizeof end);
    ck_assert_uint_lt(end, n);
    return end;
}

START_TEST(every_truncation_is_found) {
    write_file();
    static char whole[1 << 16];
    FILE *file = fopen(path, "rb");
    size_t n = fread(whole, 1, sizeof whole, file);
    fclose(file);
    ck_assert_uint_gt(n, 1000);
    size_t end = end_of_hdf5(whole, n);
    for (size_t length = 9; length < end; length += length < 200 ? 1 : 97) {
        write_bytes(whole, length);
        expect_refused(ERR_DATA, "truncated");
    }
    for (size_t length = end + 1; length < n; length++) {
        write_bytes(whole, length);
        expect_refused(ERR_DATA, "damaged: the checksum at its end");
    }
}
END_TEST

/* Another program that writes into the file cuts the seal off; what is not under it is for others to check. */
START_TEST(a_seal_covers_what_has_no_checksum_of_its_own) {
    static char whole[1 << 16];
    write_file();
    h5_file *f = open_file();
    h5_info info;
    ck_assert(h5_is_sealed(f));
    ck_assert_int_eq(h5_get_info(f, "bytes", &info), OK);
    h5_close(f);
    FILE *file = fopen(path, "rb");
    size_t n = fread(whole, 1, sizeof whole, file), first = (size_t)info.offset;
    fclose(file);
    for (size_t i = 0; i < n; i += i % 64 == 63 ? 64 : 1) {
        whole[i] ^= 4;
        write_bytes(whole, n);
        if (i >= first && i < first + 20)
            h5_close(open_file());
        else
            expect_refused(ERR_DATA, "damaged: the checksum at its end");
        whole[i] ^= 4;
    }
    write_bytes(whole, end_of_hdf5(whole, n));
    f = open_file();
    ck_assert(!h5_is_sealed(f));
    h5_close(f);
}
END_TEST

START_TEST(the_same_content_makes_the_same_file) {
    static char first[1 << 16], second[1 << 16];
    write_file();
    FILE *file = fopen(path, "rb");
    size_t n = fread(first, 1, sizeof first, file);
    fclose(file);
    sleep(1); /* times of creation have seconds */
    write_file();
    file = fopen(path, "rb");
    ck_assert_uint_eq(fread(second, 1, sizeof second, file), n);
    fclose(file);
    ck_assert_mem_eq(first, second, n);
}
END_TEST

START_TEST(a_file_that_cannot_be_made_is_named) {
    char below[160];
    h5_file *f;
    snprintf(below, sizeof below, "%s/absent/file.h5", folder);
    ck_assert_int_eq(h5_create(&f, below), ERR_IO);
    ck_assert_msg(strstr(err_last()->text, below) && strstr(err_last()->text, "No such file"), "%s", err_last()->text);
}
END_TEST

/* A limit of file size stands for a full disk. */
START_TEST(a_full_disk_is_an_error) {
    enum { BYTES = 1 << 20 };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){BYTES / 2, BYTES / 2});
    static char zeros[BYTES];
    h5_file *f;
    ck_assert_int_eq(h5_create(&f, path), OK);
    err code = h5_write(f, "bytes", H5_U8, 1, &(uint64_t){BYTES}, zeros);
    if (code == OK)
        code = h5_finish(f);
    else
        h5_close(f);
    ck_assert_int_eq(code, ERR_IO);
    ck_assert_msg(strstr(err_last()->text, path) && strstr(err_last()->text, "File too large"), "%s", err_last()->text);
}
END_TEST

int main(void) {
    TCase *cases = suite_case("h5");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, numbers_come_back);
    tcase_add_test(cases, elements_lie_at_their_offset);
    tcase_add_test(cases, text_and_attributes_come_back);
    tcase_add_test(cases, names_are_listed_in_order);
    tcase_add_test(cases, what_is_no_hdf5_file_is_named);
    tcase_add_test(cases, every_truncation_is_found);
    tcase_add_test(cases, a_seal_covers_what_has_no_checksum_of_its_own);
    tcase_add_test(cases, the_same_content_makes_the_same_file);
    tcase_add_test(cases, a_file_that_cannot_be_made_is_named);
    tcase_add_test(cases, a_full_disk_is_an_error);
    return suite_run();
}
