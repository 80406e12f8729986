/* For tests that all ranks run at once: a failed check leaves the test on that rank alone, and the others would wait for it for ever.
 * So ranks agree on every verdict first: ck_assert(everywhere(x == y)). */
#ifndef SHOAL_TEST_EVERYWHERE_H
#define SHOAL_TEST_EVERYWHERE_H

#include <mpi.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "comm/comm.h"
#include "suite.h"

/* Whether it holds on all ranks. */
static inline bool everywhere(bool holds) {
    int mine = holds, all, done = 0;
    MPI_Request request;
    MPI_Iallreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
    for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done; MPI_Test(&request, &done, MPI_STATUS_IGNORE))
        sched_yield(); /* on a busy machine a spinning rank keeps the others from their verdict */
    if (!holds)
        fprintf(stderr, "the next check fails on rank %d\n", comm_rank(comm_world()));
    return all;
}

/* Runs the suite between comm_init() and comm_finish(); returns main's result. */
static inline int run_everywhere(void) {
    SRunner *runner = srunner_create(the_suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, comm_rank(comm_world()) == 0 ? CK_NORMAL : CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    comm_finish();
    return failed != 0;
}

#endif
