/* Log lines. Information and warnings are rank 0's to print; errors anybody's. Whatever stands in a line is made printable
 * (text_printable()), so that nobody's file name or class forges another. */
#ifndef SHOAL_BASE_LOG_H
#define SHOAL_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

/* This process's MPI rank (0 until told otherwise). */
void log_set_rank(int rank);
int log_rank(void);

/* Appends every later line to the file at `path` as well (rank 0 only; others ignore it). False where it cannot be opened. */
bool log_open(const char *path);
void log_close(void);

/* Whether a line could not be written since the start, to that file or to stdout. */
bool log_failed(void);

/* ERR_IO where a line could not be written since the start, to that file or to stdout; the first reason is told. */
err log_check(void);

/* Rank 0: a line to stdout. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Rank 0: a line to stderr, led by `warning: `. */
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Any rank: a line to stderr, led by `shoal: `. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Rank 0: text that the next line overwrites; only to stdout, and only where that is a terminal. Empty text wipes it. */
void log_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Rank 0: how far long work is: a status on a terminal, a line elsewhere. */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether it is time to show progress again; *shown, when that was last (time_now()), then becomes now. */
bool log_progress_is_due(double *shown);

/* Whether stdout is a terminal, so that log_status() is seen. */
bool log_is_terminal(void);

#endif
