/* The launch table and its warnings, for launches that this machine could never make. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"
#include "launch/launch.h"
#include "suite.h"

enum { MOST_RANKS = 256 };

static core_set cores_from(int first, int count) {
    core_set set = {{0}};
    for (int core = first; core < first + count; core++)
        set.word[core / 64] |= UINT64_C(1) << core % 64;
    return set;
}

/* Rank r of a host that has 16 cores, the ranks of which may use `count` from core `first` on. */
static launch_rank rank_on(int host, int first, int count, int threads) {
    launch_rank r = {.cores = cores_from(first, count), .threads = threads, .limit = CORES_MAX, .memory = 64000000000};
    r.bound = count < 16;
    snprintf(r.host, sizeof r.host, "n%03d", host);
    return r;
}

static void check_text(char *text, const char *part) {
    ck_assert_msg(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
    mem_free(text);
}

static void check_empty(char *text) {
    ck_assert_str_eq(text, "");
    mem_free(text);
}

static int count_lines(const char *text) {
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(names_are_told_in_short) {
    const char *names[] = {"n010", "n001", "n002", "login", "n003", "n007", "n002", "gpu1.site.org", "gpu2.site.org", "x12y7"};
    char *text = hosts_short(names, 10);
    ck_assert_str_eq(text, "gpu[1-2].site.org,login,n[001-003,007,010],x12y7");
    mem_free(text);
    const char *one[] = {"n9"}, *uneven[] = {"n9", "n10"};
    text = hosts_short(one, 1);
    ck_assert_str_eq(text, "n9");
    mem_free(text);
    text = hosts_short(uneven, 2);
    ck_assert_str_eq(text, "n10,n9");
    mem_free(text);
}
END_TEST

START_TEST(equal_hosts_make_one_line) {
    launch_rank ranks[MOST_RANKS];
    for (int r = 0; r < 128; r++)
        ranks[r] = rank_on(r / 2 + 1, r % 2 * 8, 8, 8);
    char *text = launch_table(ranks, 128);
    ck_assert_int_eq(count_lines(text), 2);
    check_text(text, "launch: 128 ranks on 64 hosts, 1,024 threads\n"
                     "  n[001-064]: 64 hosts x 2 ranks x 8 threads; a rank may use 8 cores of 16, 64.0 GB a host\n");
    check_empty(launch_mistakes(ranks, 128));
}
END_TEST

START_TEST(an_odd_host_has_its_own_line) {
    launch_rank ranks[MOST_RANKS];
    for (int r = 0; r < 16; r++)
        ranks[r] = rank_on(r / 2 + 1, r % 2 * 8, r == 6 ? 4 : 8, 4);
    char *text = launch_table(ranks, 16);
    ck_assert_int_eq(count_lines(text), 3);
    ck_assert_ptr_nonnull(strstr(text, "  n004: 1 host x 2 ranks x 4 threads; a rank may use 4 to 8 cores of 12"));
    check_text(text, "  n[001-003,005-008]: 7 hosts");
}
END_TEST

/* Ranks of a host need not be neighbours. */
START_TEST(cyclic_ranks_are_counted_too) {
    launch_rank ranks[MOST_RANKS];
    for (int r = 0; r < 8; r++)
        ranks[r] = rank_on(r % 4, r / 4 * 8, 8, 8);
    check_text(launch_table(ranks, 8), "  n[000-003]: 4 hosts x 2 ranks x 8 threads");
}
END_TEST

START_TEST(ranks_on_one_core_are_seen) {
    launch_rank ranks[MOST_RANKS];
    for (int r = 0; r < 4; r++)
        ranks[r] = rank_on(1, r < 3 ? 5 : 6, 1, 1);
    check_text(launch_mistakes(ranks, 4), "n001: ranks are pinned to the same core: 3 of them to core 5,");
    for (int r = 0; r < 4; r++)
        ranks[r] = rank_on(1, r, 1, 1);
    check_empty(launch_mistakes(ranks, 4));
}
END_TEST

START_TEST(too_many_threads_are_seen) {
    launch_rank ranks[] = {rank_on(1, 0, 16, 16), rank_on(1, 0, 16, 16)};
    check_text(launch_mistakes(ranks, 2), "n001: 2 ranks with 32 threads in all on 16 cores: more threads than cores");
    ranks[0].threads = ranks[1].threads = 8;
    check_empty(launch_mistakes(ranks, 2));
    ranks[0].limit = ranks[1].limit = 4;
    check_text(launch_mistakes(ranks, 2), "2 ranks with 16 threads in all on 4 cores");
}
END_TEST

START_TEST(one_crowded_rank_is_seen) {
    launch_rank ranks[] = {rank_on(1, 0, 1, 4), rank_on(1, 1, 15, 4)};
    check_text(launch_mistakes(ranks, 2), "n001: more threads than cores: 4 threads of a rank that may use 1 core");
}
END_TEST

START_TEST(more_ranks_than_cores_are_seen) {
    launch_rank ranks[MOST_RANKS];
    for (int r = 0; r < 20; r++)
        ranks[r] = rank_on(1, 0, 16, 1);
    check_text(launch_mistakes(ranks, 20), "n001: 20 ranks on 16 cores take turns");
}
END_TEST

START_TEST(a_forgotten_srun_is_seen) {
    setenv("SLURM_NTASKS", "8", 1);
    check_text(launch_idle_tasks(1), "SLURM has given this job 8 tasks, but MPI says that there is 1 rank");
    ck_assert_ptr_null(launch_idle_tasks(8));
    ck_assert_ptr_null(launch_idle_tasks(4)); /* somebody's own choice */
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    ck_assert_ptr_null(launch_idle_tasks(1)); /* srun -n1 */
    unsetenv("SLURM_NTASKS");
    unsetenv("SLURM_STEP_NUM_TASKS");
    ck_assert_ptr_null(launch_idle_tasks(1));
}
END_TEST

START_TEST(what_unequal_shares_cost_is_said) {
    check_text(launch_shares(8, 3), "8 lanes on 3 ranks: 2 have 3, 1 has 2 and waits for the others: a step takes as long as with 9 lanes, "
                                    "11 % of the time is lost");
    check_text(launch_shares(8, 7), "8 lanes on 7 ranks: 1 has 2, 6 have 1 and wait for the others: a step takes as long as with 14 lanes, "
                                    "43 % of the time is lost");
    ck_assert_ptr_null(launch_shares(8, 4));
    ck_assert_ptr_null(launch_shares(8, 1));
}
END_TEST

/* What the launchers set: the process's rank, the number of processes. */
START_TEST(another_mpis_launcher_is_seen) {
    static const char *const launchers[][2] = {{"PMI_RANK", "PMI_SIZE"},
                                               {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                               {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
                                               {"MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
                                               {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        setenv(launchers[i][0], "3", 1);
        setenv(launchers[i][1], "8", 1);
        ck_assert_int_eq(comm_launcher_rank(), 3);
        ck_assert_int_eq(comm_check_connected(1), ERR_USAGE);
        ck_assert_msg(strstr(err_last()->text, "8 processes were launched"), "%s", err_last()->text);
        ck_assert_int_eq(comm_check_connected(8), OK);
        setenv(launchers[i][1], "1", 1);
        ck_assert_int_eq(comm_check_connected(1), OK);
        unsetenv(launchers[i][0]);
        unsetenv(launchers[i][1]);
    }
    ck_assert_int_eq(comm_launcher_rank(), 0);
}
END_TEST

/* mpirun starts its helpers with srun, one a node: its own words count. A batch script is no step, whatever the job was granted. */
START_TEST(the_nearest_launcher_counts) {
    setenv("SLURM_NTASKS", "8", 1);
    setenv("SLURM_PROCID", "0", 1);
    ck_assert_int_eq(comm_check_connected(1), OK);
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    setenv("PMI_SIZE", "1", 1);
    setenv("PMI_RANK", "0", 1);
    ck_assert_int_eq(comm_check_connected(1), OK);
    unsetenv("PMI_SIZE");
    unsetenv("PMI_RANK");
    ck_assert_int_eq(comm_check_connected(1), ERR_USAGE);
    unsetenv("SLURM_NTASKS");
    unsetenv("SLURM_PROCID");
    unsetenv("SLURM_STEP_NUM_TASKS");
}
END_TEST

int main(void) {
    TCase *cases = suite_case("launch");
    tcase_add_test(cases, names_are_told_in_short);
    tcase_add_test(cases, equal_hosts_make_one_line);
    tcase_add_test(cases, an_odd_host_has_its_own_line);
    tcase_add_test(cases, cyclic_ranks_are_counted_too);
    tcase_add_test(cases, ranks_on_one_core_are_seen);
    tcase_add_test(cases, too_many_threads_are_seen);
    tcase_add_test(cases, one_crowded_rank_is_seen);
    tcase_add_test(cases, more_ranks_than_cores_are_seen);
    tcase_add_test(cases, a_forgotten_srun_is_seen);
    tcase_add_test(cases, what_unequal_shares_cost_is_said);
    tcase_add_test(cases, another_mpis_launcher_is_seen);
    tcase_add_test(cases, the_nearest_launcher_counts);
    return suite_run();
}
