/* Datasets and attributes as one thing that can be read. */
#include "h5/internal.h"

static err refuse(h5_file *f, const char *object, const char *name) {
    char what[H5_WHAT], *where;
    if (!h5_leads_out(f, object, &where))
        return fail(ERR_DATA, "%s: has no %s%s", f->path, name ? "" : "dataset ", h5_what(what, object, name));
    err code = fail(ERR_DATA, "%s: %s is a link into another file (%s), which is not followed: copy what it points at into this one",
                    f->path, object, where);
    mem_free(where);
    return code;
}

err h5_source_open(h5_source *s, h5_file *f, const char *object, const char *name) {
    *s = (h5_source){.object = H5I_INVALID_HID, .type = H5I_INVALID_HID, .space = H5I_INVALID_HID, .name = name};
    if (name) {
        s->object = H5Oopen(f->id, object, h5_links());
        s->id = s->object < 0 ? H5I_INVALID_HID : H5Aopen(s->object, name, H5P_DEFAULT);
    } else {
        s->id = H5Dopen2(f->id, object, h5_links());
    }
    if (s->id < 0) {
        h5_source_close(s);
        return refuse(f, object, name);
    }
    s->type = name ? H5Aget_type(s->id) : H5Dget_type(s->id);
    s->space = name ? H5Aget_space(s->id) : H5Dget_space(s->id);
    return OK;
}

void h5_source_close(h5_source *s) {
    if (s->space >= 0)
        H5Sclose(s->space);
    if (s->type >= 0)
        H5Tclose(s->type);
    if (s->id >= 0)
        s->name ? H5Aclose(s->id) : H5Dclose(s->id);
    if (s->object >= 0)
        H5Oclose(s->object);
}

herr_t h5_source_read(const h5_source *s, hid_t memory_type, void *data) {
    return s->name ? H5Aread(s->id, memory_type, data) : H5Dread(s->id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
}

err h5_unreadable(h5_file *f, const char *what) {
    return h5_check_trouble(f, fail(ERR_DATA, "%s: %s cannot be read: the file is damaged, or a filter is missing", f->path, what));
}
