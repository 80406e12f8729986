/* The folder that a data set is packed into. What an earlier packing made there is replaced as a whole; what is anybody else's is left
 * alone, and refused where it is in the way. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* flock */
#include "pack/output.h"
#include "pack/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two programs that pack into one folder would undo each other's work. Where the file system knows no locks, nothing is checked. */
static err lock(const pack_output *o) {
    if (flock(o->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fail(ERR_USAGE, "%s: another shoal pack is at work there; wait for it, or end it", o->path);
    return OK;
}

err pack_output_open(pack_output *o, const char *path) {
    err code = path_make_folders(path);
    if (code != OK)
        return code;
    o->path = mem_string(path);
    o->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return o->fd < 0 ? fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno)) : lock(o);
}

void pack_output_close(pack_output *o) {
    if (o->path && o->fd >= 0)
        close(o->fd);
    mem_free(o->path);
    *o = (pack_output){.fd = -1};
}

err pack_output_sync(const pack_output *o) {
    if (fsync(o->fd) != 0 && errno != EINVAL && errno != ENOTSUP) /* file systems without such a thing */
        return fail(ERR_IO, "%s: cannot be written: %s", o->path, strerror(errno));
    return OK;
}

bool pack_output_has(const pack_output *o, const char *name) {
    struct stat s;
    return fstatat(o->fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0;
}

err pack_output_remove(const pack_output *o, const char *name) {
    if (unlinkat(o->fd, name, 0) == 0 || errno == ENOENT)
        return OK;
    return fail(ERR_IO, "%s/%s: cannot be removed: %s", o->path, name, strerror(errno));
}

/* ---- whose a file is ---- */

/* Sets *whose where the file says what it is. */
static err look_at(const char *path, file_owner *whose) {
    h5_file *f;
    err code = h5_open(&f, path);
    if (code != OK)
        return code;
    char *format = NULL;
    if (h5_has_attribute(f, "/", "format") && h5_read_attribute_text(f, "/", "format", &format) == OK &&
        strcmp(format, "shoal-dataset") == 0)
        *whose = h5_has_attribute(f, "/", "pack_id") ? FILE_PACKED : FILE_DATASET;
    mem_free(format);
    h5_close(f);
    return OK;
}

file_owner pack_output_owner(const pack_output *o, const char *name) {
    file_owner whose = FILE_FOREIGN;
    if (!pack_output_has(o, name))
        return FILE_NONE;
    char *path = text_format("%s/%s", o->path, name);
    if (pack_file_is_there(path) && look_at(path, &whose) != OK)
        err_clear();
    mem_free(path);
    return whose;
}

err pack_output_refuse(const pack_output *o, const char *name, const char *what) {
    return fail(ERR_USAGE, "%s/%s is there already, %s: pack into another folder, or remove it", o->path, name, what);
}

/* A set in many files took long to make: it is never replaced unasked. */
static err refuse_matches(const pack_output *o, const char *pattern, const char *what) {
    path_list found;
    err code = path_find(&found, o->path, pattern);
    if (code == OK && found.count > 0)
        code = pack_output_refuse(o, found.paths[0] + strlen(o->path) + 1, what);
    path_list_reset(&found);
    return code;
}

err pack_output_check(const pack_output *o) {
    static const char sharded[] = "of a set in several files";
    if (pack_output_has(o, ".pack"))
        return pack_output_refuse(o, ".pack", "of a `shoal pack imagenet` that is not finished");
    err code = refuse_matches(o, "train-*-of-*.h5", sharded);
    if (code == OK)
        code = refuse_matches(o, "val-*-of-*.h5", sharded);
    for (int i = 0; i < N_SPLITS && code == OK; i++) {
        char *name = text_format("%s.h5", split_names[i]);
        if (pack_output_owner(o, name) == FILE_FOREIGN)
            code = pack_output_refuse(o, name, "and is no data set of Shoal's");
        mem_free(name);
    }
    return code;
}
