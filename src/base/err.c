#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

static _Thread_local err_record last;
static void (*end_for_all)(err code, const char *text);

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
    text_printable(last.text, sizeof last.text, text);
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
    text_printable(last.text, sizeof last.text, text);
    return last.code;
}

void err_set_end(void (*end)(err code, const char *text)) {
    end_for_all = end;
}

void err_end(err code, const char *format, ...) {
    char text[sizeof last.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (end_for_all)
        end_for_all(code, text);
    log_error("%s", text);
    _Exit((int)code);
}
