/* A run folder while it is owned: taken, kept alive, looked after, given back. */
#define _GNU_SOURCE /* futimens, pipe2 */
#include "train/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/owner_file.h"

enum { RENEWAL = 10 }; /* seconds between signs of life: far less than a lease */
const double owner_patience = 3;

struct owner {
    char *folder, *path;
    owner_draft draft;
    bool made;      /* the folder was not there */
    bool has_links; /* the file system counts a file's names */
    bool has_thread;
    pthread_t thread;
    int bell[2]; /* a pipe: closed to wake the thread */
    pthread_mutex_t lock;
    atomic_bool lost;
    char *reason; /* why it was lost; under the lock */
};

/* ---- while it is owned ---- */

/* Deleted with all its names: what stands under the path now is another file, whatever is in it. */
static bool is_deleted(const owner *o) {
    struct stat s;
    return o->has_links && fstat(o->draft.file, &s) == 0 && s.st_nlink == 0;
}

/* Under the lock. What cannot be read for another reason may still be ours: the next checkpoint will tell. */
static void look_for_loss(owner *o) {
    owner_seen seen;
    int problem = owner_file_look(&seen, o->path);
    bool other = problem == 0 && strcmp(seen.record.token, o->draft.record.token) != 0;
    if (atomic_load(&o->lost) || !(other || problem == ENOENT || problem == ENOTDIR || is_deleted(o)))
        return;
    char *name = other ? owner_record_name(&seen.record) : NULL;
    o->reason = other ? text_format("it belongs to %s now", name) : mem_string("it was moved, deleted or replaced");
    mem_free(name);
    atomic_store(&o->lost, true);
}

static void *keep_alive(void *context) {
    owner *o = context;
    struct pollfd bell = {.fd = o->bell[0], .events = POLLIN};
    while (poll(&bell, 1, RENEWAL * 1000) == 0) {
        pthread_mutex_lock(&o->lock);
        futimens(o->draft.file, NULL);
        look_for_loss(o);
        pthread_mutex_unlock(&o->lock);
    }
    return NULL;
}

err owner_check(owner *o) {
    err code = OK;
    pthread_mutex_lock(&o->lock);
    look_for_loss(o);
    if (atomic_load(&o->lost)) {
        log_close();
        code = fail(ERR_IO, "%s is no longer this run's folder: %s; nothing more is written into it", o->folder, o->reason);
    }
    pthread_mutex_unlock(&o->lock);
    return code;
}

bool owner_has_lost(const owner *o) {
    return atomic_load(&o->lost);
}

/* ---- start and end ---- */

static err start_thread(owner *o) {
    struct stat s;
    o->has_links = fstat(o->draft.file, &s) == 0 && s.st_nlink > 0;
    if (pipe2(o->bell, O_CLOEXEC) != 0)
        return fail(ERR_IO, "no pipe can be opened: %s: raise the limit of open files (ulimit -n)", strerror(errno));
    o->has_thread = threads_start(&o->thread, keep_alive, o) == 0;
    return o->has_thread ? OK : fail(ERR_BROKEN, "a thread cannot be started: raise the limit of processes (ulimit -u)");
}

/* What killed processes have left on their way to this place. One that lives and comes too late writes its draft anew. */
static void clear_drafts(const owner *o) {
    path_list drafts;
    if (path_find(&drafts, o->folder, ".owner.tmp-*") == OK)
        for (int i = 0; i < drafts.count; i++)
            unlink(drafts.paths[i]);
    path_list_reset(&drafts);
}

err owner_take(owner **out, const char *folder, double patience) {
    owner *o = mem_new(1, sizeof *o);
    o->folder = mem_string(folder);
    o->path = text_format("%s/.owner", folder);
    o->made = access(folder, F_OK) != 0;
    o->bell[0] = o->bell[1] = -1;
    o->draft = (owner_draft){.record = owner_record_new(), .folder = o->folder, .file = -1, .place = -1};
    pthread_mutex_init(&o->lock, NULL);
    err code = owner_draft_claim(&o->draft, o->path, patience);
    if (code == OK) {
        clear_drafts(o);
        code = start_thread(o);
    }
    if (code != OK)
        owner_release(o);
    *out = code == OK ? o : NULL;
    return code;
}

/* Between the two names the folder is nobody's: who comes then may get it. */
static err follow(owner *o, const char *aside) {
    owner_seen other;
    char *old = text_format("%s/.owner", aside);
    o->draft.name = old;
    err code = path_make_folders(o->folder);
    int problem = code == OK ? owner_draft_become(&o->draft, o->path) : 0;
    if (problem == EEXIST && owner_file_look(&other, o->path) == 0)
        code = owner_draft_refuse(&o->draft, &other.record);
    else if (problem != 0)
        code = fail(ERR_IO, "%s: the run folder cannot be written: %s; --out takes another", o->folder, strerror(problem));
    unlink(old);
    mem_free(old);
    o->draft.name = NULL;
    return code;
}

err owner_move_aside(owner *o, const char *aside) {
    err code = OK;
    pthread_mutex_lock(&o->lock);
    if (rename(o->folder, aside) == 0)
        code = follow(o, aside);
    else
        code = fail(ERR_IO, "%s: holds an earlier run and cannot be moved aside: %s; --resume goes on with it, --out takes another",
                    o->folder, strerror(errno));
    pthread_mutex_unlock(&o->lock);
    return code;
}

void owner_release(owner *o) {
    if (!o)
        return;
    if (o->bell[1] >= 0)
        close(o->bell[1]);
    if (o->has_thread)
        pthread_join(o->thread, NULL);
    if (o->bell[0] >= 0)
        close(o->bell[0]);
    if (owner_file_has(o->path, o->draft.record.token))
        unlink(o->path);
    if (o->draft.file >= 0)
        close(o->draft.file);
    if (o->made)
        rmdir(o->folder);
    pthread_mutex_destroy(&o->lock);
    mem_free(o->reason);
    mem_free(o->folder);
    mem_free(o->path);
    mem_free(o);
}
