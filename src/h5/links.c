/* Links that leave the file are not followed: what they lead to is neither examined nor at a byte of this file. */
#include "h5/internal.h"

#include <string.h>

enum { SOFT_LINKS = 16 }; /* one after the other, as HDF5 has it */

static herr_t refuse(const char *file, const char *group, const char *other_file, const char *other_object, unsigned *flags, hid_t list,
                     void *context) {
    (void)file, (void)group, (void)other_file, (void)other_object, (void)flags, (void)list, (void)context;
    return -1;
}

hid_t h5_links(void) {
    static hid_t list = H5I_INVALID_HID;
    if (list < 0) {
        list = H5Pcreate(H5P_DATASET_ACCESS); /* which is a list of link access too */
        H5Pset_elink_cb(list, refuse, NULL);
    }
    return list;
}

/* The value of a link; a new string of `size` bytes and a NUL. */
static char *link_value(h5_file *f, const char *path, size_t size) {
    char *value = mem_new(size + 1, 1);
    H5Lget_val(f->id, path, value, size, h5_links());
    return value;
}

static char *other_file(h5_file *f, const char *path, size_t size) {
    char *value = link_value(f, path, size);
    unsigned flags;
    const char *file, *object;
    char *where =
        H5Lunpack_elink_val(value, size, &flags, &file, &object) < 0 ? mem_string("unknown") : text_format("%s, %s", file, object);
    mem_free(value);
    return where;
}

/* The path that a soft link stands for: its value, from the group that holds the link, and what followed it. New string. */
static char *resolved(const char *link, const char *value, const char *rest) {
    const char *slash = strrchr(link, '/');
    int group = value[0] == '/' || !slash ? 0 : (int)(slash - link) + 1;
    return text_format("%.*s%s%s", group, link, value, rest);
}

static bool leads_out(h5_file *f, const char *object, char **where, int followed);

/* Looks at the link that `path`, the first part of a longer path, ends in. True where that decides it. */
static bool look_at(h5_file *f, const char *path, const char *rest, char **where, int followed, bool *out) {
    H5L_info_t info;
    *out = false;
    if (H5Lget_info(f->id, path, &info, h5_links()) < 0)
        return true;
    if (info.type == H5L_TYPE_SOFT) {
        char *value = link_value(f, path, info.u.val_size), *longer = resolved(path, value, rest);
        *out = followed < SOFT_LINKS && leads_out(f, longer, where, followed + 1);
        mem_free(longer);
        mem_free(value);
        return true;
    }
    *out = info.type != H5L_TYPE_HARD;
    if (*out && where)
        *where = info.type == H5L_TYPE_EXTERNAL ? other_file(f, path, info.u.val_size) : mem_string("of a kind that is not known here");
    return *out;
}

static bool leads_out(h5_file *f, const char *object, char **where, int followed) {
    char *path = mem_string(object);
    bool out = false, decided = false;
    for (size_t end = strspn(path, "/"); path[end] && !decided; end += strspn(path + end, "/")) {
        end += strcspn(path + end, "/");
        char kept = path[end];
        path[end] = '\0';
        decided = look_at(f, path, object + end, where, followed, &out);
        path[end] = kept;
    }
    mem_free(path);
    return out;
}

bool h5_leads_out(h5_file *f, const char *object, char **where) {
    return leads_out(f, object, where, 0);
}
