/* Text that people give and are given: what others wrote is made printable, numbers are read to the letter, and what cannot be written or
 * held in memory ends in one line. */
#define _POSIX_C_SOURCE 200809L /* setenv, dup2 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "suite.h"

/* ---- printable ---- */

static const struct {
    const char *text, *shown;
} samples[] = {
    {"", ""},
    {"cod, eel \xe2\x80\xa6 \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x90\x9f \\", "cod, eel \xe2\x80\xa6 \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x90\x9f \\"},
    {"a\nshoal: all is well", "a\\x0ashoal: all is well"},
    {"\r\033[K\007\t\x7f", "\\x0d\\x1b[K\\x07\\x09\\x7f"},
    {"C1 \xc2\x85\xc2\x9b"
     "31m",
     "C1 \\xc2\\x85\\xc2\\x9b31m"},
    {"\xc2\xa0", "\xc2\xa0"},
    {"lines \xe2\x80\xa8 turned \xe2\x80\xae \xe2\x81\xa6", "lines \\xe2\\x80\\xa8 turned \\xe2\\x80\\xae \\xe2\\x81\\xa6"},
    {"latin \xe9 cut \xe2\x80", "latin \\xe9 cut \\xe2\\x80"},
    {"long \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "long \\xc0\\xaf \\xe0\\x80\\xaf \\xf0\\x80\\x80\\xaf"},
    {"half \xed\xa0\x80 beyond \xf4\x90\x80\x80 \xff", "half \\xed\\xa0\\x80 beyond \\xf4\\x90\\x80\\x80 \\xff"},
};
enum { N_SAMPLES = sizeof samples / sizeof *samples };

START_TEST(text_of_others_is_made_printable) {
    char out[256];
    size_t length = text_printable(out, sizeof out, samples[_i].text);
    ck_assert_str_eq(out, samples[_i].shown);
    ck_assert_uint_eq(length, strlen(samples[_i].shown));
}
END_TEST

START_TEST(what_is_cut_ends_with_a_whole_character) {
    char out[8];
    ck_assert_uint_eq(text_printable(out, 5, "abc\xc3\xa9"), 5);
    ck_assert_str_eq(out, "abc");
    ck_assert_uint_eq(text_printable(out, 6, "ab\n\n"), 10);
    ck_assert_str_eq(out, "ab");
    ck_assert_uint_eq(text_printable(NULL, 0, "\n"), 4);
}
END_TEST

static char *line_of(char room[TEXT_LINE], const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *line = text_line(room, "lead: ", format, args);
    va_end(args);
    return line;
}

START_TEST(a_line_is_one_line_of_any_length) {
    char room[TEXT_LINE], longer[3 * TEXT_LINE];
    ck_assert_str_eq(line_of(room, "%s %d", "a\nb", 3), "lead: a\\x0ab 3\n");
    memset(longer, '\n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t length = TEXT_LINE / 4 - 8; length < sizeof longer - 1; length += length < TEXT_LINE ? 1 : TEXT_LINE) {
        char *line = line_of(room, "%.*s", (int)length, longer);
        ck_assert_uint_eq(strlen(line), 6 + 4 * length + 1);
        ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
        if (line != room)
            mem_free(line);
    }
}
END_TEST

START_TEST(errors_are_one_printable_line) {
    fail(ERR_DATA, "%s: bad", "x\ny");
    err_prefix("%s", "\033");
    ck_assert_str_eq(err_last()->text, "\\x1b: x\\x0ay: bad");
}
END_TEST

static void assert_amount(int64_t count, const char *what, const char *text) {
    char out[TEXT_AMOUNT];
    ck_assert_str_eq(text_amount(out, count, what), text);
}

START_TEST(amounts_have_their_plural) {
    assert_amount(1, "picture", "1 picture");
    assert_amount(0, "picture", "0 pictures");
    assert_amount(1234, "class", "1,234 classes");
    assert_amount(1, "class", "1 class");
}
END_TEST

START_TEST(long_texts_are_wrapped_at_spaces) {
    char *lines = text_wrapped("one two \xc3\xa9\xc3\xa9\xc3\xa9 four-and-more five", 2, 9);
    ck_assert_str_eq(lines, "one two\n  \xc3\xa9\xc3\xa9\xc3\xa9\n  four-and-more\n  five");
    mem_free(lines);
}
END_TEST

/* ---- numbers ---- */

START_TEST(whole_numbers_are_digits) {
    static const char *const bad[] = {"",    " 4",  "4 ", "4x", "0x10", "1_000", "1,000",
                                      "1.0", "1e3", "-",  "+",  "--1",  "inf",   "9223372036854775808"};
    int64_t number = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!text_to_whole(bad[i], &number) && number == 7, "\"%s\" was read", bad[i]);
    ck_assert(text_to_whole("-9223372036854775808", &number));
    ck_assert_int_eq(number, INT64_MIN);
    ck_assert(text_to_whole("+12", &number) && number == 12);
}
END_TEST

START_TEST(real_numbers_are_decimal_and_finite) {
    static const char *const bad[] = {"",   " 0.1", "0.1 ", "1e-3x", "0x10", "0x1p3", "1_000", "0,1",   "1e",    "1e+",
                                      "e5", ".",    "-.",   "inf",   "-inf", "nan",   "1e999", "1e5.2", "1.2.3", "1-2"};
    double number = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!text_to_real(bad[i], &number) && number == 7, "\"%s\" was read", bad[i]);
    ck_assert(text_to_real("1e-3", &number) && number == 1e-3);
    ck_assert(text_to_real(".5", &number) && number == 0.5);
    ck_assert(text_to_real("5.", &number) && number == 5);
    ck_assert(text_to_real("-2.5E+2", &number) && number == -250);
    ck_assert(text_to_real("-0", &number) && number == 0);
    ck_assert_msg(1 / number > 0, "a negative zero was read");
}
END_TEST

START_TEST(environment_variables_are_numbers_in_range) {
    static const char *const bad[] = {"many", "0", "-1", "1.5", " 4", "4 ", "0x10", "5000", "4;2", "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("OMP_NUM_THREADS", bad[i], 1);
        ck_assert_msg(environment_check() == ERR_USAGE, "\"%s\" was taken", bad[i]);
        ck_assert_ptr_nonnull(strstr(err_last()->text, "OMP_NUM_THREADS"));
        ck_assert_int_eq(environment_number("OMP_NUM_THREADS", 3), 3);
    }
    setenv("OMP_NUM_THREADS", "4,2", 1);
    ck_assert_int_eq(environment_check(), OK);
    ck_assert_int_eq(environment_number("OMP_NUM_THREADS", 3), 4);
    setenv("OMP_NUM_THREADS", "", 1);
    ck_assert_int_eq(environment_check(), OK);
    ck_assert_int_eq(environment_number("OMP_NUM_THREADS", 3), 3);
    setenv("SLURM_MEM_PER_NODE", "16G", 1);
    ck_assert_int_eq(environment_check(), OK);
    ck_assert_int_eq(environment_number("SLURM_MEM_PER_NODE", 0), 16384);
    setenv("SLURM_MEM_PER_NODE", "16GB", 1);
    ck_assert_int_eq(environment_check(), ERR_USAGE);
}
END_TEST

/* ---- what cannot be written or held ---- */

/* Whatever is printed from here on goes to the file. */
static void print_to(const char *path) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    dup2(file, STDOUT_FILENO);
    close(file);
}

START_TEST(output_that_cannot_be_written_is_an_error) {
    ck_assert_int_eq(print_check(), OK);
    print_to("/dev/full");
    print_line("lost");
    ck_assert(!print_failed()); /* it only waits to be written */
    ck_assert_int_eq(log_check(), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "standard output cannot be written: No space left on device"));
    print_to("/dev/null");
    print_line("not lost");
    ck_assert_msg(print_check() == ERR_IO, "a loss must not be forgotten");
}
END_TEST

START_TEST(a_log_that_cannot_be_written_is_an_error) {
    ck_assert(log_open("/dev/full"));
    ck_assert_int_eq(log_check(), OK);
    print_to("/dev/null");
    log_info("lost");
    ck_assert(log_failed());
    ck_assert_int_eq(log_check(), ERR_IO);
    ck_assert_str_eq(err_last()->text, "/dev/full: cannot be written: No space left on device");
    log_close();
}
END_TEST

/* Each of these ends the process with code 70. */
START_TEST(memory_that_there_is_not_ends_the_process) {
    if (_i == 0)
        mem_new(SIZE_MAX / 2, 3);
    else if (_i == 1)
        mem_resize(NULL, SIZE_MAX / 2, 3);
    else
        mem_product(SIZE_MAX, 2);
}
END_TEST

static void end_with_99(err code, const char *text) {
    _Exit(code == ERR_BROKEN && strstr(text, "out of memory") ? 99 : 1);
}

START_TEST(others_are_told_of_the_end) {
    err_set_end(end_with_99);
    mem_new(SIZE_MAX, 2);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("text");
    tcase_add_loop_test(tests, text_of_others_is_made_printable, 0, N_SAMPLES);
    tcase_add_test(tests, what_is_cut_ends_with_a_whole_character);
    tcase_add_test(tests, a_line_is_one_line_of_any_length);
    tcase_add_test(tests, errors_are_one_printable_line);
    tcase_add_test(tests, amounts_have_their_plural);
    tcase_add_test(tests, long_texts_are_wrapped_at_spaces);
    tcase_add_test(tests, whole_numbers_are_digits);
    tcase_add_test(tests, real_numbers_are_decimal_and_finite);
    tcase_add_test(tests, environment_variables_are_numbers_in_range);
    tcase_add_test(tests, output_that_cannot_be_written_is_an_error);
    tcase_add_test(tests, a_log_that_cannot_be_written_is_an_error);
    tcase_add_loop_exit_test(tests, memory_that_there_is_not_ends_the_process, 70, 0, 3);
    tcase_add_exit_test(tests, others_are_told_of_the_end, 99);
    return suite_run();
}
