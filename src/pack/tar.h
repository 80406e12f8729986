/* Members of tar archives, read one after the other. Inside of the pack room only. */
#ifndef SHOAL_PACK_TAR_H
#define SHOAL_PACK_TAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "data/data.h"

typedef struct tar tar;

typedef struct tar_member {
    const char *name; /* whole, with folders; until the next tar_next() */
    int64_t place;    /* byte of the file where its bytes begin */
    int64_t bytes;
} tar_member;

/* The tar that lies in a file at [at, at + bytes); so a tar within a tar is read without unpacking it. `name` is for error texts.
 * `zipped`: it may be compressed by gzip; places of members mean nothing then. ERR_DATA where it is no tar. */
err tar_open(tar **out, int fd, const char *name, int64_t at, int64_t bytes, bool zipped);
void tar_close(tar *t); /* NULL is allowed */

/* The next regular file; `found` is false at the end. ERR_DATA, ERR_IO. */
err tar_next(tar *t, tar_member *m, bool *found);

/* The bytes of the member that tar_next() found. */
err tar_read(tar *t, byte_buffer *to);

/* Bytes [at, at + bytes) of a file. ERR_IO, or ERR_DATA where it ends before. */
err read_at(int fd, const char *name, int64_t at, void *to, size_t bytes);

#endif
