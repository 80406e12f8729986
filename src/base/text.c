#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *text_format(const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = mem_new((size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void text_append(char **text, char *more) {
    char *joined = text_format("%s%s", *text, more);
    mem_free(*text);
    mem_free(more);
    *text = joined;
}

int text_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *text_plural(int64_t count) {
    return count == 1 ? "" : "s";
}

char *text_amount(char out[TEXT_AMOUNT], int64_t count, const char *what) {
    char number[TEXT_NUMBER];
    size_t length = strlen(what);
    const char *more = count == 1 ? "" : length > 0 && what[length - 1] == 's' ? "es" : "s";
    snprintf(out, TEXT_AMOUNT, "%s %s%s", text_count(number, count), what, more);
    return out;
}

char *text_count(char *out, int64_t number) {
    char digits[TEXT_NUMBER];
    int length = snprintf(digits, sizeof digits, "%" PRId64, number), used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

char *text_bytes(char *out, size_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    snprintf(out, TEXT_NUMBER, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

char *text_duration(char *out, double seconds) {
    int64_t s = seconds > 0 ? (int64_t)fmin(seconds + 0.5, 1e15) : 0;
    snprintf(out, TEXT_NUMBER, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    return out;
}

static size_t count_digits(const char **text) {
    size_t count = strspn(*text, "0123456789");
    *text += count;
    return count;
}

static void skip_sign(const char **text) {
    *text += **text == '-' || **text == '+';
}

bool text_to_whole(const char *text, int64_t *number) {
    const char *rest = text;
    skip_sign(&rest);
    if (count_digits(&rest) == 0 || *rest)
        return false;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno)
        return false;
    *number = value;
    return true;
}

/* strtod() takes more: spaces, hexadecimal numbers, infinity, and another comma elsewhere. */
bool text_to_real(const char *text, double *number) {
    const char *rest = text;
    skip_sign(&rest);
    size_t digits = count_digits(&rest);
    rest += *rest == '.';
    digits += count_digits(&rest);
    if (digits > 0 && (*rest == 'e' || *rest == 'E')) {
        rest++;
        skip_sign(&rest);
        digits = count_digits(&rest);
    }
    if (digits == 0 || *rest)
        return false;
    double value = strtod(text, NULL) + 0.0; /* no negative zero */
    if (!isfinite(value))
        return false;
    *number = value;
    return true;
}

enum { LONGEST_WORD = 64 };

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits that turn one word into the other (Levenshtein 1966). */
static size_t edit_distance(const char *a, const char *b) {
    size_t n = strlen(b), row[LONGEST_WORD + 1];
    if (n > LONGEST_WORD)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *text_nearest(const char *word, const void *words, size_t count, size_t stride) {
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        const char *entry = *(const char *const *)(const void *)((const char *)words + i * stride);
        size_t distance = edit_distance(word, entry);
        if (distance < best_distance || (distance == best_distance && !best))
            best = entry, best_distance = distance;
    }
    return best;
}

char *text_suggest(char out[128], const char *word, const void *words, size_t count, size_t stride) {
    const char *nearest = text_nearest(word, words, count, stride);
    out[0] = '\0';
    if (nearest)
        snprintf(out, 128, " (did you mean \"%s\"?)", nearest);
    return out;
}
