/* The folder of copies. A lock says that its run is alive: the kernel frees it when the process ends, however it ends. */
#define _DEFAULT_SOURCE /* flock, mkdtemp */
#include "data/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char prefix[] = "shoal-stage-";

static err open_folder(const char *path, int flags, int *fd) {
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    return *fd >= 0 ? OK : fail(ERR_IO, "data.stage: %s: cannot be used: %s", path, strerror(errno));
}

/* The folder is flat: files, nothing else. What is emptied is what `fd` is, whatever the path may be by now. */
static void remove_flat(int fd, const char *path) {
    int listed = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = listed >= 0 ? fdopendir(listed) : NULL;
    for (struct dirent *e; folder && (e = readdir(folder));)
        unlinkat(fd, e->d_name, 0); /* `.` and `..` stay */
    if (folder)
        closedir(folder);
    rmdir(path);
}

/* Nobody holds its lock: its run was killed. Another user's folder cannot be opened, and is let alone; so is a link, which in a folder that
 * all may write to could lead anywhere. */
static void remove_leftover(const char *dir, const char *name) {
    char *path = text_format("%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        remove_flat(fd, path);
        if (access(path, F_OK) != 0)
            log_info("data.stage: removed %s, which a killed run had left", path);
    }
    if (fd >= 0)
        close(fd);
    mem_free(path);
}

static void remove_leftovers(const char *dir) {
    DIR *folder = opendir(dir);
    for (struct dirent *e; folder && (e = readdir(folder));)
        if (strncmp(e->d_name, prefix, sizeof prefix - 1) == 0)
            remove_leftover(dir, e->d_name);
    if (folder)
        closedir(folder);
}

static err check_space(const char *dir, uint64_t bytes) {
    struct statvfs s;
    if (statvfs(dir, &s) != 0)
        return fail(ERR_IO, "data.stage: %s: cannot be used: %s", dir, strerror(errno));
    uint64_t room = (uint64_t)s.f_bavail * s.f_frsize;
    if (bytes <= room)
        return OK;
    char wanted[TEXT_NUMBER], there[TEXT_NUMBER];
    return fail(ERR_IO, "data.stage: %s has room for %s, the data sets have %s: name another folder, or none to read them where they are",
                dir, text_bytes(there, room), text_bytes(wanted, bytes));
}

static err make_locked(stage_folder *f, const char *dir) {
    if (snprintf(f->path, sizeof f->path, "%s/%sXXXXXX", dir, prefix) >= (int)sizeof f->path - 32)
        return fail(ERR_IO, "data.stage: %s: the path is too long", dir);
    if (!mkdtemp(f->path))
        return fail(ERR_IO, "data.stage: %s: no folder can be made in it: %s", dir, strerror(errno));
    err code = open_folder(f->path, O_NOFOLLOW, &f->lock);
    if (code == OK && flock(f->lock, LOCK_EX | LOCK_NB) != 0)
        code = fail(ERR_IO, "data.stage: %s: cannot be locked: %s", f->path, strerror(errno));
    if (code != OK)
        stage_folder_remove(f);
    return code;
}

/* The lock of DIR itself keeps others from taking a folder that is not locked yet for a leftover. */
err stage_folder_make(stage_folder *f, const char *dir, uint64_t bytes) {
    int guard;
    *f = (stage_folder){.lock = -1};
    err code = open_folder(dir, 0, &guard);
    if (code != OK)
        return code;
    flock(guard, LOCK_EX);
    remove_leftovers(dir);
    code = check_space(dir, bytes);
    if (code == OK)
        code = make_locked(f, dir);
    close(guard);
    return code;
}

void stage_folder_remove(stage_folder *f) {
    if (f->lock >= 0) {
        remove_flat(f->lock, f->path);
        close(f->lock);
    }
    *f = (stage_folder){.lock = -1};
}
