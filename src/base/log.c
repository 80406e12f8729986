#define _POSIX_C_SOURCE 200809L /* isatty, readlink */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

static const double seconds_between_redraws = 0.2, seconds_between_lines = 10;

static int my_rank;
static FILE *log_file;
static bool status_shown;

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
    log_file = fopen(path, "a");
    return log_file != NULL;
}

void log_close(void) {
    if (log_file)
        fclose(log_file);
    log_file = NULL;
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
    fflush(stdout);
}

static void write_line(FILE *stream, const char *lead, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    wipe_status();
    fputs(lead, stream);
    vfprintf(stream, format, args);
    fputc('\n', stream);
    fflush(stream);
    if (log_file) {
        fputs(lead, log_file);
        vfprintf(log_file, format, again);
        fputc('\n', log_file);
        fflush(log_file);
    }
    va_end(again);
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

static void write_status(const char *format, va_list args) {
    wipe_status();
    status_shown = vprintf(format, args) > 0;
    fflush(stdout);
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
