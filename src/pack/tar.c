/* Tar archives through libarchive, which knows all their dialects. It is given the bytes by pread, so that an archive may be a part of
 * a file, several can be read from one file at a time, and what is skipped is not read. */
#define _POSIX_C_SOURCE 200809L
#include "pack/tar.h"
#include "image/image.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 18 };

struct tar {
    struct archive *archive;
    char *name;
    int fd;
    bool zipped;
    int64_t at, bytes, next; /* the archive is [at, at + bytes) of the file; `next` counts from `at` */
    int64_t member_bytes;
    int reason; /* errno of a failed read */
    uint8_t block[BLOCK];
};

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static la_ssize_t give(struct archive *archive, void *context, const void **block) {
    tar *t = context;
    ssize_t n;
    do
        n = pread(t->fd, t->block, (size_t)least(BLOCK, t->bytes - t->next), t->at + t->next);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        t->reason = errno;
        archive_set_error(archive, errno, "read");
        return ARCHIVE_FATAL;
    }
    t->next += n;
    *block = t->block;
    return n;
}

static la_int64_t skip(struct archive *archive, void *context, la_int64_t bytes) {
    (void)archive;
    tar *t = context;
    int64_t skipped = least(bytes, t->bytes - t->next);
    t->next += skipped;
    return skipped;
}

static err refuse(const tar *t) {
    if (t->reason)
        return fail(ERR_IO, "%s: cannot be read: %s", t->name, strerror(t->reason));
    if (archive_errno(t->archive) == ENOMEM)
        return fail(ERR_BROKEN, "%s: out of memory: reader of archives", t->name);
    const char *text = archive_error_string(t->archive);
    return fail(ERR_DATA, "%s: damaged or no tar archive: %s; get it again", t->name, text ? text : "it cannot be read");
}

err tar_open(tar **out, int fd, const char *name, int64_t at, int64_t bytes, bool zipped) {
    tar *t = mem_new(1, sizeof *t);
    *t = (tar){.archive = archive_read_new(), .name = mem_string(name), .fd = fd, .zipped = zipped, .at = at, .bytes = bytes};
    if (!t->archive)
        err_end(ERR_BROKEN, "%s: out of memory: reader of archives", name);
    archive_read_support_format_tar(t->archive);
    if (zipped)
        archive_read_support_filter_gzip(t->archive);
    *out = t;
    if (archive_read_open2(t->archive, t, NULL, give, skip, NULL) == ARCHIVE_OK)
        return OK;
    err code = refuse(t);
    tar_close(t);
    *out = NULL;
    return code;
}

void tar_close(tar *t) {
    if (!t)
        return;
    archive_read_free(t->archive);
    mem_free(t->name);
    mem_free(t);
}

/* Whether the member's bytes are all in the archive, as they are said to be; of a zipped one, whether it can be wanted. */
static err check_member(const tar *t, const tar_member *m, struct archive_entry *entry) {
    const int64_t zipped_most = 64 << 20;
    if (!m->name)
        return fail(ERR_DATA, "%s: a member has no name that can be read", t->name);
    if (m->bytes < 0 || archive_entry_sparse_count(entry) > 0)
        return fail(ERR_DATA, "%s: damaged: the size of %s is not that of a file as it is; get it again", t->name, m->name);
    if (!t->zipped && m->bytes > t->at + t->bytes - m->place)
        return fail(ERR_DATA, "%s: truncated within %s; get it again", t->name, m->name);
    if (t->zipped && m->bytes > zipped_most)
        return fail(ERR_DATA, "%s: %s is said to have %" PRId64 " bytes: damaged; get it again", t->name, m->name, m->bytes);
    return OK;
}

err tar_next(tar *t, tar_member *m, bool *found) {
    struct archive_entry *entry;
    int status;
    do {
        status = archive_read_next_header(t->archive, &entry);
        *found = status == ARCHIVE_OK || status == ARCHIVE_WARN;
    } while (*found && (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry)));
    if (!*found)
        return status == ARCHIVE_EOF ? OK : refuse(t);
    t->member_bytes = archive_entry_size(entry);
    /* behind the member's headers; libarchive counts what it has taken */
    *m = (tar_member){archive_entry_pathname(entry), t->at + archive_filter_bytes(t->archive, 0), t->member_bytes};
    return check_member(t, m, entry);
}

err tar_read(tar *t, byte_buffer *to) {
    byte_buffer_resize(to, (size_t)t->member_bytes);
    for (size_t done = 0; done < to->size;) {
        la_ssize_t n = archive_read_data(t->archive, to->bytes + done, to->size - done);
        if (n <= 0)
            return refuse(t);
        done += (size_t)n;
    }
    return OK;
}

err read_at(int fd, const char *name, int64_t at, void *to, size_t bytes) {
    for (uint8_t *next = to; bytes > 0;) {
        ssize_t n = pread(fd, next, bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(ERR_IO, "%s: cannot be read: %s", name, strerror(errno));
        if (n == 0)
            return fail(ERR_DATA, "%s: truncated: it ends at byte %" PRId64, name, at);
        next += n;
        at += n;
        bytes -= (size_t)n;
    }
    return OK;
}
