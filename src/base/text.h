/* Text for people: numbers with units, suggestions for misspelt words, strings made to measure. */
#ifndef SHOAL_BASE_TEXT_H
#define SHOAL_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_NUMBER = 32, TEXT_LINE = 1400 }; /* chars that hold any number below; that hold most lines */

/* printf into a new string; free with mem_free(). */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The text in lines of at most `width` characters, cut at spaces; each but the first begins with `indent` spaces, which the first has
 * before it already. A new string. */
char *text_wrapped(const char *text, int indent, int width);

/* Puts `more` behind *text; both are new strings, and *text is one again. `more` is freed. */
void text_append(char **text, char *more);

/* The text as it may be shown to people: control characters and bytes that are no UTF-8 as \xNN. Into `out` of `size` chars, cut where it
 * is longer; returns the chars that all of it needs, without the 0 at the end, as snprintf() does. */
size_t text_printable(char *out, size_t size, const char *text);

/* `lead`, then what is formatted, printable, as one line that ends with a newline. In `room`, or a new string where that is too small: free
 * it where it is another than `room`. Never fails: without memory it is cut. */
char *text_line(char room[TEXT_LINE], const char *lead, const char *format, va_list args);

/* A number in decimal digits, and nothing else: no space, no unit, no infinity. False where the text is none, or beyond the type. */
bool text_to_whole(const char *text, int64_t *number);
bool text_to_real(const char *text, double *number);

/* For qsort and bsearch over an array of strings: bytewise order. */
int text_compare(const void *a, const void *b);

/* Into `out` (TEXT_NUMBER chars), which is returned: `25,557,032`; `102.2 MB` (powers of 1000); `0:12:40` (hours, minutes, seconds). */
char *text_count(char *out, int64_t number);
char *text_bytes(char *out, size_t bytes);
char *text_duration(char *out, double seconds);

/* `1 picture`, `25,557 pictures`, `2 classes`. Into `out`, which is returned. */
enum { TEXT_AMOUNT = 64 };
char *text_amount(char out[TEXT_AMOUNT], int64_t count, const char *what);

/* Plural ending: `s` unless count is 1, then the empty string. */
const char *text_plural(int64_t count);

/* The word of words[0…count) that a person most likely meant by `word`, or NULL where none is near: at most a third of its letters, and
 * one more, are wrong, missing or too many. `stride` is the distance between entries in bytes: each entry begins with a `const char *`,
 * so that a table of structs can be searched. */
const char *text_nearest(const char *word, const void *words, size_t count, size_t stride);

/* ` (did you mean "x"?)` for the nearest word, or the empty string. Into `out`, which is returned. */
char *text_suggest(char out[128], const char *word, const void *words, size_t count, size_t stride);

#endif
