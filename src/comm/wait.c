/* Waiting for other ranks without holding a core: some quick polls for an answer that is about to come, then naps that grow with the time
 * already spent, so that a wait is lengthened by a small part of itself at most. */
#include "comm/internal.h"

#include <sched.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

typedef struct patience {
    double poll_seconds; /* then naps begin */
    double nap_share;    /* of the time already waited */
} patience;

static const patience drowsy = {100e-6, 0.125}, wakeful = {20e-3, 0.02};
static const double shortest_nap = 20e-6, longest_nap = 1e-3, moved_seconds = 20e-6;

static double cores_per_rank = 1; /* on this node */

void comm_count_cores(comm *world) {
    core_set mine = cores_available(), all = {{0}};
    comm *node = comm_true_node(world);
    int ranks = comm_size(node);
    core_set *sets = mem_new((size_t)ranks, sizeof *sets);
    comm_gather_equal(node, &mine, sets, sizeof mine);
    comm_free(node);
    for (int r = 0; r < ranks; r++)
        all = cores_join(all, sets[r]);
    mem_free(sets);
    int cores = cores_count(all), limit = cores_limit();
    cores_per_rank = (double)(cores < limit ? cores : limit) / ranks;
}

void comm_stay_awake(comm *c) {
    c->awake = threads_count() <= cores_per_rank;
}

/* Linux lets a thread sleep 50 us longer than it asked, unless it says that it minds. */
static void ask_for_exact_naps(void) {
#ifdef __linux__
    static _Thread_local bool asked;
    if (!asked)
        prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); /* nanoseconds */
    asked = true;
#endif
}

void comm_pause(const comm *c, double idle) {
    const patience *p = c->awake ? &wakeful : &drowsy;
    if (idle < p->poll_seconds) {
        sched_yield();
        return;
    }
    ask_for_exact_naps();
    double nap = p->nap_share * idle;
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

void comm_wait_all(const comm *c, MPI_Request *requests, int count) {
    double idle_since = time_now();
    while (!test_all(requests, count, &idle_since))
        comm_pause(c, time_now() - idle_since);
}
