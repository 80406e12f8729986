/* The threads of this rank: one pool, used for everything that is shared out. Kernels themselves are single-threaded. Beside it threads
 * with an errand of their own. */
#ifndef SHOAL_BASE_THREADS_H
#define SHOAL_BASE_THREADS_H

#include <pthread.h>

/* Sets how many threads threads_run() uses (≥ 1). Not while it runs. */
void threads_set(int count);
int threads_count(void);

/* Calls work(context, item, thread) for every item of [0, items), in any order and on any thread of [0, threads_count()); returns
 * when all are done. Called from one thread at a time, never from within itself. */
void threads_run(int items, void (*work)(void *context, int item, int thread), void *context);

/* As pthread_create(), but the thread is never interrupted by a signal: those are the main thread's. */
int threads_start(pthread_t *thread, void *(*run)(void *), void *context);

#endif
