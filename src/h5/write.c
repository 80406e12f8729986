/* Into HDF5 files. Times of creation are left out, so that the same content makes the same file. */
#include "h5/internal.h"

#include <errno.h>
#include <string.h>

static err failed(h5_file *f, const char *what) {
    return fail(ERR_IO, "%s: %s cannot be written: %s", f->path, what, h5_reason());
}

/* A group in one that is there. */
static err make_one_group(h5_file *f, const char *group) {
    hid_t create = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(create, 0);
    errno = 0;
    hid_t id = H5Gcreate2(f->id, group, H5P_DEFAULT, create, H5P_DEFAULT);
    err code = id < 0 ? failed(f, group) : OK;
    if (id >= 0)
        H5Gclose(id);
    H5Pclose(create);
    return code;
}

/* One by one: a group that HDF5 makes on the way to another one would carry the time of its creation. */
err h5_make_group(h5_file *f, const char *group) {
    char *path = mem_string(group);
    err code = OK;
    for (char *end = path; *end && code == OK;) {
        end += 1 + strcspn(end + 1, "/");
        char kept = *end;
        *end = '\0';
        if (!h5_is_group(f, path))
            code = make_one_group(f, path);
        *end = kept;
    }
    mem_free(path);
    return code;
}

static err make_parents(h5_file *f, const char *object) {
    char *path = mem_string(object), *slash = strrchr(path, '/');
    *(slash ? slash : path) = '\0';
    err code = h5_make_group(f, path);
    mem_free(path);
    return code;
}

/* A new contiguous dataset; negative where that fails. */
static hid_t make_contiguous(h5_file *f, const char *object, hid_t type, int rank, const uint64_t *size) {
    if (make_parents(f, object) != OK)
        return H5I_INVALID_HID;
    hsize_t extent[H5_MAX_RANK];
    for (int i = 0; i < rank; i++)
        extent[i] = size[i];
    hid_t space = rank ? H5Screate_simple(rank, extent, NULL) : H5Screate(H5S_SCALAR);
    hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(create, 0);
    H5Pset_layout(create, H5D_CONTIGUOUS);
    H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
    errno = 0;
    hid_t id = H5Dcreate2(f->id, object, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Pclose(create);
    H5Sclose(space);
    return id;
}

err h5_make_dataset(h5_file *f, const char *object, h5_type type, int rank, const uint64_t *size) {
    hid_t id = make_contiguous(f, object, h5_native(type), rank, size);
    if (id < 0)
        return failed(f, object);
    return H5Dclose(id) < 0 ? failed(f, object) : OK;
}

static herr_t write_part(hid_t id, hid_t type, uint64_t first, uint64_t count, const void *data) {
    hid_t space = H5Dget_space(id);
    int rank = H5Sget_simple_extent_ndims(space);
    hsize_t start[H5_MAX_RANK] = {first}, size[H5_MAX_RANK] = {0};
    herr_t status = rank < 1 || rank > H5_MAX_RANK ? -1 : H5Sget_simple_extent_dims(space, size, NULL);
    size[0] = count;
    if (status >= 0)
        status = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
    if (status >= 0) {
        hid_t memory = H5Screate_simple(rank, size, NULL);
        status = H5Dwrite(id, type, memory, space, H5P_DEFAULT, data);
        H5Sclose(memory);
    }
    H5Sclose(space);
    return status;
}

err h5_write_part(h5_file *f, const char *object, h5_type type, uint64_t first, uint64_t count, const void *data) {
    hid_t id = H5Dopen2(f->id, object, H5P_DEFAULT);
    errno = 0;
    herr_t status = id < 0 ? -1 : write_part(id, h5_native(type), first, count, data);
    err code = status < 0 ? failed(f, object) : OK;
    if (id >= 0)
        H5Dclose(id);
    return code;
}

static err write_whole(h5_file *f, const char *object, hid_t type, int rank, const uint64_t *size, const void *data) {
    hid_t id = make_contiguous(f, object, type, rank, size);
    if (id < 0)
        return failed(f, object);
    err code = OK;
    if (H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        code = failed(f, object);
    if (H5Dclose(id) < 0 && code == OK)
        code = failed(f, object);
    return code;
}

err h5_write(h5_file *f, const char *object, h5_type type, int rank, const uint64_t *size, const void *data) {
    return write_whole(f, object, h5_native(type), rank, size, data);
}

/* Fields of one width, padded with NULs: text of any length lies in a heap, whose damage HDF5 does not notice. */
static hid_t text_type(size_t width) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* HDF5 has no field of no bytes. */
static size_t text_width(char *const *strings, uint64_t count) {
    size_t width = 1;
    for (uint64_t i = 0; i < count; i++)
        if (strlen(strings[i]) > width)
            width = strlen(strings[i]);
    return width;
}

static err write_texts(h5_file *f, const char *object, int rank, char *const *strings, uint64_t count) {
    size_t width = text_width(strings, count);
    char *fields = mem_new(count * width + 1, 1);
    for (uint64_t i = 0; i < count; i++)
        memcpy(fields + i * width, strings[i], strlen(strings[i]));
    hid_t type = text_type(width);
    err code = write_whole(f, object, type, rank, &count, fields);
    H5Tclose(type);
    mem_free(fields);
    return code;
}

err h5_write_strings(h5_file *f, const char *object, char *const *strings, uint64_t count) {
    return write_texts(f, object, 1, strings, count);
}

err h5_write_text(h5_file *f, const char *object, char *text) {
    return write_texts(f, object, 0, &text, 1);
}

/* Replaces an attribute of that name. */
static err write_attribute(h5_file *f, const char *object, const char *name, hid_t type, hid_t space, const void *data) {
    if (h5_has_attribute(f, object, name))
        H5Adelete_by_name(f->id, object, name, H5P_DEFAULT);
    errno = 0;
    hid_t id = H5Acreate_by_name(f->id, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    herr_t status = id < 0 ? -1 : H5Awrite(id, type, data);
    if (id >= 0 && H5Aclose(id) < 0)
        status = -1;
    char what[H5_WHAT];
    return status < 0 ? failed(f, h5_what(what, object, name)) : OK;
}

err h5_write_attribute(h5_file *f, const char *object, const char *name, h5_type type, uint64_t count, const void *data) {
    hsize_t extent = count;
    hid_t space = count ? H5Screate_simple(1, &extent, NULL) : H5Screate(H5S_SCALAR);
    err code = write_attribute(f, object, name, h5_native(type), space, data);
    H5Sclose(space);
    return code;
}

err h5_write_attribute_text(h5_file *f, const char *object, const char *name, const char *text) {
    hid_t space = H5Screate(H5S_SCALAR), type = text_type(text[0] ? strlen(text) : 1);
    err code = write_attribute(f, object, name, type, space, text);
    H5Tclose(type);
    H5Sclose(space);
    return code;
}
