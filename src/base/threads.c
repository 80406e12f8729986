#define _POSIX_C_SOURCE 200809L /* pthread_sigmask */
#include "base/threads.h"

#include <omp.h>
#include <signal.h>

static int thread_count = 1;

void threads_set(int count) {
    thread_count = count;
}

int threads_count(void) {
    return thread_count;
}

void threads_run(int items, void (*work)(void *context, int item, int thread), void *context) {
    if (thread_count == 1 || items == 1) {
        for (int item = 0; item < items; item++)
            work(context, item, 0);
        return;
    }
#pragma omp parallel for num_threads(thread_count) schedule(dynamic, 1)
    for (int item = 0; item < items; item++)
        work(context, item, omp_get_thread_num());
}

/* A thread is born with the signals blocked that its maker has blocked. */
int threads_start(pthread_t *thread, void *(*run)(void *), void *context) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return problem;
}
