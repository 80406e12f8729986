/* Text out of HDF5 files: strings of variable and of fixed length. */
#include "h5/internal.h"

#include <string.h>

/* Strings of any length: HDF5 allocates each. The character set has to be the file's, HDF5 converts none. */
static herr_t read_variable(const h5_source *s, char **strings, uint64_t count) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5Tget_cset(s->type));
    char **there = mem_new(count, sizeof *there);
    herr_t status = h5_source_read(s, type, there);
    if (status >= 0) {
        for (uint64_t i = 0; i < count; i++)
            strings[i] = mem_string(there[i] ? there[i] : "");
        H5Dvlen_reclaim(type, s->space, H5P_DEFAULT, there);
    }
    mem_free(there);
    H5Tclose(type);
    return status;
}

/* Strings in fields of one width, ended by NUL or padded with NULs or spaces. */
static herr_t read_fixed(const h5_source *s, char **strings, uint64_t count) {
    size_t width = H5Tget_size(s->type);
    bool spaces = H5Tget_strpad(s->type) == H5T_STR_SPACEPAD;
    char *fields = mem_new(count * width + 1, 1);
    herr_t status = h5_source_read(s, s->type, fields);
    for (uint64_t i = 0; i < count && status >= 0; i++) {
        const char *field = fields + i * width;
        const char *end = memchr(field, '\0', width);
        size_t length = end ? (size_t)(end - field) : width;
        while (spaces && length > 0 && field[length - 1] == ' ')
            length--;
        strings[i] = mem_new(length + 1, 1);
        memcpy(strings[i], field, length);
    }
    mem_free(fields);
    return status;
}

err h5_source_strings(const h5_source *s, h5_file *f, const char *object, char ***strings, uint64_t *count) {
    char what[H5_WHAT];
    *strings = NULL;
    *count = 0;
    if (H5Tget_class(s->type) != H5T_STRING)
        return fail(ERR_DATA, "%s: %s holds no text", f->path, h5_what(what, object, s->name));
    hssize_t there = H5Sget_simple_extent_npoints(s->space);
    err code = h5_check_stored(s, f, object);
    if (there <= 0 || code != OK)
        return code;
    *count = (uint64_t)there;
    *strings = mem_new(*count, sizeof **strings);
    bool variable = H5Tis_variable_str(s->type) > 0;
    if ((variable ? read_variable : read_fixed)(s, *strings, *count) >= 0)
        return OK;
    mem_free_strings(*strings, *count);
    *strings = NULL;
    *count = 0;
    return h5_unreadable(f, h5_what(what, object, s->name));
}

err h5_read_strings(h5_file *f, const char *object, char ***strings, uint64_t *count) {
    h5_source s;
    *strings = NULL;
    *count = 0;
    err code = h5_source_open(&s, f, object, NULL);
    if (code != OK)
        return code;
    if (H5Sget_simple_extent_ndims(s.space) > 1)
        code = fail(ERR_DATA, "%s: %s has more than one dimension", f->path, object);
    else
        code = h5_source_strings(&s, f, object, strings, count);
    h5_source_close(&s);
    return code;
}

err h5_read_attribute_text(h5_file *f, const char *object, const char *name, char **text) {
    h5_source s;
    *text = NULL;
    err code = h5_source_open(&s, f, object, name);
    if (code != OK)
        return code;
    char **strings = NULL;
    uint64_t count = 0;
    code = h5_source_strings(&s, f, object, &strings, &count);
    if (code == OK && count != 1)
        code = fail(ERR_DATA, "%s: attribute %s of %s is not one text", f->path, name, object);
    if (code == OK)
        *text = mem_string(strings[0]);
    mem_free_strings(strings, count);
    h5_source_close(&s);
    return code;
}
