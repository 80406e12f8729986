/* Numbers out of HDF5 files. */
#include "h5/internal.h"

#include <inttypes.h>

bool h5_exists(h5_file *f, const char *object) {
    if (object[0] == '/' && object[1] == '\0')
        return true;
    if (H5Lexists(f->id, object, h5_links()) <= 0)
        return h5_leads_out(f, object, NULL);
    return H5Oexists_by_name(f->id, object, h5_links()) > 0 || h5_leads_out(f, object, NULL);
}

/* Where the elements lie in the file as they are in memory, or -1. */
static int64_t plain_offset(const h5_source *s, h5_type type) {
    if (type == H5_STRING || type == H5_OTHER || H5Tequal(s->type, h5_native(type)) <= 0)
        return -1;
    hid_t list = H5Dget_create_plist(s->id);
    bool contiguous = H5Pget_layout(list) == H5D_CONTIGUOUS && H5Pget_external_count(list) == 0; /* elsewhere: of another file */
    H5Pclose(list);
    haddr_t offset = contiguous ? H5Dget_offset(s->id) : HADDR_UNDEF;
    return offset == HADDR_UNDEF ? -1 : (int64_t)offset;
}

err h5_get_info(h5_file *f, const char *object, h5_info *info) {
    h5_source s;
    err code = h5_source_open(&s, f, object, NULL);
    if (code != OK)
        return code;
    if (h5_describe(info, s.type, s.space))
        info->offset = plain_offset(&s, info->type);
    else
        code = fail(ERR_DATA, "%s: %s has %d dimensions, more than %d", f->path, object, info->rank, H5_MAX_RANK);
    if (code == OK)
        code = h5_check_stored(&s, f, object);
    h5_source_close(&s);
    return code;
}

err h5_get_attribute_info(h5_file *f, const char *object, const char *name, h5_info *info) {
    h5_source s;
    err code = h5_source_open(&s, f, object, name);
    if (code != OK)
        return code;
    if (!h5_describe(info, s.type, s.space))
        code = fail(ERR_DATA, "%s: attribute %s of %s has %d dimensions, more than %d", f->path, name, object, info->rank, H5_MAX_RANK);
    h5_source_close(&s);
    return code;
}

static bool is_number(hid_t type) {
    H5T_class_t class = H5Tget_class(type);
    return class == H5T_INTEGER || class == H5T_FLOAT;
}

/* Reads [first, first + count) along the first dimension. */
static herr_t read_part(const h5_source *s, hid_t memory_type, const h5_info *info, uint64_t first, uint64_t count, void *data) {
    hsize_t start[H5_MAX_RANK] = {first}, size[H5_MAX_RANK] = {count};
    for (int i = 1; i < info->rank; i++)
        size[i] = info->size[i];
    hid_t memory = H5Screate_simple(info->rank, size, NULL);
    herr_t status = H5Sselect_hyperslab(s->space, H5S_SELECT_SET, start, NULL, size, NULL);
    if (status >= 0)
        status = H5Dread(s->id, memory_type, memory, s->space, H5P_DEFAULT, data);
    H5Sclose(memory);
    return status;
}

static err read_open(const h5_source *s, h5_file *f, const char *object, h5_type type, uint64_t first, uint64_t count, void *data) {
    h5_info info;
    if (!h5_describe(&info, s->type, s->space))
        return fail(ERR_DATA, "%s: %s has %d dimensions, more than %d", f->path, object, info.rank, H5_MAX_RANK);
    if (!is_number(s->type))
        return fail(ERR_DATA, "%s: %s holds %s, not numbers", f->path, object, h5_type_name(info.type));
    err code = h5_check_stored(s, f, object);
    if (code != OK)
        return code;
    bool whole = count == UINT64_MAX;
    if (!whole && (info.rank == 0 || first > info.size[0] || count > info.size[0] - first))
        return fail(ERR_DATA, "%s: %s has no elements %" PRIu64 " to %" PRIu64, f->path, object, first, first + count);
    herr_t status = whole ? h5_source_read(s, h5_native(type), data) : read_part(s, h5_native(type), &info, first, count, data);
    return status < 0 ? h5_unreadable(f, object) : OK;
}

err h5_read(h5_file *f, const char *object, h5_type type, uint64_t first, uint64_t count, void *data) {
    h5_source s;
    err code = h5_source_open(&s, f, object, NULL);
    if (code != OK)
        return code;
    code = read_open(&s, f, object, type, first, count, data);
    h5_source_close(&s);
    return code;
}

bool h5_has_attribute(h5_file *f, const char *object, const char *name) {
    return H5Aexists_by_name(f->id, object, name, h5_links()) > 0;
}

static err read_attribute(const h5_source *s, h5_file *f, const char *object, h5_type type, uint64_t count, void *data) {
    hssize_t there = H5Sget_simple_extent_npoints(s->space);
    uint64_t wanted = count ? count : 1;
    if (!is_number(s->type))
        return fail(ERR_DATA, "%s: attribute %s of %s is not a number", f->path, s->name, object);
    if (there < 0 || (uint64_t)there != wanted)
        return fail(ERR_DATA, "%s: attribute %s of %s has %lld numbers, not %" PRIu64, f->path, s->name, object, (long long)there, wanted);
    char what[H5_WHAT];
    return H5Aread(s->id, h5_native(type), data) < 0 ? h5_unreadable(f, h5_what(what, object, s->name)) : OK;
}

err h5_read_attribute(h5_file *f, const char *object, const char *name, h5_type type, uint64_t count, void *data) {
    h5_source s;
    err code = h5_source_open(&s, f, object, name);
    if (code != OK)
        return code;
    code = read_attribute(&s, f, object, type, count, data);
    h5_source_close(&s);
    return code;
}
