/* The seal at the end of our own files, behind all that HDF5 knows of: a CRC-32 over every byte but the raw data that has checksums of its
 * own. It is looked at before HDF5 reads anything, so that no damage to HDF5's own structures can lead it astray. HDF5 cuts it off where
 * another program changes the file.
 *
 *     name, 8 bytes
 *     what lies outside of it: (first byte, bytes) as uint64, ascending, [count]
 *     end of HDF5's part, count: uint64   ·   version, CRC-32: uint32   ·   name, 8 bytes
 *
 * The CRC-32 goes over what lies inside, then over the seal itself from behind the first name up to the CRC-32. All numbers are
 * little-endian. The first name tells that there was a seal where the end of it is damaged or missing. */
#define _POSIX_C_SOURCE 200809L /* pread, pwrite */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "h5/internal.h"

typedef struct foot {
    uint64_t end, count;
    uint32_t version, crc;
    char name[8];
} foot;

enum { SEAL_VERSION = 1, PIECE = 1 << 20 };
static const char seal_name[8] = "ShoalEnd";

static err damaged(const char *path) {
    return fail(ERR_DATA, "%s: damaged: the checksum at its end does not fit its bytes; or another program has changed it", path);
}

static err read_at(int fd, const char *path, uint64_t place, void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = pread(fd, (char *)bytes + done, count - done, (off_t)(place + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (n == 0)
            return fail(ERR_DATA, "%s: truncated while it was read", path);
        done += (size_t)n;
    }
    return OK;
}

static err write_at(int fd, const char *path, uint64_t place, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, count - done, (off_t)(place + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
        done += (size_t)n;
    }
    return OK;
}

static uLong add(uLong crc, const void *bytes, size_t count) {
    return crc32_z(crc, bytes, count);
}

/* Bytes [first, last) of the file. `crc` may be NULL: they are only read. */
static err add_range(int fd, const char *path, uint64_t first, uint64_t last, uLong *crc) {
    char *piece = mem_new(last - first < PIECE ? (size_t)(last - first) + 1 : PIECE, 1);
    err code = OK;
    for (uint64_t at = first; at < last && code == OK; at += PIECE) {
        size_t count = last - at < PIECE ? (size_t)(last - at) : PIECE;
        code = read_at(fd, path, at, piece, count);
        if (code == OK && crc)
            *crc = add(*crc, piece, count);
        place_tick();
    }
    mem_free(piece);
    return code;
}

/* ERR_DATA where the extents are not ascending parts of the file. */
static err checksum(int fd, const char *path, const h5_extent *outside, const foot *f, uint32_t *crc) {
    uint64_t at = 0;
    uLong sum = crc32_z(0, NULL, 0);
    err code = OK;
    for (uint64_t i = 0; i < f->count && code == OK; i++) {
        if (outside[i].first < at || outside[i].first > f->end || outside[i].bytes > f->end - outside[i].first)
            return damaged(path);
        code = add_range(fd, path, at, outside[i].first, &sum);
        at = outside[i].first + outside[i].bytes;
    }
    if (code == OK)
        code = add_range(fd, path, at, f->end, &sum);
    sum = add(sum, outside, (size_t)f->count * sizeof *outside);
    *crc = (uint32_t)add(sum, f, offsetof(foot, crc));
    return code;
}

static int compare_extents(const void *a, const void *b) {
    const h5_extent *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

err h5_seal_write(int fd, const char *path, h5_extent *outside, uint64_t count) {
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    foot f = {.end = (uint64_t)s.st_size, .count = count, .version = SEAL_VERSION};
    memcpy(f.name, seal_name, sizeof f.name);
    if (count > 0)
        qsort(outside, count, sizeof *outside, compare_extents);
    err code = checksum(fd, path, outside, &f, &f.crc);
    uint64_t list = f.end + sizeof seal_name;
    if (code == OK)
        code = write_at(fd, path, f.end, seal_name, sizeof seal_name);
    if (code == OK)
        code = write_at(fd, path, list, outside, count * sizeof *outside);
    return code == OK ? write_at(fd, path, list + count * sizeof *outside, &f, sizeof f) : code;
}

/* Whether the foot can be that of a file of `bytes`. */
static bool foot_fits(const foot *f, uint64_t bytes) {
    uint64_t room = bytes - sizeof *f - sizeof seal_name;
    return f->count <= room / sizeof(h5_extent) && f->end == room - f->count * sizeof(h5_extent);
}

/* A file without the end of a seal: ERR_DATA where one begins behind HDF5's part. */
static err check_beginning(int fd, const char *path, uint64_t bytes) {
    static const unsigned char start[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 2, sizeof(uint64_t), sizeof(uint64_t)};
    struct {
        unsigned char kind[12];
        unsigned char bases[16];
        unsigned char end[8];
    } superblock; /* of the form that our files have */
    char name[sizeof seal_name];
    uint64_t end = bytes;
    err code = bytes < sizeof superblock ? OK : read_at(fd, path, 0, &superblock, sizeof superblock);
    if (code == OK && bytes >= sizeof superblock && memcmp(superblock.kind, start, sizeof start) == 0)
        memcpy(&end, superblock.end, sizeof end);
    if (code != OK || end >= bytes)
        return code;
    size_t there = bytes - end < sizeof name ? (size_t)(bytes - end) : sizeof name;
    code = read_at(fd, path, end, name, there);
    return code == OK && memcmp(name, seal_name, there) == 0 ? damaged(path) : code;
}

static err check_whole(int fd, const char *path, const foot *f) {
    h5_extent *outside = mem_new((size_t)f->count, sizeof *outside);
    uint32_t crc = 0;
    char name[sizeof seal_name];
    err code = read_at(fd, path, f->end, name, sizeof name);
    if (code == OK)
        code = read_at(fd, path, f->end + sizeof name, outside, (size_t)f->count * sizeof *outside);
    if (code == OK)
        code = checksum(fd, path, outside, f, &crc);
    if (code == OK && (crc != f->crc || memcmp(name, seal_name, sizeof name) != 0))
        code = damaged(path);
    mem_free(outside);
    return code;
}

err h5_seal_check(int fd, const char *path, uint64_t bytes, bool *sealed) {
    foot f = {0};
    *sealed = false;
    err code = bytes < sizeof f + sizeof seal_name ? OK : read_at(fd, path, bytes - sizeof f, &f, sizeof f);
    if (code != OK)
        return code;
    if (memcmp(f.name, seal_name, sizeof f.name) != 0)
        return check_beginning(fd, path, bytes);
    code = foot_fits(&f, bytes) ? check_whole(fd, path, &f) : damaged(path);
    *sealed = code == OK;
    return code;
}

err h5_read_through(const char *path) {
    int fd;
    uint64_t bytes;
    err code = h5_open_plain(path, &fd, &bytes);
    if (code != OK)
        return code;
    code = add_range(fd, path, 0, bytes, NULL);
    close(fd);
    return code;
}
