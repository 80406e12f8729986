/* Everything of a file that readers ask HDF5 for, asked by a process that may loop, crash or run out of memory over it (guard.c). Numbers
 * that lie one after the other are left out: reading them needs none of HDF5's structures, and there may be much of them. */
#include "h5/internal.h"

enum { MOST_READ = 1 << 28 }; /* bytes of chunked numbers of a file */

typedef struct examination {
    void (*next)(uint64_t file_bytes);
    uint64_t left; /* of MOST_READ */
} examination;

static bool is_number(const h5_source *s) {
    H5T_class_t class = H5Tget_class(s->type);
    return class == H5T_INTEGER || class == H5T_FLOAT;
}

static err examine_strings(const h5_source *s, h5_file *f, const char *object) {
    char **strings;
    uint64_t count;
    err code = h5_source_strings(s, f, object, &strings, &count);
    mem_free_strings(strings, count);
    return code;
}

static err examine_numbers(const h5_source *s, h5_file *f, const char *object) {
    char what[H5_WHAT];
    hssize_t count = H5Sget_simple_extent_npoints(s->space);
    void *values = mem_new(count > 0 ? (size_t)count : 0, s->name ? sizeof(double) : sizeof(float));
    err code = h5_source_read(s, s->name ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT, values) < 0
                   ? h5_unreadable(f, h5_what(what, object, s->name))
                   : OK;
    mem_free(values);
    return code;
}

/* Text and numbers are read; HDF5 has other things, which nobody here looks into. */
static err examine_values(const h5_source *s, h5_file *f, const char *object) {
    if (h5_check_size(s, f, object) != OK) {
        err_clear(); /* whoever wants to read it will say so */
        return OK;
    }
    if (H5Tget_class(s->type) == H5T_STRING)
        return examine_strings(s, f, object);
    return is_number(s) ? examine_numbers(s, f, object) : OK;
}

static err examine_attributes(h5_file *f, const char *object) {
    char **names;
    uint64_t count;
    err code = h5_list_attributes(f, object, &names, &count);
    for (uint64_t i = 0; i < count && code == OK; i++) {
        h5_source s;
        code = h5_source_open(&s, f, object, names[i]);
        if (code != OK)
            break;
        code = examine_values(&s, f, object);
        h5_source_close(&s);
    }
    mem_free_strings(names, count);
    return code;
}

/* A filter that this HDF5 lacks makes numbers unreadable, and says nothing about the file. */
static bool filters_are_here(hid_t list) {
    for (int i = 0; i < H5Pget_nfilters(list); i++) {
        unsigned flags, config;
        size_t n_values = 0;
        H5Z_filter_t filter = H5Pget_filter2(list, (unsigned)i, &flags, &n_values, NULL, 0, NULL, &config);
        if (filter < 0 || H5Zfilter_avail(filter) <= 0)
            return false;
    }
    return true;
}

static bool in_chunks(const h5_source *s) {
    hid_t list = H5Dget_create_plist(s->id);
    bool chunked = H5Pget_layout(list) == H5D_CHUNKED && filters_are_here(list);
    H5Pclose(list);
    return chunked;
}

static err examine_dataset(h5_file *f, const char *object, examination *e) {
    h5_source s;
    err code = h5_source_open(&s, f, object, NULL);
    if (code != OK)
        return code;
    if (h5_check_here(&s, f, object) != OK) { /* it is not read */
        err_clear();
        h5_source_close(&s);
        return OK;
    }
    code = h5_check_extent(&s, f, object);
    uint64_t bytes = H5Dget_storage_size(s.id);
    bool text = H5Tget_class(s.type) == H5T_STRING;
    if (code == OK && (text || (in_chunks(&s) && bytes <= e->left))) {
        e->left -= text ? 0 : bytes;
        code = examine_values(&s, f, object);
    }
    h5_source_close(&s);
    return code;
}

static err examine_object(void *context, h5_file *f, const char *object, h5_kind kind) {
    examination *e = context;
    e->next(f->bytes);
    err code = kind == H5_DATASET ? examine_dataset(f, object, e) : OK;
    return code == OK && (kind == H5_GROUP || kind == H5_DATASET) ? examine_attributes(f, object) : code;
}

err h5_examine(const char *path, void (*next)(uint64_t file_bytes)) {
    h5_file *f = NULL;
    next(0);
    err code = h5_open_unguarded(&f, path);
    if (code != OK)
        return code;
    examination e = {.next = next, .left = MOST_READ};
    code = examine_attributes(f, "/");
    if (code == OK)
        code = h5_walk(f, "/", examine_object, &e);
    code = h5_check_trouble(f, code);
    h5_close(f);
    return code;
}
