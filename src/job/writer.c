/* YAML as text, through libyaml's emitter. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "job/internal.h"

struct writer {
    yaml_emitter_t emitter;
    char *text;
    size_t length, capacity;
};

static int append(void *context, unsigned char *bytes, size_t count) {
    writer *w = context;
    if (w->length + count + 1 > w->capacity) {
        w->capacity = 2 * (w->length + count + 1);
        w->text = mem_resize(w->text, w->capacity, 1);
    }
    memcpy(w->text + w->length, bytes, count);
    w->length += count;
    w->text[w->length] = '\0';
    return 1;
}

/* An event that cannot be made or written is a bug: what is written here has been read before. */
static void emit(writer *w, yaml_event_t *event, int made) {
    if (!made || !yaml_emitter_emit(&w->emitter, event))
        err_end(ERR_BROKEN, "a job cannot be written: %s", w->emitter.problem ? w->emitter.problem : "out of memory");
}

writer *job_writer_new(void) {
    writer *w = mem_new(1, sizeof *w);
    yaml_event_t event;
    if (!yaml_emitter_initialize(&w->emitter))
        err_end(ERR_BROKEN, "a job cannot be written: out of memory");
    yaml_emitter_set_output(&w->emitter, append, w);
    yaml_emitter_set_unicode(&w->emitter, 1);
    yaml_emitter_set_width(&w->emitter, -1);
    emit(w, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(w, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    return w;
}

char *job_writer_finish(writer *w) {
    yaml_event_t event;
    emit(w, &event, yaml_document_end_event_initialize(&event, 1));
    emit(w, &event, yaml_stream_end_event_initialize(&event));
    char *text = w->text;
    yaml_emitter_delete(&w->emitter);
    mem_free(w);
    return text;
}

static void write_styled(writer *w, const char *text, yaml_scalar_style_t style) {
    yaml_event_t event;
    yaml_char_t *bytes = (yaml_char_t *)(uintptr_t)text;
    emit(w, &event, yaml_scalar_event_initialize(&event, NULL, NULL, bytes, (int)strlen(text), 1, 1, style));
}

void job_write_scalar(writer *w, const char *text) {
    write_styled(w, text, YAML_PLAIN_SCALAR_STYLE);
}

/* Whether text without quotes would be read as something else, here or by another program: a number, a date, true, null. */
static bool needs_quotes(const char *text) {
    static const char *const words[] = {"~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return strchr("0123456789+-.", text[0]) != NULL;
}

void job_write_text(writer *w, const char *text) {
    if (text)
        write_styled(w, text, needs_quotes(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
    else
        job_write_scalar(w, "null");
}

/* `1e-05` is no number to YAML 1.1: it wants a dot. */
static void write_number(writer *w, char text[TEXT_NUMBER]) {
    char *exponent = strchr(text, 'e');
    if (exponent && !strchr(text, '.')) {
        memmove(exponent + 2, exponent, strlen(exponent) + 1);
        memcpy(exponent, ".0", 2);
    }
    job_write_scalar(w, text);
}

/* With the fewest digits that read back as the same number: up to 17 of a double, 9 of a float; whole numbers without an exponent. */
void job_write_real(writer *w, double value) {
    char text[TEXT_NUMBER];
    bool whole = fabs(value) < 1e15 && value == floor(value);
    if (whole)
        snprintf(text, sizeof text, "%.0f", value);
    for (int digits = 1; digits <= 17 && !whole; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    write_number(w, text);
}

void job_write_float(writer *w, float value) {
    char text[TEXT_NUMBER];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if ((float)strtod(text, NULL) == value)
            break;
    }
    write_number(w, text);
}

void job_write_whole(writer *w, int64_t value) {
    char text[TEXT_NUMBER];
    snprintf(text, sizeof text, "%" PRId64, value);
    job_write_scalar(w, text);
}

void job_begin_map(writer *w, bool flow) {
    yaml_event_t event;
    yaml_mapping_style_t style = flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
    emit(w, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style));
}

void job_end_map(writer *w) {
    yaml_event_t event;
    emit(w, &event, yaml_mapping_end_event_initialize(&event));
}

void job_begin_list(writer *w) {
    yaml_event_t event;
    emit(w, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE));
}

void job_end_list(writer *w) {
    yaml_event_t event;
    emit(w, &event, yaml_sequence_end_event_initialize(&event));
}
