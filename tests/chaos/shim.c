/* LD_PRELOAD: lets the n-th call of one kind that meets a path fail, as a broken disk or a full one would.
 *   SHIM_CALL=pwrite    the call; SHIM_PATH=last.h5  a part of the file's path; SHIM_NTH=3  which of those calls
 *   SHIM_ERROR=5        errno, or 0: the call does half of what it should (read and write only)
 *   SHIM_FOREVER=1      and all after it; SHIM_RANK=0  only there
 *   SHIM_MARK=FILE      is made, with the path in it, when a call has failed
 * Calls that libc makes itself (behind FILE) pass by: fopen, fflush and fclose fail in their place. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    const char *call, *path, *mark;
    int nth, error;
    bool forever;
} plan;
static atomic_int met;

__attribute__((constructor)) static void read_plan(void) {
    const char *rank = getenv("SHIM_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
    if (!mine)
        mine = getenv("PMI_RANK");
    if (!getenv("SHIM_CALL") || !getenv("SHIM_PATH") || (rank && strcmp(rank, mine ? mine : "0") != 0))
        return;
    plan.path = getenv("SHIM_PATH");
    plan.mark = getenv("SHIM_MARK");
    plan.nth = getenv("SHIM_NTH") ? atoi(getenv("SHIM_NTH")) : 1;
    plan.error = getenv("SHIM_ERROR") ? atoi(getenv("SHIM_ERROR")) : EIO;
    plan.forever = getenv("SHIM_FOREVER") != NULL;
    plan.call = getenv("SHIM_CALL");
}

static void leave_mark(const char *path) {
    int fd = plan.mark ? (int)syscall(SYS_openat, AT_FDCWD, plan.mark, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    if (fd < 0)
        return;
    syscall(SYS_write, fd, path, strlen(path));
    syscall(SYS_write, fd, "\n", 1);
    syscall(SYS_close, fd);
}

/* Whether this call is the one. */
static bool fails(const char *call, const char *path) {
    if (!plan.call || strcmp(call, plan.call) != 0 || !path || !strstr(path, plan.path))
        return false;
    int count = ++met;
    if (count < plan.nth || (count > plan.nth && !plan.forever))
        return false;
    leave_mark(path);
    errno = plan.error;
    return true;
}

static bool fails_on(const char *call, int fd) {
    if (!plan.call || strcmp(call, plan.call) != 0)
        return false;
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return fails(call, path);
}

/* What stands behind us: found once a name. */
#define REAL(name)                                                                                                                         \
    static __typeof__(&name) real;                                                                                                         \
    if (!real)                                                                                                                             \
    real = (__typeof__(real))dlsym(RTLD_NEXT, #name)

/* ---- calls on a descriptor ---- */

#define ON_FD(type, name, call, parameters, arguments)                                                                                     \
    type name parameters {                                                                                                                 \
        REAL(name);                                                                                                                        \
        return fails_on(call, fd) ? -1 : real arguments;                                                                                   \
    }

/* The same where half can be done. */
#define ON_FD_PART(name, call, parameters, whole, half)                                                                                    \
    ssize_t name parameters {                                                                                                              \
        REAL(name);                                                                                                                        \
        if (!fails_on(call, fd))                                                                                                           \
            return real whole;                                                                                                             \
        return plan.error == 0 && n > 1 ? real half : -1;                                                                                  \
    }

ON_FD_PART(write, "write", (int fd, const void *b, size_t n), (fd, b, n), (fd, b, n / 2))
ON_FD_PART(read, "read", (int fd, void *b, size_t n), (fd, b, n), (fd, b, n / 2))
ON_FD_PART(pwrite, "pwrite", (int fd, const void *b, size_t n, off_t at), (fd, b, n, at), (fd, b, n / 2, at))
ON_FD_PART(pwrite64, "pwrite", (int fd, const void *b, size_t n, off64_t at), (fd, b, n, at), (fd, b, n / 2, at))
ON_FD_PART(pread, "pread", (int fd, void *b, size_t n, off_t at), (fd, b, n, at), (fd, b, n / 2, at))
ON_FD_PART(pread64, "pread", (int fd, void *b, size_t n, off64_t at), (fd, b, n, at), (fd, b, n / 2, at))
ON_FD(int, fsync, "fsync", (int fd), (fd))
ON_FD(int, fdatasync, "fsync", (int fd), (fd))
ON_FD(int, syncfs, "fsync", (int fd), (fd))
ON_FD(int, sync_file_range, "sync_file_range", (int fd, off64_t at, off64_t n, unsigned flags), (fd, at, n, flags))
ON_FD(int, ftruncate, "ftruncate", (int fd, off_t n), (fd, n))
ON_FD(int, ftruncate64, "ftruncate", (int fd, off64_t n), (fd, n))

int close(int fd) {
    REAL(close);
    bool failed = fails_on("close", fd);
    int error = errno, result = real(fd);
    if (failed)
        errno = error;
    return failed ? -1 : result;
}

#define FCNTL(name)                                                                                                                        \
    int name(int fd, int command, ...) {                                                                                                   \
        REAL(name);                                                                                                                        \
        va_list list;                                                                                                                      \
        va_start(list, command);                                                                                                           \
        void *argument = va_arg(list, void *);                                                                                             \
        va_end(list);                                                                                                                      \
        return fails_on("fcntl", fd) ? -1 : real(fd, command, argument);                                                                   \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define MMAP(name, type)                                                                                                                   \
    void *name(void *at, size_t n, int protection, int flags, int fd, type offset) {                                                       \
        REAL(name);                                                                                                                        \
        return fd >= 0 && fails_on("mmap", fd) ? MAP_FAILED : real(at, n, protection, flags, fd, offset);                                  \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

/* ---- calls on a path ---- */

#define OPEN(name)                                                                                                                         \
    int name(const char *path, int flags, ...) {                                                                                           \
        REAL(name);                                                                                                                        \
        va_list list;                                                                                                                      \
        va_start(list, flags);                                                                                                             \
        mode_t mode = va_arg(list, mode_t);                                                                                                \
        va_end(list);                                                                                                                      \
        return fails("open", path) ? -1 : real(path, flags, mode);                                                                         \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                                       \
    int name(int folder, const char *path, int flags, ...) {                                                                               \
        REAL(name);                                                                                                                        \
        va_list list;                                                                                                                      \
        va_start(list, flags);                                                                                                             \
        mode_t mode = va_arg(list, mode_t);                                                                                                \
        va_end(list);                                                                                                                      \
        return fails("open", path) ? -1 : real(folder, path, flags, mode);                                                                 \
    }
OPENAT(openat)
OPENAT(openat64)

int rename(const char *from, const char *to) {
    REAL(rename);
    return fails("rename", to) ? -1 : real(from, to);
}

int link(const char *from, const char *to) {
    REAL(link);
    return fails("link", to) ? -1 : real(from, to);
}

int unlink(const char *path) {
    REAL(unlink);
    return fails("unlink", path) ? -1 : real(path);
}

DIR *opendir(const char *path) {
    REAL(opendir);
    return fails("opendir", path) ? NULL : real(path);
}

#define READDIR(name, type)                                                                                                                \
    struct type *name(DIR *folder) {                                                                                                       \
        REAL(name);                                                                                                                        \
        return fails_on("readdir", dirfd(folder)) ? NULL : real(folder);                                                                   \
    }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

/* ---- FILE ---- */

FILE *fopen(const char *path, const char *mode) {
    REAL(fopen);
    return fails("fopen", path) ? NULL : real(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    REAL(fopen64);
    return fails("fopen", path) ? NULL : real(path, mode);
}

int fflush(FILE *f) {
    REAL(fflush);
    return f && fails_on("fflush", fileno(f)) ? EOF : real(f);
}

int fclose(FILE *f) {
    REAL(fclose);
    bool failed = fails_on("fclose", fileno(f));
    int error = errno, result = real(f);
    if (failed)
        errno = error;
    return failed ? EOF : result;
}
