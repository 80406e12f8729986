/* One file copied, and the copy checked. */
#define _POSIX_C_SOURCE 200809L /* posix_fadvise */
#include "data/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PIECE = 1 << 20 };

err stage_size(const dataset_part *p, uint64_t *bytes) {
    struct stat s;
    if (fstat(p->fd, &s) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", p->path, strerror(errno));
    *bytes = (uint64_t)s.st_size;
    return OK;
}

static err write_all(int fd, const char *path, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(ERR_IO, "data.stage: %s: cannot be written: %s", path, strerror(errno));
        bytes += n;
        count -= (size_t)n;
    }
    return OK;
}

/* Reads the part's file from its beginning to its end, writes it to `fd` where that is not below 0, and adds up its CRC. */
static err stream(const dataset_part *p, uint64_t size, int fd, const char *path, uint32_t *crc, stage_progress *progress, void *context) {
    char *buffer = mem_new(PIECE, 1);
    err code = OK;
    *crc = (uint32_t)crc32_z(0, NULL, 0);
    for (uint64_t at = 0; at < size && code == OK; at += PIECE) {
        size_t piece = size - at < PIECE ? (size_t)(size - at) : PIECE;
        code = dataset_part_read(p, (int64_t)at, buffer, piece);
        *crc = (uint32_t)crc32_z(*crc, (const uint8_t *)buffer, piece);
        if (code == OK && fd >= 0)
            code = write_all(fd, path, buffer, piece);
        if (code == OK && !progress(context, piece))
            code = fail(ERR_REQUEUE, "stopped by a signal while %s was copied to data.stage", p->path);
    }
    mem_free(buffer);
    return code;
}

static err check_copy(uint64_t size, const char *path, uint32_t crc, stage_progress *progress, void *context) {
    dataset_part copy = {.path = (char *)(uintptr_t)path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (copy.fd < 0)
        return fail(ERR_IO, "data.stage: %s: cannot be read: %s", path, strerror(errno));
    uint32_t seen;
    err code = stream(&copy, size, -1, NULL, &seen, progress, context);
    close(copy.fd);
    if (code == OK && seen != crc)
        code = fail(ERR_IO, "data.stage: %s: is not what was written to it: is the disk or memory sound?", path);
    return code;
}

err stage_copy(const dataset_part *p, const char *path, stage_progress *progress, void *context) {
    uint64_t size;
    uint32_t crc;
    err code = stage_size(p, &size);
    if (code != OK)
        return code;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(ERR_IO, "data.stage: %s: cannot be written: %s", path, strerror(errno));
    posix_fadvise(p->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    code = stream(p, size, fd, path, &crc, progress, context);
    posix_fadvise(p->fd, 0, 0, POSIX_FADV_NORMAL);
    if (code == OK && durable_sync(fd, path) != OK)
        code = err_prefix("data.stage");
    if (close(fd) != 0 && code == OK)
        code = fail(ERR_IO, "data.stage: %s: cannot be written: %s", path, strerror(errno));
    return code == OK ? check_copy(size, path, crc, progress, context) : code;
}

err stage_switch(dataset_part *p, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(ERR_IO, "data.stage: %s: cannot be read: %s", path, strerror(errno));
    close(p->fd);
    p->fd = fd;
    return OK;
}
