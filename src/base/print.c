#define _POSIX_C_SOURCE 200809L /* sigaction */
#include "base/print.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

enum { UNKNOWN = -1 };
static atomic_int first_problem; /* errno of the first write that failed; 0: none */

static void note(bool failed) {
    if (failed && first_problem == 0)
        first_problem = errno ? errno : UNKNOWN;
}

/* Held by something that cannot be used in that direction, so that whoever does so is told. */
static void hold(int descriptor) {
    if (fcntl(descriptor, F_GETFD) < 0)
        open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest that is free: this one */
}

static void pass_over(int signal) {
    (void)signal;
}

void print_begin(void) {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        hold(descriptor);
    /* a handler, because programs that are started inherit that a signal is ignored */
    struct sigaction action = {.sa_handler = pass_over, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
}

static void put(const char *format, va_list args, bool whole) {
    char room[TEXT_LINE], *line = text_line(room, "", format, args);
    errno = 0;
    note(fwrite(line, 1, strlen(line) - !whole, stdout) < strlen(line) - !whole);
    if (line != room)
        mem_free(line);
}

void print_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(format, args, true);
    va_end(args);
}

void print_part(const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(format, args, false);
    va_end(args);
}

void print_flush(void) {
    errno = 0;
    note(fflush(stdout) != 0 || ferror(stdout));
}

bool print_failed(void) {
    return first_problem != 0;
}

/* Network file systems tell only when a file is closed: a copy of the descriptor does for that. */
static void close_copy(void) {
    errno = 0;
    int copy = dup(STDOUT_FILENO);
    note(copy >= 0 && close(copy) != 0);
}

err print_check(void) {
    print_flush();
    close_copy();
    if (first_problem == 0)
        return OK;
    return fail(ERR_IO, "standard output cannot be written: %s", first_problem == UNKNOWN ? "a write failed" : strerror(first_problem));
}
