/* Text for people: numbers with units, suggestions for misspelt words, strings made to measure. */
#ifndef SHOAL_BASE_TEXT_H
#define SHOAL_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_NUMBER = 32 }; /* chars that hold any number below */

/* printf into a new string; free with mem_free(). */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Puts `more` behind *text; both are new strings, and *text is one again. `more` is freed. */
void text_append(char **text, char *more);

/* For qsort and bsearch over an array of strings: bytewise order. */
int text_compare(const void *a, const void *b);

/* Into `out` (TEXT_NUMBER chars), which is returned: `25,557,032`; `102.2 MB` (powers of 1000); `0:12:40` (hours, minutes, seconds). */
char *text_count(char *out, int64_t number);
char *text_bytes(char *out, size_t bytes);
char *text_duration(char *out, double seconds);

/* Plural ending: `s` unless count is 1, then the empty string. */
const char *text_plural(int64_t count);

/* The word of words[0…count) that a person most likely meant by `word`, or NULL where none is near: at most a third of its letters, and
 * one more, are wrong, missing or too many. `stride` is the distance between entries in bytes: each entry begins with a `const char *`,
 * so that a table of structs can be searched. */
const char *text_nearest(const char *word, const void *words, size_t count, size_t stride);

/* ` (did you mean "x"?)` for the nearest word, or the empty string. Into `out`, which is returned. */
char *text_suggest(char out[128], const char *word, const void *words, size_t count, size_t stride);

#endif
