/* Waiting for MPI without holding a core: a few quick polls for an answer that is about to come, then naps that grow with the time
 * already spent, so that a wait is lengthened by a small part of itself at most. */
#include "comm/internal.h"

#include <sched.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

static const double poll_seconds = 100e-6, shortest_nap = 20e-6, longest_nap = 1e-3, nap_share = 0.125, moved_seconds = 20e-6;

/* Linux lets a thread sleep 50 us longer than it asked, unless it says that it minds. */
static void ask_for_exact_naps(void) {
#ifdef __linux__
    static _Thread_local bool asked;
    if (!asked)
        prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); /* nanoseconds */
    asked = true;
#endif
}

static void pause_after(double idle) {
    if (idle < poll_seconds) {
        sched_yield();
        return;
    }
    ask_for_exact_naps();
    double nap = nap_share * idle;
    time_sleep(nap < shortest_nap ? shortest_nap : nap > longest_nap ? longest_nap : nap);
}

/* Whether all are through. A call that took long has moved data, and more may follow at once: idling begins anew. */
static bool test_all(MPI_Request *requests, int count, double *idle_since) {
    int done = 0;
    double start = time_now();
    comm_check(MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE), "MPI_Testall");
    double end = time_now();
    if (end - start > moved_seconds)
        *idle_since = end;
    return done;
}

void comm_wait_all(MPI_Request *requests, int count) {
    double idle_since = time_now();
    while (!test_all(requests, count, &idle_since))
        pause_after(time_now() - idle_since);
}
