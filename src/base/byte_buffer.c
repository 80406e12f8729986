/* Bytes in a block that grows and is kept. */
#define _POSIX_C_SOURCE 200809L
#include "base/byte_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void byte_buffer_reset(byte_buffer *b) {
    mem_free(b->bytes);
    *b = (byte_buffer){0};
}

void byte_buffer_resize(byte_buffer *b, size_t size) {
    if (size > b->capacity) {
        mem_free(b->bytes);
        b->capacity = size + size / 4;
        b->bytes = mem_new(b->capacity, 1);
    }
    b->size = size;
}

/* Fills the buffer from an open file; false with errno where that fails. A file that shrinks meanwhile gives what was read. */
static bool fill(byte_buffer *b, int fd) {
    size_t done = 0;
    while (done < b->size) {
        ssize_t n = read(fd, b->bytes + done, b->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    b->size = done;
    return true;
}

err byte_buffer_read(byte_buffer *b, const char *path) {
    b->size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not make it wait */
    if (fd < 0)
        return errno == ENOENT ? fail(ERR_IO, "%s: no such file", path) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    struct stat s;
    bool good = fstat(fd, &s) == 0;
    if (good && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode)) {
        close(fd);
        return fail(ERR_IO, "%s: is a pipe or a device: write it to a file first", path);
    }
    if (good) {
        byte_buffer_resize(b, (size_t)s.st_size);
        good = fill(b, fd);
    }
    int reason = errno;
    close(fd);
    return good ? OK : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(reason));
}
