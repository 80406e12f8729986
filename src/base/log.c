#define _POSIX_C_SOURCE 200809L /* isatty, readlink */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/print.h"
#include "base/text.h"
#include "base/time.h"

static const double seconds_between_redraws = 0.2, seconds_between_lines = 10;

static int my_rank;
static FILE *log_file;
static char *log_path;
static atomic_int log_problem; /* errno of the file's first write that failed */
static bool status_shown;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* for the file and the status: whoever writes checkpoints or watches warns too */

void log_set_rank(int rank) {
    my_rank = rank;
}

int log_rank(void) {
    return my_rank;
}

bool log_open(const char *path) {
    if (my_rank != 0)
        return true;
    log_close();
    pthread_mutex_lock(&turn);
    log_path = mem_string(path);
    log_file = fopen(path, "a");
    bool opened = log_file != NULL;
    pthread_mutex_unlock(&turn);
    return opened;
}

static void note_problem(bool failed) {
    if (failed && log_problem == 0)
        log_problem = errno;
}

void log_close(void) {
    pthread_mutex_lock(&turn);
    if (log_file)
        note_problem(fclose(log_file) != 0);
    mem_free(log_path);
    log_file = NULL;
    log_path = NULL;
    pthread_mutex_unlock(&turn);
}

bool log_failed(void) {
    return log_problem || print_failed();
}

err log_check(void) {
    if (log_problem)
        return fail(ERR_IO, "%s: cannot be written: %s", log_path ? log_path : "log.txt", strerror(log_problem));
    return print_check();
}

/* mpirun gives its ranks a pseudo-terminal even where its own output goes to a file: what counts is where mpirun writes to. */
static bool launcher_is_terminal(void) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/1", (long)getppid());
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return false;
    target[length] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

bool log_is_terminal(void) {
    bool launched = getenv("OMPI_COMM_WORLD_RANK") || getenv("PMIX_RANK") || getenv("PMI_RANK");
    return isatty(STDOUT_FILENO) && (!launched || launcher_is_terminal());
}

static void wipe_status(void) {
    if (status_shown)
        fputs("\r\033[K", stdout);
    status_shown = false;
    print_flush();
}

/* In one piece, so that lines of several ranks do not mix. */
static void write_line(FILE *stream, const char *lead, const char *format, va_list args) {
    char room[TEXT_LINE], *line = text_line(room, lead, format, args);
    pthread_mutex_lock(&turn);
    wipe_status();
    fputs(line, stream);
    if (stream == stdout)
        print_flush();
    if (log_file)
        note_problem(fputs(line, log_file) < 0 || fflush(log_file) != 0);
    pthread_mutex_unlock(&turn);
    if (line != room)
        mem_free(line);
}

void log_info(const char *format, ...) {
    if (my_rank != 0)
        return;
    va_list args;
    va_start(args, format);
    write_line(stdout, "", format, args);
    va_end(args);
}

void log_warn(const char *format, ...) {
    if (my_rank != 0)
        return;
    va_list args;
    va_start(args, format);
    write_line(stderr, "warning: ", format, args);
    va_end(args);
}

void log_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line(stderr, "shoal: ", format, args);
    va_end(args);
}

/* Without the newline. */
static void write_status(const char *format, va_list args) {
    char room[TEXT_LINE], *line = text_line(room, "", format, args);
    pthread_mutex_lock(&turn);
    wipe_status();
    status_shown = strlen(line) > 1 && fwrite(line, strlen(line) - 1, 1, stdout) == 1;
    print_flush();
    pthread_mutex_unlock(&turn);
    if (line != room)
        mem_free(line);
}

void log_status(const char *format, ...) {
    if (my_rank != 0 || !log_is_terminal())
        return;
    va_list args;
    va_start(args, format);
    write_status(format, args);
    va_end(args);
}

void log_progress(const char *format, ...) {
    if (my_rank != 0)
        return;
    va_list args;
    va_start(args, format);
    if (log_is_terminal())
        write_status(format, args);
    else
        write_line(stdout, "", format, args);
    va_end(args);
}

bool log_progress_is_due(double *shown) {
    double now = time_now();
    if (now - *shown < (log_is_terminal() ? seconds_between_redraws : seconds_between_lines))
        return false;
    *shown = now;
    return true;
}
