/* comm: reports to rank 0 that nobody waits for, and what rank 0 collects. */
#include "everywhere.h"
#include "suite.h"

#include <string.h>

typedef struct report {
    int rank, beat;
    char padding[120];
} report;

START_TEST(rank_0_collects) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    double mine[3] = {rank, rank * 10.0, -rank}, *all = rank == 0 ? mem_new((size_t)size, sizeof mine) : NULL;
    comm_collect(comm_world(), mine, all, sizeof mine);
    bool right = true;
    for (int r = 0; all && r < size; r++)
        right = right && all[3 * r] == r && all[3 * r + 1] == r * 10.0 && all[3 * r + 2] == -r;
    mem_free(all);
    ck_assert(everywhere(right));
}
END_TEST

/* Beats until every report that this rank is to get shows `wanted`, for 10 s at most. */
static bool hears(comm_pulse *p, int wanted) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    bool all_heard = false;
    for (double start = time_now(); !all_heard && time_now() - start < 10; time_sleep(0.001)) {
        comm_pulse_beat(p, &(report){.rank = rank, .beat = wanted});
        all_heard = true;
        for (int r = rank == 0 ? 1 : 0; r < (rank == 0 ? size : 1); r++) {
            double age;
            const report *theirs = comm_pulse_read(p, r, &age);
            all_heard = all_heard && theirs->rank == r && theirs->beat >= wanted && age < 10;
        }
    }
    return all_heard;
}

START_TEST(reports_arrive) {
    comm_pulse *p = comm_pulse_new(comm_world(), sizeof(report));
    bool heard = true;
    for (int beat = 1; beat < 20; beat++)
        heard = hears(p, beat) && heard;
    heard = everywhere(heard);
    comm_pulse_free(p);
    ck_assert(heard);
}
END_TEST

/* Rank 0's report of a silent rank stays what it was, and grows old; nobody hangs. */
START_TEST(silence_holds_up_nobody) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    comm_pulse *p = comm_pulse_new(comm_world(), sizeof(report));
    for (int beat = 0; beat < 200 && rank != size - 1; beat++) {
        comm_pulse_beat(p, &(report){.rank = rank, .beat = beat});
        time_sleep(0.001);
    }
    double age = 1;
    const report *silent = rank == 0 && size > 1 ? comm_pulse_read(p, size - 1, &age) : NULL;
    bool holds = everywhere(!silent || (silent->beat == 0 && age >= 0.2));
    comm_pulse_free(p);
    ck_assert(holds);
}
END_TEST

/* Many reports may be on the way when it ends. */
START_TEST(nothing_is_left_on_the_way) {
    for (int round = 0; round < 5; round++) {
        comm_pulse *p = comm_pulse_new(comm_world(), sizeof(report));
        int beats = comm_rank(comm_world()) == 0 ? 3 : 50;
        for (int beat = 0; beat < beats; beat++)
            comm_pulse_beat(p, &(report){.beat = beat});
        comm_pulse_free(p);
    }
    ck_assert(everywhere(true));
}
END_TEST

int main(void) {
    if (comm_init() != OK)
        return 1;
    TCase *tests = suite_case("pulse");
    tcase_add_test(tests, rank_0_collects);
    tcase_add_test(tests, reports_arrive);
    tcase_add_test(tests, silence_holds_up_nobody);
    tcase_add_test(tests, nothing_is_left_on_the_way);
    return run_everywhere();
}
