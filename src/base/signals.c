#define _POSIX_C_SOURCE 200809L /* sigaction */
#include "base/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop;

static void note(int signal) {
    (void)signal;
    stop = 1;
}

void signals_watch(void) {
    static const int asking[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++)
        sigaction(asking[i], &action, NULL);
}

bool signals_stop(void) {
    return stop;
}

void signals_forget(void) {
    stop = 0;
}
