/* Checkpoint files: damage is found and named, a failed write leaves what was there, the newest whole file is found. */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw, truncate */
#include <check.h>
#undef fail /* an old word of libcheck, and one of ours */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ckpt_network.h"
#include "h5/h5.h"

/* ---- damage ---- */

static unsigned char *read_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = mem_new(*size, 1);
    ck_assert_uint_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void flipped_byte_is_found(const char *object) {
    h5_file *f;
    h5_info info;
    ck_assert_int_eq(h5_open(&f, in_folder("a.h5")), OK);
    ck_assert_int_eq(h5_get_info(f, object, &info), OK);
    h5_close(f);
    ck_assert_int_gt(info.offset, 0);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &size);
    bytes[info.offset + 3] ^= 0x10;
    write_bytes(in_folder("bad.h5"), bytes, size);
    mem_free(bytes);
    ck_assert_int_eq(ckpt_verify(in_folder("bad.h5")), ERR_DATA);
    char *begin = text_format("%s: /%s is damaged: its CRC-32 is ", in_folder("bad.h5"), object);
    ck_assert_msg(strncmp(err_last()->text, begin, strlen(begin)) == 0, "%s", err_last()->text);
    mem_free(begin);
}

START_TEST(a_flipped_byte_is_found) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    flipped_byte_is_found("model/fc.bias");
    char digest[CKPT_DIGEST];
    ck_assert_int_eq(ckpt_digest_file(in_folder("bad.h5"), digest), ERR_DATA);
    ck_assert_int_eq(ckpt_read_model(in_folder("bad.h5"), n.graph, false, NULL), ERR_DATA);
    flipped_byte_is_found("model/bn1.num_batches_tracked");
    flipped_byte_is_found("optimizer/momentum_buffer/conv1.weight");
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("bad.h5"), n.graph, n.optim), ERR_DATA);
    network_free(n);
}
END_TEST

/* A step that HDF5 reads without complaint, and that is not what was written. */
START_TEST(changed_attributes_and_job_are_found) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 0x1122334455667788);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &size);
    size_t flipped = 0;
    for (size_t i = 0; i + 8 <= size; i++)
        if (memcmp(bytes + i, "\x88\x77\x66\x55\x44\x33\x22\x11", 8) == 0)
            bytes[i] ^= 1, flipped++;
    ck_assert_uint_eq(flipped, 1);
    write_bytes(in_folder("step.h5"), bytes, size);
    mem_free(bytes);
    ck_assert_int_ne(ckpt_verify(in_folder("step.h5")), OK);

    bytes = read_bytes(in_folder("a.h5"), &size);
    for (size_t i = 0; i + 7 <= size; i++)
        if (memcmp(bytes + i, "name: x", 7) == 0)
            bytes[i + 6] = 'z';
    write_bytes(in_folder("job.h5"), bytes, size);
    mem_free(bytes);
    ck_assert_int_eq(ckpt_verify(in_folder("job.h5")), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "/job is damaged"));
    network_free(n);
}
END_TEST

START_TEST(truncated_and_foreign_files_are_refused) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &size);
    for (size_t part = 0; part < 16; part++) {
        write_bytes(in_folder("short.h5"), bytes, size * part / 16);
        ck_assert_int_ne(ckpt_verify(in_folder("short.h5")), OK);
    }
    mem_free(bytes);
    ck_assert_int_eq(ckpt_verify(in_folder("none.h5")), ERR_IO);
    write_bytes(in_folder("text.h5"), (const unsigned char *)"this is no HDF5 file, but it is long enough to look at", 54);
    ck_assert_int_eq(ckpt_verify(in_folder("text.h5")), ERR_DATA);

    h5_file *f;
    int64_t version = 3;
    ck_assert_int_eq(h5_create(&f, in_folder("other.h5")), OK);
    h5_write_attribute_text(f, "/", "format", "shoal-dataset");
    ck_assert_int_eq(h5_finish(f), OK);
    ck_assert_int_eq(ckpt_verify(in_folder("other.h5")), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "is no checkpoint: its format is \"shoal-dataset\""));
    ck_assert_int_eq(h5_create(&f, in_folder("newer.h5")), OK);
    h5_write_attribute_text(f, "/", "format", "shoal-checkpoint");
    h5_write_attribute(f, "/", "version", H5_I64, 0, &version);
    ck_assert_int_eq(h5_finish(f), OK);
    ck_assert_int_eq(ckpt_verify(in_folder("newer.h5")), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "version 3"));
    network_free(n);
}
END_TEST

/* ---- writes that fail ---- */

START_TEST(a_full_disk_leaves_the_old_file) {
    network n = make_network(10, 1, NULL), newer = make_network(30000, 2, NULL);
    write_step("a.h5", n, 7);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 2000000; limit += 300000) {
        struct rlimit old, small;
        getrlimit(RLIMIT_FSIZE, &old);
        small = old;
        small.rlim_cur = limit;
        setrlimit(RLIMIT_FSIZE, &small);
        ckpt_info info = some_info(8);
        err code = write_network(in_folder("a.h5"), newer.graph, newer.optim, &info);
        setrlimit(RLIMIT_FSIZE, &old);
        ck_assert_int_eq(code, ERR_IO);
        ck_assert_ptr_nonnull(strstr(err_last()->text, folder));
        ck_assert_int_eq(count_entries(), 1);
        ck_assert_int_eq(ckpt_verify(in_folder("a.h5")), OK);
        ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), n.graph, false, NULL), OK);
    }
    write_step("a.h5", newer, 9); /* and the next one goes well */
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), newer.graph, false, NULL), OK);
    network_free(n);
    network_free(newer);
}
END_TEST

START_TEST(folders_that_cannot_be_written_are_named) {
    network n = make_network(10, 1, NULL);
    ckpt_info info = some_info(8);
    write_step("a.h5", n, 7);
    ck_assert_int_eq(write_network(in_folder("nowhere/a.h5"), n.graph, n.optim, &info), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "nowhere/"));
    if (geteuid() == 0) {
        puts("skipped: root writes to read-only folders");
    } else {
        chmod(folder, 0500);
        ck_assert_int_eq(write_network(in_folder("a.h5"), n.graph, n.optim, &info), ERR_IO);
        ck_assert_ptr_nonnull(strstr(err_last()->text, "Permission denied"));
        chmod(folder, 0700);
    }
    ck_assert_int_eq(mkdir(in_folder("taken.h5"), 0700), 0);
    ck_assert_int_eq(write_network(in_folder("taken.h5"), n.graph, n.optim, &info), ERR_IO);
    ck_assert_int_eq(count_entries(), 2);
    ck_assert_int_eq(ckpt_verify(in_folder("a.h5")), OK);
    network_free(n);
}
END_TEST

START_TEST(leftovers_of_dead_writers_go) {
    network n = make_network(10, 1, NULL);
    pid_t dead = 999999999; /* above any pid_max */
    char *leftover = text_format(".a.h5.tmp-%d", (int)dead), *alive = text_format(".a.h5.tmp-%d", (int)getppid());
    write_bytes(in_folder(leftover), (const unsigned char *)"half", 4);
    write_bytes(in_folder(alive), (const unsigned char *)"half", 4);
    write_step("a.h5", n, 1);
    ck_assert_int_ne(access(in_folder(leftover), F_OK), 0);
    ck_assert_int_eq(access(in_folder(alive), F_OK), 0);
    mem_free(leftover);
    mem_free(alive);
    network_free(n);
}
END_TEST

/* ---- run folders ---- */

static void newest_is(const char *name) {
    char *path;
    err code = ckpt_find_newest(folder, &path);
    ck_assert_msg(code == OK, "%s", err_last()->text);
    ck_assert_str_eq(path, in_folder(name));
    mem_free(path);
}

START_TEST(the_newest_whole_file_is_found) {
    network n = make_network(10, 1, NULL);
    char *path;
    ck_assert_int_eq(ckpt_find_newest(folder, &path), ERR_IO);
    ck_assert_ptr_null(path);
    write_step("best.h5", n, 5);
    newest_is("best.h5");
    write_step("step-9.h5", n, 9);
    write_step("step-10.h5", n, 10);
    newest_is("step-10.h5");
    write_step("last.h5", n, 10);
    newest_is("last.h5");
    write_step("other.h5", n, 99);
    write_bytes(in_folder("step-77.h5"), (const unsigned char *)"half", 4);
    newest_is("last.h5");
    ck_assert_int_eq(truncate(in_folder("last.h5"), 3000), 0);
    newest_is("step-10.h5");
    network_free(n);
}
END_TEST

START_TEST(old_files_are_pruned) {
    network n = make_network(10, 1, NULL);
    static const char *const names[] = {"step-8.h5", "step-9.h5", "step-10.h5", "step-100.h5",
                                        "last.h5",   "best.h5",   "step-x.h5",  "step-7.h5.old"};
    for (int i = 0; i < 8; i++)
        write_step(names[i], n, i);
    ckpt_prune(folder, 2);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(access(in_folder(names[i]), F_OK) == 0, i >= 2);
    ckpt_prune(folder, 0);
    ck_assert_int_eq(count_entries(), 4);
    network_free(n);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ckpt_damage");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_flipped_byte_is_found);
    tcase_add_test(tests, changed_attributes_and_job_are_found);
    tcase_add_test(tests, truncated_and_foreign_files_are_refused);
    tcase_add_test(tests, a_full_disk_leaves_the_old_file);
    tcase_add_test(tests, folders_that_cannot_be_written_are_named);
    tcase_add_test(tests, leftovers_of_dead_writers_go);
    tcase_add_test(tests, the_newest_whole_file_is_found);
    tcase_add_test(tests, old_files_are_pruned);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
