/* HDF5 is for one thread at a time: who has a file open keeps the others waiting. A thread may have several. */
#define _POSIX_C_SOURCE 200809L /* recursive mutexes */
#include <pthread.h>

#include "h5/internal.h"

static pthread_mutex_t mutex;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_mutex(void) {
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
}

/* A child process has one thread only, and another one than holds the lock. */
static void make(void) {
    make_mutex();
    pthread_atfork(NULL, NULL, make_mutex);
}

void h5_lock(void) {
    pthread_once(&made, make);
    pthread_mutex_lock(&mutex);
}

void h5_unlock(void) {
    pthread_mutex_unlock(&mutex);
}
