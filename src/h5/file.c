/* HDF5 files opened, made and closed, with what can be wrong said in plain words. */
#define _GNU_SOURCE /* sync_file_range */
#include "h5/internal.h"

#include <errno.h>
#include <fcntl.h>
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
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

const char *h5_reason(void) {
    return errno ? strerror(errno) : "HDF5 failed";
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

static h5_file *make_handle(hid_t id, const char *path, uint64_t bytes) {
    h5_file *f = mem_new(1, sizeof *f);
    f->bytes = bytes;
    f->id = id;
    f->path = mem_string(path);
    return f;
}

/* What is wrong with a file before HDF5 looks at it. */
static err check_readable(const char *path, size_t *bytes) {
    struct stat s;
    if (stat(path, &s) != 0)
        return errno == ENOENT ? fail(ERR_IO, "%s: no such file", path) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (S_ISDIR(s.st_mode))
        return fail(ERR_IO, "%s: is a folder, not a file", path);
    if (access(path, R_OK) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    *bytes = (size_t)s.st_size;
    if (*bytes == 0)
        return fail(ERR_DATA, "%s: is empty, not an HDF5 file", path);
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

static err refuse(const char *path, size_t bytes) {
    bool truncated = false;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, find_truncated, &truncated);
    if (left_open(path))
        return fail(ERR_DATA, "%s: is open for writing, or its writer died: close it there, or set it right with h5clear -s", path);
    if (truncated || bytes < SUPERBLOCK_BYTES)
        return fail(ERR_DATA, "%s: truncated: only %zu bytes are there; copy or make it again", path, bytes);
    return fail(ERR_DATA, "%s: damaged HDF5 file: it cannot be opened", path);
}

/* What can be said before HDF5 parses anything but the file's first bytes. */
static err check_file(const char *path, size_t *bytes) {
    err code = check_readable(path, bytes);
    if (code != OK)
        return code;
    start_library();
    return H5Fis_hdf5(path) > 0 ? OK : fail(ERR_DATA, "%s: not an HDF5 file", path);
}

static err open_file(h5_file **out, const char *path, size_t bytes) {
    hid_t access_as = access_list(), id = H5Fopen(path, H5F_ACC_RDONLY, access_as);
    err code = OK;
    if (id < 0)
        code = refuse(path, bytes); /* before another call of HDF5 makes it forget why */
    else
        *out = make_handle(id, path, bytes);
    H5Pclose(access_as);
    return code;
}

err h5_open_unguarded(h5_file **out, const char *path) {
    size_t bytes;
    *out = NULL;
    err code = check_file(path, &bytes);
    return code == OK ? open_file(out, path, bytes) : code;
}

err h5_open(h5_file **out, const char *path) {
    size_t bytes;
    *out = NULL;
    err code = check_file(path, &bytes);
    if (code == OK)
        code = h5_guard(path);
    return code == OK ? open_file(out, path, bytes) : code;
}

void h5_close(h5_file *f) {
    if (!f)
        return;
    H5Fclose(f->id);
    mem_free(f->path);
    mem_free(f);
}

const char *h5_path(const h5_file *f) {
    return f->path;
}

/* HDF5 does not tell why a file cannot be made; the system does. */
static err check_writable(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    close(fd);
    return OK;
}

err h5_create(h5_file **out, const char *path) {
    *out = NULL;
    err code = check_writable(path);
    if (code != OK)
        return code;
    start_library();
    hid_t access_as = access_list(), create = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(create, 0); /* of the root group */
    errno = 0;
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, create, access_as);
    H5Pclose(create);
    H5Pclose(access_as);
    if (id < 0)
        return fail(ERR_IO, "%s: cannot be written: %s", path, h5_reason());
    *out = make_handle(id, path, UINT64_MAX);
    return OK;
}

/* To the disk piece by piece, so that a watchdog sees a slow disk get on; whether all went well is fsync's to say. */
static void write_out(int fd) {
#ifdef SYNC_FILE_RANGE_WRITE
    const unsigned through = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    const off_t piece = 16 << 20, size = lseek(fd, 0, SEEK_END);
    for (off_t at = 0; at < size && sync_file_range(fd, at, piece, through) == 0; at += piece)
        place_tick();
#else
    (void)fd;
#endif
}

static bool sync_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    write_out(fd);
    bool good = fsync(fd) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return good;
}

err h5_finish(h5_file *f) {
    errno = 0;
    bool good = H5Fflush(f->id, H5F_SCOPE_GLOBAL) >= 0;
    int reason = errno;
    good = H5Fclose(f->id) >= 0 && good;
    if (good) {
        good = sync_file(f->path);
        reason = errno;
    }
    errno = reason;
    err code = good ? OK : fail(ERR_IO, "%s: cannot be written: %s", f->path, h5_reason());
    mem_free(f->path);
    mem_free(f);
    return code;
}

const char *h5_library(void) {
    static char text[32];
    unsigned major, minor, release;
    if (!text[0] && H5get_libversion(&major, &minor, &release) >= 0)
        snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}
