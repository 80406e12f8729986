/* What a file holds: names of objects and attributes, and attributes as text for people. */
#include "h5/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct name_list {
    char **names;
    uint64_t count;
} name_list;

static void add_name(name_list *list, const char *name) {
    list->names = mem_resize(list->names, list->count + 1, sizeof *list->names);
    list->names[list->count++] = mem_string(name);
}

static herr_t add_link(hid_t group, const char *name, const H5L_info_t *info, void *list) {
    (void)group;
    (void)info;
    add_name(list, name);
    return 0;
}

static herr_t add_attribute(hid_t object, const char *name, const H5A_info_t *info, void *list) {
    (void)object;
    (void)info;
    add_name(list, name);
    return 0;
}

static err deliver(name_list list, herr_t status, h5_file *f, const char *object, char ***names, uint64_t *count) {
    *names = NULL;
    *count = 0;
    if (status < 0) {
        mem_free_strings(list.names, list.count);
        return fail(ERR_DATA, "%s: %s cannot be listed", f->path, object);
    }
    if (list.count)
        qsort(list.names, list.count, sizeof *list.names, text_compare);
    *names = list.names;
    *count = list.count;
    return OK;
}

err h5_list(h5_file *f, const char *group, char ***names, uint64_t *count) {
    name_list list = {0};
    herr_t status = H5Literate_by_name(f->id, group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_link, &list, h5_links());
    return deliver(list, status, f, group, names, count);
}

err h5_list_attributes(h5_file *f, const char *object, char ***names, uint64_t *count) {
    name_list list = {0};
    herr_t status = H5Aiterate_by_name(f->id, object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_attribute, &list, h5_links());
    return deliver(list, status, f, object, names, count);
}

bool h5_is_group(h5_file *f, const char *object) {
    hid_t id = h5_exists(f, object) ? H5Oopen(f->id, object, h5_links()) : H5I_INVALID_HID;
    if (id < 0)
        return false;
    bool is_group = H5Iget_type(id) == H5I_GROUP;
    H5Oclose(id);
    return is_group;
}

/* ---- attributes as text ---- */

enum { MOST_SHOWN = 64 }; /* values of an attribute */

/* `text` with `more` behind it; frees `text`. */
static char *joined(char *text, const char *more) {
    char *longer = text_format("%s%s%s", text, text[0] ? " " : "", more);
    mem_free(text);
    return longer;
}

static char *strings_text(const h5_source *s, h5_file *f, const char *object) {
    char **strings, *text = mem_string("");
    uint64_t count;
    if (h5_source_strings(s, f, object, &strings, &count) != OK)
        return text;
    for (uint64_t i = 0; i < count && i < MOST_SHOWN; i++)
        text = joined(text, strings[i]);
    mem_free_strings(strings, count);
    return text;
}

static char *floats_text(const h5_source *s, uint64_t count, int digits) {
    double *values = mem_new(count, sizeof *values);
    char *text = mem_string(h5_source_read(s, H5T_NATIVE_DOUBLE, values) < 0 ? "(cannot be read)" : "");
    for (uint64_t i = 0; i < count && i < MOST_SHOWN && text[0] != '('; i++) {
        char number[32];
        snprintf(number, sizeof number, "%.*g", digits, values[i]);
        text = joined(text, number);
    }
    mem_free(values);
    return text;
}

static char *integers_text(const h5_source *s, uint64_t count) {
    bool is_signed = H5Tget_sign(s->type) == H5T_SGN_2;
    int64_t *values = mem_new(count, sizeof *values);
    herr_t status = h5_source_read(s, is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, values);
    char *text = mem_string(status < 0 ? "(cannot be read)" : "");
    for (uint64_t i = 0; i < count && i < MOST_SHOWN && text[0] != '('; i++) {
        char number[32];
        snprintf(number, sizeof number, is_signed ? "%" PRId64 : "%" PRIu64, values[i]);
        text = joined(text, number);
    }
    mem_free(values);
    return text;
}

static char *values_text(const h5_source *s, h5_file *f, const char *object) {
    hssize_t points = H5Sget_simple_extent_npoints(s->space);
    uint64_t count = points > 0 ? (uint64_t)points : 0;
    char *text;
    switch (H5Tget_class(s->type)) {
    case H5T_STRING:
        text = strings_text(s, f, object);
        break;
    case H5T_FLOAT:
        text = floats_text(s, count, H5Tget_size(s->type) <= 4 ? 6 : 15);
        break;
    case H5T_INTEGER:
        text = integers_text(s, count);
        break;
    default:
        return mem_string("(something else)");
    }
    if (count > MOST_SHOWN)
        text_append(&text, text_format(" … (%" PRIu64 " in all)", count));
    return text;
}

err h5_attribute_text(h5_file *f, const char *object, const char *name, char **text) {
    h5_source s;
    *text = NULL;
    err code = h5_source_open(&s, f, object, name);
    if (code != OK)
        return code;
    code = h5_check_size(&s, f, object);
    if (code == OK)
        *text = values_text(&s, f, object);
    h5_source_close(&s);
    return code;
}
