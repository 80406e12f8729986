/* Why there is at most one owner. A record gets its name `.owner` in one of two ways only.
 *
 * Where there is none, by link(), which makes one of all that try the first.
 *
 * Where there is one of a dead owner, with token T: first, in the same way, its successor's record becomes `.owner.tmp-T`, so that there is
 * one successor at a time. It looks again; where `.owner` still has T, it renames its record to `.owner`, which ends T and `.owner.tmp-T`
 * in one moment. Who has found T dead before and comes later finds another token by then, since the name was free only after that moment,
 * and takes back what it has just made. A successor that dies between the two leaves a record like any other, which is followed in the same
 * way.
 *
 * An owner that was taken for dead because it slept for longer than its lease finds another token when it wakes, and stops. */
#include "train/owner_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LEASE = 60 }; /* seconds without a sign of life */

/* ---- one attempt ---- */

typedef enum outcome {
    MINE,
    BUSY,   /* the owner lives */
    LEASED, /* perhaps it does */
    AGAIN,  /* something has changed meanwhile */
    GONE,   /* the folder, or the draft in it, is not there any more */
    FAILED, /* errno says why */
} outcome;

static double seconds_between(struct timespec a, struct timespec b) {
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

static double silence(const owner_draft *d, const owner_seen *other) {
    double seconds = seconds_between(other->touched, owner_draft_now(d));
    return seconds > 0 ? seconds : 0; /* the file's time may be that of a clock ahead of ours */
}

static bool gave_a_sign(const owner_seen *before, const owner_seen *now) {
    return strcmp(before->record.token, now->record.token) != 0 || seconds_between(before->touched, now->touched) != 0;
}

/* By the file's time, or by our own clock, whatever the file's may be. */
static bool lease_has_ended(const owner_draft *d, const owner_seen *other) {
    bool watched = d->watched_since > 0 && !gave_a_sign(&d->watched, other);
    return silence(d, other) > LEASE || (watched && time_now() - d->watched_since > LEASE);
}

/* AGAIN: dead. */
static outcome judge(const owner_draft *d, const owner_seen *other) {
    owner_state state = owner_record_judge(&other->record, &d->record, other->lock);
    if (state == OWNER_UNKNOWN)
        return lease_has_ended(d, other) ? AGAIN : LEASED;
    return state == OWNER_ALIVE ? BUSY : AGAIN;
}

static outcome take(owner_draft *d, const char *path, owner_seen *other);

/* `other` is dead. */
static outcome succeed(owner_draft *d, const char *path, owner_seen *other) {
    char token[sizeof other->record.token];
    memcpy(token, other->record.token, sizeof token);
    char *claim = text_format("%s.tmp-%s", path, token);
    outcome got = take(d, claim, other);
    if (got == MINE) {
        if (!owner_file_has(path, token) || rename(claim, path) != 0)
            unlink(claim);
        got = AGAIN;
    }
    mem_free(claim);
    return got;
}

static outcome take_once(owner_draft *d, const char *path, owner_seen *other) {
    int problem = owner_draft_become(d, path);
    if (problem == 0)
        return MINE;
    if (problem == ENOENT || problem == ESTALE)
        return GONE;
    if (problem == EEXIST)
        problem = owner_file_look(other, path);
    if (problem == ENOENT || problem == ESTALE)
        return AGAIN;
    if (problem != 0) {
        errno = problem;
        return FAILED;
    }
    if (strcmp(other->record.token, d->record.token) == 0)
        return MINE;
    outcome found = judge(d, other);
    return found == AGAIN ? succeed(d, path, other) : found;
}

/* `other` is who was in the way. */
static outcome take(owner_draft *d, const char *path, owner_seen *other) {
    enum { TRIES = 1000 };
    outcome got = AGAIN;
    for (int i = 0; i < TRIES && got == AGAIN; i++)
        got = take_once(d, path, other);
    return got == AGAIN ? BUSY : got;
}

/* ---- until it is decided ---- */

err owner_draft_refuse(const owner_draft *d, const owner_record *other) {
    char *name = owner_record_name(other);
    fail(ERR_USAGE, "%s belongs to a run that is under way: %s; wait for it or stop it, or take another folder with --out", d->folder,
         name);
    mem_free(name);
    return ERR_USAGE;
}

static void tell_of_waiting(const owner_draft *d, const owner_seen *other) {
    double silent = silence(d, other);
    char *name = owner_record_name(&other->record);
    log_info("%s belongs to %s, which was last heard of %.0f s ago: waiting up to %.0f s for a sign of life before it is taken over",
             d->folder, name, silent, LEASE - silent);
    mem_free(name);
}

/* OK: try again. A lease that is renewed, or another owner, means that somebody lives. */
static err wait_for(owner_draft *d, double since, outcome got, const owner_seen *other, double patience) {
    bool watching = d->watched_since > 0;
    if (got == BUSY ? time_now() - since >= patience : watching && gave_a_sign(&d->watched, other))
        return owner_draft_refuse(d, &other->record);
    if (got == LEASED && !watching) {
        d->watched_since = time_now();
        d->watched = *other;
        tell_of_waiting(d, other);
    }
    if (signals_stop())
        return fail(ERR_REQUEUE, "stopped by a signal while %s belonged to another run: nothing was trained, nothing is lost", d->folder);
    place_tick();
    time_sleep(got == BUSY ? 0.05 : 0.5);
    return OK;
}

err owner_draft_claim(owner_draft *d, const char *path, double patience) {
    enum { MOVES = 100 };
    double since = time_now();
    owner_seen other = {.lock = OWNER_LOCK_NONE};
    int moves = 0;
    err code = owner_draft_write(d);
    for (outcome got = AGAIN; code == OK && got != MINE;) {
        got = take(d, path, &other);
        if (got == BUSY || got == LEASED)
            code = wait_for(d, since, got, &other, patience);
        if (got == GONE && moves++ < MOVES) {
            owner_draft_remove(d);
            close(d->file);
            d->file = -1;
            code = owner_draft_write(d);
        } else if (got == GONE || got == FAILED) {
            code = fail(ERR_IO, "%s: the run folder cannot be written: %s; --out takes another", d->folder, strerror(errno));
        }
    }
    owner_draft_remove(d);
    return code;
}
