#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local err_record last;

err_record *err_last(void) {
    return &last;
}

void err_clear(void) {
    last = (err_record){.code = OK};
}

err err_record_here(err code, const char *file, int line, const char *format, ...) {
    /* formatted aside: the arguments may point into the record itself */
    char text[sizeof last.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    const char *slash = strrchr(file, '/');
    last = (err_record){.code = code, .rank = -1, .line = line};
    snprintf(last.file, sizeof last.file, "%s", slash ? slash + 1 : file);
    memcpy(last.text, text, sizeof text);
    return code;
}

err err_prefix(const char *format, ...) {
    char text[2 * sizeof last.text];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(text, sizeof last.text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof last.text)
        return last.code;
    snprintf(text + used, sizeof text - (size_t)used, ": %s", last.text);
    snprintf(last.text, sizeof last.text, "%.*s", (int)sizeof last.text - 1, text);
    return last.code;
}
