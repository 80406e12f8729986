/* What every room stands on: text, errors, memory, threads. Random numbers, the lane tree and cores have tests of their own. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, seteuid */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "suite.h"

/* ---- text ---- */

static void assert_count(int64_t number, const char *text) {
    char out[TEXT_NUMBER];
    ck_assert_str_eq(text_count(out, number), text);
}

START_TEST(counts_have_commas) {
    assert_count(0, "0");
    assert_count(999, "999");
    assert_count(1000, "1,000");
    assert_count(25557032, "25,557,032");
    assert_count(-999, "-999");
    assert_count(-1000, "-1,000");
    assert_count(INT64_MAX, "9,223,372,036,854,775,807");
    assert_count(INT64_MIN, "-9,223,372,036,854,775,808");
}
END_TEST

static void assert_bytes(size_t bytes, const char *text) {
    char out[TEXT_NUMBER];
    ck_assert_str_eq(text_bytes(out, bytes), text);
}

START_TEST(bytes_have_units) {
    assert_bytes(0, "0 B");
    assert_bytes(999, "999 B");
    assert_bytes(1000, "1.0 kB");
    assert_bytes(102228128, "102.2 MB");
    assert_bytes((size_t)4e12, "4.0 TB");
    assert_bytes(SIZE_MAX, "18446.7 PB");
}
END_TEST

static void assert_duration(double seconds, const char *text) {
    char out[TEXT_NUMBER];
    ck_assert_str_eq(text_duration(out, seconds), text);
}

START_TEST(durations_are_hours_minutes_seconds) {
    assert_duration(0, "0:00:00");
    assert_duration(0.6, "0:00:01");
    assert_duration(59.4, "0:00:59");
    assert_duration(59.6, "0:01:00");
    assert_duration(760, "0:12:40");
    assert_duration(360000 - 1, "99:59:59");
    assert_duration(-5, "0:00:00");
    assert_duration(NAN, "0:00:00");
}
END_TEST

static const struct named {
    const char *name;
    int other;
} keys[] = {{"momentum", 1}, {"nesterov", 2}, {"lr", 3}, {"weight_decay", 4}, {"norm_weight_decay", 5}};

static const char *nearest_key(const char *word) {
    return text_nearest(word, keys, sizeof keys / sizeof *keys, sizeof *keys);
}

START_TEST(misspelt_words_find_their_neighbour) {
    ck_assert_str_eq(nearest_key("mometnum"), "momentum");
    ck_assert_str_eq(nearest_key("momentun"), "momentum");
    ck_assert_str_eq(nearest_key("nestrov"), "nesterov");
    ck_assert_str_eq(nearest_key("l"), "lr");
    ck_assert_str_eq(nearest_key("weigth_decay"), "weight_decay");
    ck_assert_str_eq(nearest_key("norm_weight_deca"), "norm_weight_decay");
}
END_TEST

START_TEST(foreign_words_find_none) {
    ck_assert_ptr_null(nearest_key("epochs"));
    ck_assert_ptr_null(nearest_key("a word that is longer than all of them, and longer than a word ever was before"));
    ck_assert_ptr_null(text_nearest("lr", keys, 0, sizeof *keys));
}
END_TEST

START_TEST(suggestions_are_ready_to_print) {
    static const char *const words[] = {"resnet18", "resnet50", "vgg16"};
    char out[128];
    ck_assert_str_eq(text_suggest(out, "resnet51", words, 3, sizeof *words), " (did you mean \"resnet50\"?)");
    ck_assert_str_eq(text_suggest(out, "transformer", words, 3, sizeof *words), "");
}
END_TEST

START_TEST(formatted_text_has_any_length) {
    char *text = text_format("%s-%1000d", "a", 7);
    ck_assert_uint_eq(strlen(text), 1002);
    ck_assert_int_eq(text[1001], '7');
    mem_free(text);
    text = text_format("%s", "");
    ck_assert_str_eq(text, "");
    mem_free(text);
}
END_TEST

/* ---- errors ---- */

START_TEST(an_error_is_recorded_where_it_happened) {
    ck_assert_int_eq(err_last()->code, OK);
    int line = __LINE__ + 1;
    ck_assert_int_eq(fail(ERR_DATA, "%s: %d samples", "a.h5", 3), ERR_DATA);
    ck_assert_int_eq(err_last()->code, ERR_DATA);
    ck_assert_str_eq(err_last()->text, "a.h5: 3 samples");
    ck_assert_str_eq(err_last()->file, "test_base.c");
    ck_assert_int_eq(err_last()->line, line);
    ck_assert_int_eq(err_last()->rank, -1);
    err_clear();
    ck_assert_int_eq(err_last()->code, OK);
    ck_assert_str_eq(err_last()->text, "");
}
END_TEST

START_TEST(a_prefix_goes_in_front) {
    fail(ERR_IO, "no such file");
    ck_assert_int_eq(err_prefix("%s", "runs/x"), ERR_IO);
    ck_assert_int_eq(err_prefix("step %d", 4), ERR_IO);
    ck_assert_str_eq(err_last()->text, "step 4: runs/x: no such file");
}
END_TEST

START_TEST(an_error_may_quote_the_one_before) {
    fail(ERR_IO, "no such file");
    fail(ERR_DATA, "cannot go on (%s)", err_last()->text);
    ck_assert_str_eq(err_last()->text, "cannot go on (no such file)");
}
END_TEST

START_TEST(long_errors_are_cut) {
    char longer[3 * sizeof err_last()->text];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    fail(ERR_DATA, "%s", longer);
    ck_assert_uint_eq(strlen(err_last()->text), sizeof err_last()->text - 1);
    err_prefix("first");
    ck_assert_uint_eq(strlen(err_last()->text), sizeof err_last()->text - 1);
    ck_assert_int_eq(strncmp(err_last()->text, "first: xxx", 10), 0);
    err_prefix("%s", longer);
    ck_assert_int_eq(err_last()->code, ERR_DATA);
    ck_assert_uint_lt(strlen(err_last()->text), sizeof err_last()->text);
}
END_TEST

static void *fail_elsewhere(void *context) {
    err *before = context;
    *before = err_last()->code;
    fail(ERR_IO, "elsewhere");
    return NULL;
}

START_TEST(every_thread_has_its_own_error) {
    fail(ERR_USAGE, "here");
    err before = ERR_BROKEN;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, &before), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(before, OK);
    ck_assert_int_eq(err_last()->code, ERR_USAGE);
    ck_assert_str_eq(err_last()->text, "here");
}
END_TEST

/* ---- memory ---- */

START_TEST(new_memory_is_zero_and_aligned) {
    for (size_t count = 0; count < 300; count += 7) {
        unsigned char *block = mem_new(count, 3);
        ck_assert_uint_eq((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < 3 * count; i++)
            ck_assert_uint_eq(block[i], 0);
        memset(block, 0xff, 3 * count); /* for the next block that lies here */
        mem_free(block);
    }
}
END_TEST

START_TEST(resized_memory_holds_what_it_held) {
    int *list = NULL;
    for (int i = 0; i < 1000; i++) {
        list = mem_resize(list, (size_t)i + 1, sizeof *list);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(list[i], i);
    list = mem_resize(list, 0, sizeof *list);
    ck_assert_ptr_nonnull(list);
    mem_free(list);
    char *copy = mem_string("a word");
    ck_assert_str_eq(copy, "a word");
    mem_free(copy);
}
END_TEST

START_TEST(arenas_are_zero_and_aligned) {
    arena a;
    size_t bytes = ((size_t)5 << 20) + 1;
    ck_assert_int_eq(arena_init(&a, bytes, "test"), OK);
    ck_assert_uint_ge(a.bytes, bytes);
    ck_assert_uint_eq((uintptr_t)a.base % (2 << 20), 0);
    for (size_t i = 0; i < bytes; i += 4096)
        ck_assert_int_eq(a.base[i], 0);
    a.base[0] = a.base[bytes - 1] = 1;
    arena_reset(&a);
    ck_assert_ptr_null(a.base);
    arena_reset(&a);
    ck_assert_int_eq(arena_init(&a, 0, "nothing"), OK);
    ck_assert_ptr_null(a.base);
    arena_reset(&a);
}
END_TEST

/* Where the administrator has told it to, the kernel promises any memory that it can address. */
static bool kernel_promises_all(void) {
    FILE *f = fopen("/proc/sys/vm/overcommit_memory", "r");
    int mode = 0;
    bool known = f && fscanf(f, "%d", &mode) == 1;
    if (f)
        fclose(f);
    return known && mode == 1;
}

START_TEST(arenas_larger_than_the_machine_are_refused) {
    static const size_t sizes[] = {(size_t)1 << 62, SIZE_MAX - 5, (size_t)1 << 46};
    arena a;
    if (_i == 2 && kernel_promises_all())
        return;
    ck_assert_int_eq(arena_init(&a, sizes[_i], "activations"), ERR_BROKEN);
    ck_assert_ptr_null(a.base);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "activations need"));
    arena_reset(&a);
}
END_TEST

/* ---- threads ---- */

typedef struct tally {
    int *times;  /* [item] */
    int outside; /* threads that are none of the pool's */
} tally;

static void count_item(void *context, int item, int thread) {
    tally *t = context;
    t->times[item]++; /* an item has one thread */
    if (thread < 0 || thread >= threads_count())
        t->outside++;
}

START_TEST(every_item_is_done_once) {
    static const int items[] = {0, 1, 2, 3, 7, 64, 1000};
    threads_set(1 + _i);
    ck_assert_int_eq(threads_count(), 1 + _i);
    for (size_t n = 0; n < sizeof items / sizeof *items; n++) {
        tally t = {mem_new((size_t)items[n], sizeof *t.times), 0};
        threads_run(items[n], count_item, &t);
        for (int i = 0; i < items[n]; i++)
            ck_assert_int_eq(t.times[i], 1);
        ck_assert_int_eq(t.outside, 0);
        mem_free(t.times);
    }
}
END_TEST

/* ---- paths ---- */

static void touch(const char *folder, const char *name) {
    char *path = text_format("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    mem_free(path);
}

START_TEST(files_are_found_in_order_whatever_their_folder_is_called) {
    char top[] = "/tmp/shoal-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(top));
    char *folder = text_format("%s/a[b]*?\\", top);
    ck_assert_int_eq(path_make_folders(folder), OK);
    const char *const names[] = {"b.h5", "a.h5", "c.txt"};
    for (int i = 0; i < 3; i++)
        touch(folder, names[i]);
    path_list found;
    ck_assert_int_eq(path_find(&found, folder, "*.h5"), OK);
    ck_assert_int_eq(found.count, 2);
    ck_assert_str_eq(found.paths[0] + strlen(folder), "/a.h5");
    ck_assert_str_eq(found.paths[1] + strlen(folder), "/b.h5");
    path_list_reset(&found);

    char *escaped = path_as_pattern(folder);
    ck_assert_int_eq(path_find(&found, NULL, escaped), OK);
    ck_assert_int_eq(found.count, 1);
    ck_assert_str_eq(found.paths[0], folder);
    path_list_reset(&found);
    mem_free(escaped);

    ck_assert_int_eq(path_find(&found, folder, "*.png"), OK);
    ck_assert_int_eq(found.count, 0);
    ck_assert_int_eq(path_find(&found, "/nowhere/at/all", "*"), ERR_IO);
    path_list_reset(&found);

    for (int i = 0; i < 3; i++) {
        char *path = text_format("%s/%s", folder, names[i]);
        remove(path);
        mem_free(path);
    }
    remove(folder);
    remove(top);
    mem_free(folder);
}
END_TEST

/* Root can read all folders. A process that was another user for a while is no longer open to leak checkers until it says so. */
static void find_as_anybody(path_list *found, const char *folder, const char *pattern) {
    uid_t user = geteuid();
    if (user == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_int_eq(path_find(found, folder, pattern), OK);
    ck_assert_int_eq(seteuid(user), 0);
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

START_TEST(folders_that_cannot_be_read_are_passed_over) {
    char top[] = "/tmp/shoal-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(top));
    char *good = text_format("%s/good", top), *bad = text_format("%s/bad", top), *file = text_format("%s/a.h5", good);
    ck_assert_int_eq(chmod(top, 0755), 0);
    ck_assert_int_eq(path_make_folders(good), OK);
    ck_assert_int_eq(mkdir(bad, 0), 0);
    touch(good, "a.h5");
    path_list found;
    find_as_anybody(&found, top, "*/*.h5");
    ck_assert_int_eq(found.count, 1);
    ck_assert_str_eq(found.paths[0], file);
    path_list_reset(&found);
    remove(file);
    remove(bad);
    remove(good);
    remove(top);
    mem_free(file);
    mem_free(bad);
    mem_free(good);
}
END_TEST

/* ---- time ---- */

START_TEST(time_goes_on) {
    double start = time_now();
    time_sleep(0.01);
    ck_assert_double_gt(time_now(), start);
}
END_TEST

START_TEST(pipes_are_refused_not_waited_for) {
    char folder[] = "/tmp/shoal-base-XXXXXX", path[64];
    byte_buffer file = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pipe", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(byte_buffer_read(&file, path), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "/pipe: is a pipe or a device"));
    byte_buffer_reset(&file);
    unlink(path);
    rmdir(folder);
}
END_TEST

static void add_text(TCase *tests) {
    tcase_add_test(tests, counts_have_commas);
    tcase_add_test(tests, bytes_have_units);
    tcase_add_test(tests, durations_are_hours_minutes_seconds);
    tcase_add_test(tests, misspelt_words_find_their_neighbour);
    tcase_add_test(tests, foreign_words_find_none);
    tcase_add_test(tests, suggestions_are_ready_to_print);
    tcase_add_test(tests, formatted_text_has_any_length);
}

static void add_errors(TCase *tests) {
    tcase_add_test(tests, an_error_is_recorded_where_it_happened);
    tcase_add_test(tests, a_prefix_goes_in_front);
    tcase_add_test(tests, an_error_may_quote_the_one_before);
    tcase_add_test(tests, long_errors_are_cut);
    tcase_add_test(tests, every_thread_has_its_own_error);
}

static void add_the_rest(TCase *tests) {
    tcase_add_test(tests, new_memory_is_zero_and_aligned);
    tcase_add_test(tests, resized_memory_holds_what_it_held);
    tcase_add_test(tests, arenas_are_zero_and_aligned);
    tcase_add_loop_test(tests, arenas_larger_than_the_machine_are_refused, 0, 3);
    tcase_add_loop_test(tests, every_item_is_done_once, 0, 3);
    tcase_add_test(tests, files_are_found_in_order_whatever_their_folder_is_called);
    tcase_add_test(tests, folders_that_cannot_be_read_are_passed_over);
    tcase_add_test(tests, pipes_are_refused_not_waited_for);
    tcase_add_test(tests, time_goes_on);
}

int main(void) {
    TCase *tests = suite_case("base");
    add_text(tests);
    add_errors(tests);
    add_the_rest(tests);
    return suite_run();
}
