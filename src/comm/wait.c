/* Waiting for MPI without holding a core: a few quick polls for an answer that is about to come, then naps that grow with the time
 * already spent, so that a wait is lengthened by a small part of itself at most. */
#include "comm/inside.h"

#include <sched.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static const double poll_seconds = 30e-6, shortest_nap = 20e-6, longest_nap = 200e-6, nap_share = 0.125;

/* Linux lets a thread sleep 50 us longer than it asked, unless it says that it minds. */
static void ask_for_exact_naps(void) {
#ifdef __linux__
    static _Thread_local bool asked;
    if (!asked)
        prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); /* nanoseconds */
    asked = true;
#endif
}

static void pause_after(double waited) {
    if (waited < poll_seconds) {
        sched_yield();
        return;
    }
    ask_for_exact_naps();
    double nap = nap_share * waited;
    time_sleep(nap < shortest_nap ? shortest_nap : nap > longest_nap ? longest_nap : nap);
}

void comm_wait_all(MPI_Request *requests, int count) {
    int done = 0;
    comm_check(MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE), "MPI_Testall");
    double start = done ? 0 : time_now();
    while (!done) {
        pause_after(time_now() - start);
        comm_check(MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE), "MPI_Testall");
    }
}
