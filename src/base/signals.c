#define _POSIX_C_SOURCE 200809L /* sigaction */
#define _XOPEN_SOURCE 700       /* SIGXCPU */
#include "base/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop;

static void note(int signal) {
    (void)signal;
    stop = 1;
}

/* nohup, and shells that start something to outlive them, have said that a lost terminal is nothing to us. */
static bool is_ignored(int signal) {
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void signals_watch(void) {
    static const int asking[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGXCPU, SIGPIPE, SIGHUP};
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++)
        if (asking[i] != SIGHUP || !is_ignored(SIGHUP))
            sigaction(asking[i], &action, NULL);
}

void signals_let_writes_fail(void) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigaction(SIGXFSZ, &action, NULL);
}

bool signals_stop(void) {
    return stop;
}

void signals_forget(void) {
    stop = 0;
}
