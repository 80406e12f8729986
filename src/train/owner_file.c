#define _GNU_SOURCE /* flock, futimens, unlinkat */
#include "train/owner_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is there ---- */

/* Two processes may look at once, an owner's lock is exclusive. */
static owner_lock find_lock(int file) {
    if (flock(file, LOCK_SH | LOCK_NB) == 0)
        return OWNER_LOCK_FREE;
    return errno == EWOULDBLOCK ? OWNER_LOCK_HELD : OWNER_LOCK_NONE;
}

int owner_file_look(owner_seen *out, const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return errno;
    char text[4096];
    struct stat s = {0};
    ssize_t length = read(file, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    fstat(file, &s);
    if (!owner_record_parse(&out->record, text))
        snprintf(out->record.token, sizeof out->record.token, "%" PRIx64, (uint64_t)s.st_ino);
    out->lock = find_lock(file);
    out->touched = s.st_mtim;
    close(file);
    return 0;
}

bool owner_file_has(const char *path, const char *token) {
    owner_seen seen;
    return owner_file_look(&seen, path) == 0 && strcmp(seen.record.token, token) == 0;
}

/* ---- a draft ---- */

static bool write_record(const owner_draft *d) {
    char *text = owner_record_text(&d->record);
    size_t length = strlen(text);
    bool written = write(d->file, text, length) == (ssize_t)length;
    mem_free(text);
    return written;
}

static err cannot_write(const owner_draft *d) {
    return fail(ERR_IO, "%s: the run folder cannot be written: %s; --out takes another", d->folder, strerror(errno));
}

static void open_draft(owner_draft *d) {
    d->place = open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d->file = d->place >= 0 ? openat(d->place, strrchr(d->name, '/') + 1, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
}

err owner_draft_write(owner_draft *d) {
    enum { TRIES = 100 };
    err code = path_make_folders(d->folder);
    d->name = text_format("%s/.owner.tmp-new-%s", d->folder, d->record.token);
    for (int i = 0; i < TRIES && code == OK && d->file < 0; i++) {
        open_draft(d);
        if (d->file < 0 && errno != ENOENT)
            return cannot_write(d);
        if (d->file < 0) { /* another run has just moved or removed the folder */
            if (d->place >= 0)
                close(d->place);
            code = path_make_folders(d->folder);
        }
    }
    if (code != OK)
        return code;
    d->record.locked = d->file >= 0 && flock(d->file, LOCK_EX | LOCK_NB) == 0;
    return d->file >= 0 && write_record(d) ? OK : cannot_write(d);
}

/* By the folder itself: it may have been moved meanwhile. */
void owner_draft_remove(owner_draft *d) {
    if (d->name && d->place >= 0)
        unlinkat(d->place, strrchr(d->name, '/') + 1, 0);
    if (d->place >= 0)
        close(d->place);
    mem_free(d->name);
    d->name = NULL;
    d->place = -1;
}

/* Where a file cannot have two names: made under its name at once. Who looks in this moment finds no record and waits for a lease. */
static int make_at(owner_draft *d, const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return errno;
    close(d->file);
    d->file = file;
    if (d->record.locked)
        d->record.locked = flock(file, LOCK_EX | LOCK_NB) == 0;
    return write_record(d) ? 0 : EIO;
}

int owner_draft_become(owner_draft *d, const char *path) {
    if (link(d->name, path) == 0)
        return 0;
    bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
    return no_links ? make_at(d, path) : errno;
}

struct timespec owner_draft_now(const owner_draft *d) {
    struct stat s = {0};
    futimens(d->file, NULL);
    fstat(d->file, &s);
    return s.st_mtim;
}
