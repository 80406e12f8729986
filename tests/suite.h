/* The frame of a libcheck program: its main names cases and their tests, and ends with suite_run(). */
#ifndef SHOAL_TEST_SUITE_H
#define SHOAL_TEST_SUITE_H

#pragma push_macro("fail") /* an old word of libcheck, and one of ours */
#include <check.h>
#pragma pop_macro("fail")

static Suite *the_suite;

/* A case of the program's suite, which is called as its first case. */
static inline TCase *suite_case(const char *name) {
    TCase *c = tcase_create(name);
    if (!the_suite)
        the_suite = suite_create(name);
    suite_add_tcase(the_suite, c);
    tcase_set_timeout(c, 300); /* seconds of a test: machines are busy */
    return c;
}

/* Runs all; main's result. */
static inline int suite_run(void) {
    SRunner *runner = srunner_create(the_suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
