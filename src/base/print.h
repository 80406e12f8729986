/* What a subcommand was called for, to stdout: results for people and programs. What cannot be written there is an error. */
#ifndef SHOAL_BASE_PRINT_H
#define SHOAL_BASE_PRINT_H

#include <stdbool.h>

#include "base/err.h"

/* For the start of the program: descriptors 0 to 2 that are closed are held, so that no file of ours becomes one of them, and a pipe that
 * nobody reads is a write that fails, not the end of the process. */
void print_begin(void);

/* A line, or a part of one, with everything in it printable (text_printable()): no text of others begins a line. */
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_part(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Gives the kernel what was printed. */
void print_flush(void);

/* Whether anything could not be written since the start. */
bool print_failed(void);

/* Gives the kernel what was printed. ERR_IO where anything could not be written since the start; the first reason is told. */
err print_check(void);

#endif
