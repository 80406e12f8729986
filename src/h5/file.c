/* HDF5 files opened, made and closed, with what can be wrong said in plain words. */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */
#include "h5/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUPERBLOCK_BYTES = 96 }; /* of a file of HDF5's oldest form; no file is shorter */

/* HDF5 prints nothing of its own, and does not try at exit to write again what could not be written before: on a full disk it would
 * complain without end. Every file is closed by us. */
static void start_library(void) {
    static bool started;
    if (!started)
        H5dont_atexit();
    started = true;
    H5open();
    h5_watch_trouble();
}

/* A file is either read only or not yet under its final name, so locks protect nothing, and some network file systems refuse them. */
static hid_t access_list(void) {
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST); /* from 1.8 on, HDF5's own structures carry checksums */
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
    H5Pset_file_locking(list, 0, 1);
#endif
    return list;
}

/* `fd` is a file's that is being made. */
static h5_file *make_handle(hid_t id, const char *path, uint64_t bytes, int fd) {
    h5_file *f = mem_new(1, sizeof *f);
    f->bytes = bytes;
    f->id = id;
    f->path = mem_string(path);
    f->fd = fd;
    return f;
}

static void free_handle(h5_file *f) {
    mem_free_strings(f->unsealed, f->n_unsealed);
    mem_free(f->path);
    mem_free(f);
    h5_unlock();
}

/* What is wrong with a file before anything of it is read. */
static err check_kind(const char *path) {
    struct stat s;
    if (stat(path, &s) != 0)
        return errno == ENOENT ? fail(ERR_IO, "%s: no such file", path) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (S_ISDIR(s.st_mode))
        return fail(ERR_IO, "%s: is a folder, not a file", path);
    if (!S_ISREG(s.st_mode))
        return fail(ERR_IO, "%s: is no file on a disk", path);
    return s.st_size > 0 ? OK : fail(ERR_DATA, "%s: is empty, not an HDF5 file", path);
}

err h5_open_plain(const char *path, int *fd, uint64_t *bytes) {
    struct stat s;
    err code = check_kind(path);
    if (code != OK)
        return code;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &s) != 0) {
        code = fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (*fd >= 0)
            close(*fd);
        return code;
    }
    *bytes = (uint64_t)s.st_size;
    return OK;
}

static herr_t find_truncated(unsigned n, const H5E_error2_t *error, void *found) {
    (void)n;
    if (error->min_num == H5E_TRUNCATED)
        *(bool *)found = true;
    return 0;
}

/* Writers of HDF5's latest form leave a mark in the superblock, which they take away when they close the file. */
static bool left_open(const char *path) {
    enum { VERSION = 8, MARKS = 11, OPEN = 1 | 4 };
    unsigned char head[MARKS + 1] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool marked = fd >= 0 && read(fd, head, sizeof head) == sizeof head && head[VERSION] >= 2 && (head[MARKS] & OPEN);
    if (fd >= 0)
        close(fd);
    return marked;
}

static err refuse(const char *path, uint64_t bytes) {
    bool truncated = false;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, find_truncated, &truncated);
    if (left_open(path))
        return fail(ERR_DATA, "%s: is open for writing, or its writer died: close it there, or set it right with h5clear -s", path);
    if (truncated || bytes < SUPERBLOCK_BYTES)
        return fail(ERR_DATA, "%s: truncated: only %" PRIu64 " bytes are there; copy or make it again", path, bytes);
    return fail(ERR_DATA, "%s: damaged HDF5 file: it cannot be opened", path);
}

/* What can be said before HDF5 parses anything but the file's first bytes. */
static err check_file(const char *path, uint64_t *bytes, bool *sealed) {
    int fd;
    err code = h5_open_plain(path, &fd, bytes);
    if (code != OK)
        return code;
    code = h5_seal_check(fd, path, *bytes, sealed);
    close(fd);
    if (code != OK)
        return code;
    h5_lock();
    start_library();
    h5_forget_trouble();
    if (H5Fis_hdf5(path) <= 0)
        code = h5_judge(path, fail(ERR_DATA, "%s: not an HDF5 file", path));
    h5_unlock();
    return code;
}

/* Keeps the lock where all is well. */
static err open_file(h5_file **out, const char *path, uint64_t bytes, bool sealed) {
    h5_lock();
    h5_forget_trouble();
    hid_t access_as = access_list(), id = H5Fopen(path, H5F_ACC_RDONLY, access_as);
    err code = id < 0 ? h5_judge(path, refuse(path, bytes)) : OK; /* before another call of HDF5 makes it forget why */
    H5Pclose(access_as);
    if (code == OK) {
        *out = make_handle(id, path, bytes, -1);
        (*out)->sealed = sealed;
    } else {
        h5_unlock();
    }
    return code;
}

err h5_open_unguarded(h5_file **out, const char *path) {
    uint64_t bytes;
    bool sealed;
    *out = NULL;
    err code = check_file(path, &bytes, &sealed);
    return code == OK ? open_file(out, path, bytes, sealed) : code;
}

err h5_open(h5_file **out, const char *path) {
    uint64_t bytes;
    bool sealed;
    *out = NULL;
    err code = check_file(path, &bytes, &sealed);
    if (code == OK && !sealed)
        code = h5_guard(path);
    return code == OK ? open_file(out, path, bytes, sealed) : code;
}

bool h5_is_sealed(const h5_file *f) {
    return f->sealed;
}

void h5_close(h5_file *f) {
    if (!f)
        return;
    H5Fclose(f->id);
    if (f->fd >= 0)
        close(f->fd); /* a file that is given up */
    free_handle(f);
}

const char *h5_path(const h5_file *f) {
    return f->path;
}

static hid_t create_file(const char *path) {
    hid_t access_as = access_list(), create = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(create, 0); /* of the root group */
    errno = 0;
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, create, access_as);
    H5Pclose(create);
    H5Pclose(access_as);
    return id;
}

/* HDF5 does not tell why a file cannot be made; the system does. The descriptor stays open until all is on the disk: it is told of every
 * failure to write on the way. */
err h5_create(h5_file **out, const char *path) {
    *out = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    h5_lock();
    h5_forget_trouble();
    start_library();
    hid_t id = create_file(path);
    if (id >= 0) {
        *out = make_handle(id, path, UINT64_MAX, fd);
        return OK;
    }
    err code = fail(ERR_IO, "%s: cannot be written: %s", path, h5_reason());
    close(fd);
    h5_unlock();
    return code;
}

void h5_leave_unsealed(h5_file *f, const char *object) {
    f->unsealed = mem_resize(f->unsealed, f->n_unsealed + 1, sizeof *f->unsealed);
    f->unsealed[f->n_unsealed++] = mem_string(object);
}

/* Where the raw data lies that is left out of the seal; new array. */
static h5_extent *find_unsealed(h5_file *f, uint64_t *count) {
    h5_extent *list = mem_new(f->n_unsealed, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < f->n_unsealed; i++) {
        hid_t id = H5Dopen2(f->id, f->unsealed[i], H5P_DEFAULT);
        haddr_t first = id < 0 ? HADDR_UNDEF : H5Dget_offset(id);
        if (first != HADDR_UNDEF)
            list[(*count)++] = (h5_extent){first, H5Dget_storage_size(id)};
        if (id >= 0)
            H5Dclose(id);
    }
    return list;
}

err h5_finish(h5_file *f) {
    uint64_t count;
    h5_extent *unsealed = find_unsealed(f, &count);
    errno = 0;
    bool good = H5Fflush(f->id, H5F_SCOPE_GLOBAL) >= 0;
    good = H5Fclose(f->id) >= 0 && good;
    err code = good ? OK : fail(ERR_IO, "%s: cannot be written: %s", f->path, h5_reason());
    if (code == OK)
        code = h5_seal_write(f->fd, f->path, unsealed, count);
    if (code == OK)
        code = durable_sync(f->fd, f->path);
    if (close(f->fd) != 0 && code == OK)
        code = fail(ERR_IO, "%s: cannot be written: %s", f->path, strerror(errno));
    mem_free(unsealed);
    free_handle(f);
    return code;
}

const char *h5_library(void) {
    static char text[32];
    unsigned major, minor, release;
    if (!text[0] && H5get_libversion(&major, &minor, &release) >= 0)
        snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}
