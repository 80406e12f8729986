#define _GNU_SOURCE /* sync_file_range, posix_fadvise */
#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/place.h"
#include "base/text.h"

static err failed(const char *path) {
    return fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

/* A signal may interrupt it on network file systems, and not for ever. */
static int sync_patiently(int fd) {
    int status = -1;
    errno = EINTR;
    for (int i = 0; i < 100 && status != 0 && errno == EINTR; i++)
        status = fsync(fd);
    return status;
}

/* To the disk piece by piece, so that a watchdog sees a slow disk get on. Its error counts: it is not told again to fsync. */
static err write_out(int fd, const char *path) {
#ifdef SYNC_FILE_RANGE_WRITE
    const unsigned through = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    const off_t piece = 16 << 20, size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return failed(path);
    for (off_t at = 0; at < size; at += piece) {
        if (sync_file_range(fd, at, piece, through) != 0) {
            bool impossible_here = errno == ENOSYS || errno == ESPIPE || errno == EINVAL || errno == EOPNOTSUPP;
            return impossible_here || errno == EINTR ? OK : failed(path);
        }
        place_tick();
    }
#else
    (void)fd, (void)path;
#endif
    return OK;
}

err durable_sync(int fd, const char *path) {
    err code = write_out(fd, path);
    if (code == OK && sync_patiently(fd) != 0)
        code = failed(path);
    if (code == OK)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice: some file systems keep what they have */
    return code;
}

/* File systems without the notion of a folder that is synced say EINVAL. */
err durable_sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && (sync_patiently(fd) == 0 || errno == EINVAL);
    err code = synced ? OK : fail(ERR_IO, "%s: the folder cannot be synced: %s", folder, strerror(errno));
    if (fd >= 0)
        close(fd);
    return code;
}

err durable_rename(const char *from, const char *to) {
    if (rename(from, to) != 0)
        return failed(to);
    char *folder = path_folder(to);
    err code = durable_sync_folder(folder);
    mem_free(folder);
    return code;
}

err durable_flush(FILE *file, const char *path) {
    return file && !ferror(file) && fflush(file) == 0 ? OK : failed(path);
}

err durable_close(FILE *file, const char *path) {
    err code = durable_flush(file, path);
    if (code == OK)
        code = durable_sync(fileno(file), path);
    if (file && fclose(file) != 0 && code == OK)
        code = failed(path);
    return code;
}

err durable_write(const char *path, const void *bytes, size_t count) {
    char *folder = path_folder(path), *temporary = text_format("%s/.%s.tmp", folder, path_name(path));
    FILE *file = fopen(temporary, "wb");
    if (file)
        fwrite(bytes, 1, count, file); /* an error is remembered until durable_close() */
    err code = durable_close(file, path);
    if (code == OK)
        code = durable_rename(temporary, path);
    if (code != OK && file)
        unlink(temporary);
    mem_free(temporary);
    mem_free(folder);
    return code;
}
