/* What a run knows of its own life: who makes whom wait, when its time is over, which signals have come. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#define _XOPEN_SOURCE 700       /* SIGXCPU */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "launch/launch.h"
#include "suite.h"

static const double tolerance = 1e-12;

/* ---- stragglers ---- */

START_TEST(even_ranks_wait_for_nobody) {
    rank_times times[] = {{10, 1, 2, 10, 1}, {10.2, 1, 1.8, 10, 1}, {10.1, 1, 1.9, 10, 1}};
    rank_comparison c = stragglers_compare(times, 3);
    ck_assert_double_eq_tol(c.compute.least, 1.0, tolerance);
    ck_assert_double_eq_tol(c.compute.median, 1.01, tolerance);
    ck_assert_double_eq_tol(c.compute.most, 1.02, tolerance);
    ck_assert_double_eq_tol(c.wait.median, 0.19, tolerance);
    ck_assert_int_eq(c.n_slow, 0);
    const char *hosts[] = {"a", "b", "c"};
    char *line = stragglers_line(&c, times, hosts);
    ck_assert_ptr_nonnull(strstr(line, "none makes the others wait"));
    mem_free(line);
}
END_TEST

START_TEST(slow_ranks_are_named_with_their_reason) {
    rank_times times[] = {{10, 1, 9, 10, 1}, {10, 9, 1, 10, 1}, {10, 1, 9, 10, 1}, {20, 0, 0, 10, 1}, {10, 1, 9, 10, 1}, {10, 1, 9, 10, 1}};
    rank_comparison c = stragglers_compare(times, 6);
    ck_assert_int_eq(c.n_slow, 2);
    ck_assert_int_eq(c.slowest[0], 3);
    ck_assert_int_eq(c.slowest[1], 1);
    const char *hosts[] = {"n1", "n1", "n2", "n2", "n3", "n3"};
    char *line = stragglers_line(&c, times, hosts);
    ck_assert_ptr_nonnull(strstr(line, "; rank 3 on n2 (compute), rank 1 on n1 (data) make the others wait, rank 0 on n1 waits longest"));
    ck_assert_ptr_nonnull(strstr(line, "wait 0.0000/0.9000/0.9000"));
    mem_free(line);
}
END_TEST

START_TEST(only_the_slowest_are_named) {
    enum { RANKS = 40 };
    rank_times times[RANKS];
    const char *hosts[RANKS];
    for (int r = 0; r < RANKS; r++) {
        times[r] = (rank_times){r < 30 ? 1 : 1 + 0.1 * r, 0, 0, 1, 1};
        hosts[r] = "n";
    }
    rank_comparison c = stragglers_compare(times, RANKS);
    ck_assert_int_eq(c.n_slow, 10);
    ck_assert_int_eq(c.n_slowest, STRAGGLERS_NAMED);
    for (int i = 0; i < STRAGGLERS_NAMED; i++)
        ck_assert_int_eq(c.slowest[i], RANKS - 1 - i);
    char *line = stragglers_line(&c, times, hosts);
    ck_assert_ptr_nonnull(strstr(line, "rank 37 on n (compute) and 7 more make the others wait"));
    mem_free(line);
}
END_TEST

/* 5 lanes on 3 ranks: who has two takes twice as long, and only the third takes longer than its lanes do. */
START_TEST(a_larger_share_takes_its_time) {
    rank_times times[] = {{20, 0, 2, 10, 1.2}, {20, 0, 2, 10, 1.2}, {18, 0, 4, 10, 0.6}};
    rank_comparison c = stragglers_compare(times, 3);
    ck_assert_int_eq(c.n_slow, 1);
    ck_assert_int_eq(c.slowest[0], 2);
    times[2].compute = 10;
    ck_assert_int_eq(stragglers_compare(times, 3).n_slow, 0);
}
END_TEST

/* ---- deadline ---- */

START_TEST(without_a_limit_there_is_always_time) {
    deadline d;
    deadline_init(&d, 0, 1u << 30);
    deadline_add_step(&d, 1e6);
    ck_assert(!deadline_is_near(&d, 1e9));
}
END_TEST

START_TEST(seconds_count_from_the_start_of_the_process) {
    double before = time_now() - time_process_start();
    ck_assert_double_ge(before, 0);
    ck_assert_double_lt(before, 60);
    deadline d;
    deadline_init(&d, 1000, 0);
    ck_assert_double_eq_tol(d.end - time_now(), 1000 - before, 1);
    ck_assert_double_eq_tol(d.allotment, 1000, 1);
}
END_TEST

/* The end is near once two more steps, a checkpoint and the margin would not fit. */
START_TEST(measured_times_bring_the_end_nearer) {
    deadline d;
    deadline_init(&d, 1000, 0);
    deadline_add_save(&d, 10);
    deadline_add_step(&d, 100);
    ck_assert(!deadline_is_near(&d, 0));
    ck_assert(deadline_is_near(&d, 990));
    deadline_add_save(&d, 420);
    ck_assert(deadline_is_near(&d, 0));
}
END_TEST

START_TEST(long_steps_are_remembered_for_a_while) {
    deadline d;
    deadline_init(&d, 1000, 0);
    deadline_add_step(&d, 100);
    deadline_add_step(&d, 1);
    ck_assert_double_gt(d.longest_step, 90);
    for (int i = 0; i < 500; i++)
        deadline_add_step(&d, 1);
    ck_assert_double_lt(d.longest_step, 2);
}
END_TEST

START_TEST(large_checkpoints_are_given_time_before_one_is_measured) {
    deadline small, large;
    deadline_init(&small, 1000, 0);
    deadline_init(&large, 1000, 1000000000);
    ck_assert_double_gt(large.save_seconds, small.save_seconds + 5);
}
END_TEST

static void set_time(const char *variable, double seconds_from_now) {
    char text[32];
    snprintf(text, sizeof text, "%.0f", (double)time(NULL) + seconds_from_now);
    setenv(variable, text, 1);
}

START_TEST(the_end_of_the_job_is_read_from_the_environment) {
    deadline d;
    set_time("SLURM_JOB_END_TIME", 500);
    deadline_init(&d, 0, 0);
    ck_assert_double_eq_tol(d.end - time_now(), 500, 2);
    set_time("SHOAL_END_TIME", 300);
    deadline_init(&d, 0, 0);
    ck_assert_double_eq_tol(d.end - time_now(), 300, 2);
    deadline_init(&d, 100, 0);
    ck_assert_double_eq_tol(d.end - time_process_start(), 100, 2);
    deadline_init(&d, 4000, 0);
    ck_assert_double_eq_tol(d.end - time_now(), 300, 2);
    unsetenv("SLURM_JOB_END_TIME");
    unsetenv("SHOAL_END_TIME");
}
END_TEST

/* ---- signals ---- */

START_TEST(signals_set_a_flag_that_stays) {
    static const int asking[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU, SIGPIPE};
    signals_watch();
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++) {
        ck_assert(!signals_stop());
        raise(asking[i]);
        signals_watch();
        ck_assert(signals_stop());
        raise(asking[i]);
        ck_assert(signals_stop());
        signals_forget();
    }
}
END_TEST

START_TEST(a_lost_terminal_stays_ignored_under_nohup) {
    signal(SIGHUP, SIG_IGN);
    signals_watch();
    raise(SIGHUP);
    ck_assert(!signals_stop());
}
END_TEST

START_TEST(a_limit_of_file_size_is_a_failed_write) {
    struct rlimit before, limit;
    FILE *file = tmpfile();
    ck_assert(file && getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = (struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max};
    signals_let_writes_fail();
    setrlimit(RLIMIT_FSIZE, &limit);
    bool written = fseek(file, 200, SEEK_SET) == 0 && fputc('x', file) == 'x' && fflush(file) == 0;
    int reason = errno;
    setrlimit(RLIMIT_FSIZE, &before); /* libcheck writes files of its own */
    ck_assert(!written);
    ck_assert_int_eq(reason, EFBIG);
}
END_TEST

/* ---- place ---- */

START_TEST(everything_that_is_done_counts) {
    place_step(7);
    place_phase("backward");
    place_work("conv1");
    place_waits(true);
    place_now a = place_read();
    ck_assert(a.step == 7 && a.waiting);
    ck_assert_str_eq(a.phase, "backward");
    ck_assert_str_eq(a.work, "conv1");
    place_waits(false);
    ck_assert(place_read().ticks == a.ticks && !place_read().waiting);
    place_tick();
    ck_assert(place_read().ticks != a.ticks);
    place_phase("optimizer");
    ck_assert_str_eq(place_read().work, "");
}
END_TEST

int main(void) {
    TCase *cases = suite_case("life");
    tcase_add_test(cases, even_ranks_wait_for_nobody);
    tcase_add_test(cases, slow_ranks_are_named_with_their_reason);
    tcase_add_test(cases, only_the_slowest_are_named);
    tcase_add_test(cases, a_larger_share_takes_its_time);
    tcase_add_test(cases, without_a_limit_there_is_always_time);
    tcase_add_test(cases, seconds_count_from_the_start_of_the_process);
    tcase_add_test(cases, measured_times_bring_the_end_nearer);
    tcase_add_test(cases, long_steps_are_remembered_for_a_while);
    tcase_add_test(cases, large_checkpoints_are_given_time_before_one_is_measured);
    tcase_add_test(cases, the_end_of_the_job_is_read_from_the_environment);
    tcase_add_test(cases, signals_set_a_flag_that_stays);
    tcase_add_test(cases, a_lost_terminal_stays_ignored_under_nohup);
    tcase_add_test(cases, a_limit_of_file_size_is_a_failed_write);
    tcase_add_test(cases, everything_that_is_done_counts);
    return suite_run();
}
