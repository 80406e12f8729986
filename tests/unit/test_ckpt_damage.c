/* Checkpoint files: damage is found and named, a failed write leaves what was there, the newest whole file is found. */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw, truncate */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ckpt_network.h"
#include "h5/h5.h"
#include "suite.h"

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

static void flipped_byte_is_found(const char *object, const char *words) {
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
    char *begin = text_format("%s: %s", in_folder("bad.h5"), words);
    ck_assert_msg(strncmp(err_last()->text, begin, strlen(begin)) == 0, "%s", err_last()->text);
    mem_free(begin);
}

START_TEST(a_flipped_byte_is_found) {
    network n = make_network(1100, 1, NULL); /* the last layer's are long enough for a checksum of their own to be all they have */
    write_step("a.h5", n, 7);
    flipped_byte_is_found("model/fc.bias", "/model/fc.bias is damaged: its CRC-32 is ");
    char digest[CKPT_DIGEST];
    ck_assert_int_eq(ckpt_digest_file(in_folder("bad.h5"), digest), ERR_DATA);
    ck_assert_int_eq(ckpt_read_model(in_folder("bad.h5"), n.graph, false, NULL), ERR_DATA);
    flipped_byte_is_found("model/bn1.num_batches_tracked", "damaged: the checksum at its end does not fit");
    flipped_byte_is_found("optimizer/momentum_buffer/fc.weight", "/optimizer/momentum_buffer/fc.weight is damaged: its CRC-32 is ");
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
    ck_assert_ptr_nonnull(strstr(err_last()->text, "the checksum at its end"));
    network_free(n);
}
END_TEST

typedef enum damage { FLIP, ZEROS, SWAP, CUT, N_DAMAGES } damage;

/* False where nothing has changed. */
static bool do_damage(damage how, unsigned char *bytes, size_t *size, size_t at) {
    enum { BLOCK = 512 };
    unsigned char before[2 * BLOCK] = {0}, *block = bytes + at / BLOCK * BLOCK;
    if (how == FLIP)
        bytes[at] ^= 1 << at % 8;
    if (how == CUT)
        *size = at;
    if (how == FLIP || how == CUT)
        return true;
    if (block + 2 * BLOCK > bytes + *size)
        return false;
    memcpy(before, block, sizeof before);
    memcpy(block, before + BLOCK, BLOCK);
    if (how == SWAP)
        memcpy(block + BLOCK, before, BLOCK);
    else
        memset(block, 0, BLOCK);
    return memcmp(block, before, sizeof before) != 0;
}

START_TEST(no_damage_passes) {
    network n = make_network(600, 1, NULL);
    write_step("a.h5", n, 7);
    size_t whole;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &whole), *bad = mem_new(whole, 1);
    for (int i = 0; i < 300; i++) {
        size_t size = whole, at = (size_t)i * 7919 * 31 % (whole - 1) + 1;
        memcpy(bad, bytes, whole);
        if (do_damage((damage)(i % N_DAMAGES), bad, &size, at)) {
            write_bytes(in_folder("bad.h5"), bad, size);
            err code = ckpt_verify(in_folder("bad.h5"));
            ck_assert_msg(code == ERR_DATA, "damage %d of byte %zu: %d", i % N_DAMAGES, at, (int)code);
        }
    }
    mem_free(bad);
    mem_free(bytes);
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

static err shut(void *asked) {
    ++*(int *)asked;
    ck_assert_int_eq(access(in_folder(".last.h5.tmp"), F_OK), 0); /* whole by now */
    return fail(ERR_IO, "somebody else's");
}

START_TEST(a_folder_lost_while_writing_is_left_alone) {
    network n = make_network(10, 1, NULL), newer = make_network(10, 2, NULL);
    write_step("last.h5", n, 7);
    ckpt_info info = some_info(8), found;
    ckpt_state state = ckpt_state_of(newer.graph, newer.optim);
    int asked = 0;
    ck_assert_int_eq(ckpt_write(in_folder("last.h5"), &state, &info, (ckpt_gate){shut, &asked}), ERR_IO);
    ck_assert_int_eq(asked, 1);
    ck_assert_str_eq(err_last()->text, "somebody else's");
    ck_assert_int_eq(ckpt_read_info(in_folder("last.h5"), &found), OK);
    ck_assert_int_eq(found.step, 7);
    ckpt_info_reset(&found);
    ck_assert_int_eq(access(in_folder(".last.h5.tmp"), F_OK), 0); /* whosever it is */
    ck_assert_int_ne(access(in_folder("previous.h5"), F_OK), 0);
    network_free(n);
    network_free(newer);
}
END_TEST

START_TEST(leftovers_of_dead_writers_go) {
    static const char *const gone[] = {".last.h5.tmp", ".step-4.h5.tmp", ".last.h5.tmp-1234", ".job.yaml.tmp"}, *const stay[] = {
                                                                                                                    "last.h5", ".hidden",
                                                                                                                    "a.tmp", ".a.tmp-x",
                                                                                                                    ".tmpfile"};
    for (int i = 0; i < 4; i++)
        write_bytes(in_folder(gone[i]), (const unsigned char *)"half", 4);
    for (int i = 0; i < 5; i++)
        write_bytes(in_folder(stay[i]), (const unsigned char *)"whole", 5);
    ck_assert_int_eq(ckpt_clear_leftovers(folder), OK);
    for (int i = 0; i < 4; i++)
        ck_assert_int_ne(access(in_folder(gone[i]), F_OK), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(access(in_folder(stay[i]), F_OK), 0);
    ck_assert_int_eq(ckpt_clear_leftovers(in_folder("nowhere")), OK);
    ck_assert_int_eq(ckpt_clear_leftovers(in_folder("last.h5")), ERR_IO);
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
    ck_assert_int_eq(ckpt_find_newest(folder, &path), ERR_DATA);
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
    write_bytes(in_folder("previous.h5"), (const unsigned char *)"half", 4);
    newest_is("step-10.h5");
    write_step("previous.h5", n, 9);
    newest_is("previous.h5");
    network_free(n);
}
END_TEST

/* What cannot be read may be whole: nothing else is taken in its place. */
START_TEST(what_cannot_be_read_is_not_passed_over) {
    network n = make_network(10, 1, NULL);
    char *path;
    bool any = true;
    ck_assert_int_eq(ckpt_is_any(in_folder("nowhere"), &any), OK);
    ck_assert(!any);
    write_step("step-9.h5", n, 9);
    ck_assert_int_eq(ckpt_is_any(folder, &any), OK);
    ck_assert(any);
    ck_assert_int_eq(ckpt_is_any(in_folder("step-9.h5"), &any), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "the folder cannot be read: Not a directory"));
    ck_assert_int_eq(symlink("last.h5", in_folder("last.h5")), 0); /* for root, who may read everything */
    ck_assert_int_eq(ckpt_find_newest(folder, &path), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "last.h5: cannot be read: Too many levels of symbolic links"));
    ck_assert_int_eq(unlink(in_folder("last.h5")), 0);
    newest_is("step-9.h5");
    network_free(n);
}
END_TEST

static ino_t inode(const char *name) {
    struct stat s;
    ck_assert_int_eq(stat(in_folder(name), &s), 0);
    return s.st_ino;
}

START_TEST(a_second_file_is_always_there) {
    network n = make_network(10, 1, NULL);
    write_step("last.h5", n, 1);
    ck_assert_int_ne(access(in_folder("previous.h5"), F_OK), 0);
    for (int step = 2; step < 5; step++) {
        ino_t before = inode("last.h5");
        write_step("last.h5", n, step);
        ck_assert(inode("previous.h5") == before && inode("last.h5") != before);
        ckpt_info info;
        ck_assert_int_eq(ckpt_read_info(in_folder("previous.h5"), &info), OK);
        ck_assert_int_eq(info.step, step - 1);
        ckpt_info_reset(&info);
    }
    ck_assert_int_eq(count_entries(), 2);
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
    TCase *tests = suite_case("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, a_flipped_byte_is_found);
    tcase_add_test(tests, changed_attributes_and_job_are_found);
    tcase_add_test(tests, no_damage_passes);
    tcase_add_test(tests, truncated_and_foreign_files_are_refused);
    tcase_add_test(tests, a_full_disk_leaves_the_old_file);
    tcase_add_test(tests, folders_that_cannot_be_written_are_named);
    tcase_add_test(tests, a_folder_lost_while_writing_is_left_alone);
    tcase_add_test(tests, leftovers_of_dead_writers_go);
    tcase_add_test(tests, the_newest_whole_file_is_found);
    tcase_add_test(tests, what_cannot_be_read_is_not_passed_over);
    tcase_add_test(tests, a_second_file_is_always_there);
    tcase_add_test(tests, old_files_are_pruned);
    return suite_run();
}
