/* Every rank's thread reads where its rank is and reports it to rank 0 (comm_pulse). Rank 0 knows the latest report of each, so that it can
 * also tell of a rank that can no longer speak; it acts where none of them has got on: a single rank may well stand still while it waits
 * for another that writes a checkpoint. Where rank 0 itself has fallen silent, every rank speaks for itself. */
#define _POSIX_C_SOURCE 200809L /* pthread_condattr_setclock */
#include "launch/launch.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "comm/comm.h"

typedef struct report {
    place_now at;
    char host[64];
} report;

struct watchdog {
    double stall_seconds, period;
    comm_pulse *pulse;
    report mine;
    uint64_t *seen_ticks; /* [rank], on rank 0; on the others [0] is my own */
    double idle;          /* seconds since somebody got on */
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop; /* under the lock */
};

static const double silence_beats = 5; /* after which a rank counts as silent */

/* ---- what is said ---- */

static char *silence_text(double age, double allowed) {
    return age > allowed ? text_format("silent for %.0f s (stopped, dead or cut off), last seen: ", age) : mem_string("");
}

static char *step_text(int64_t step) {
    return step < 0 ? mem_string("before the first step") : text_format("step %" PRId64, step);
}

/* `step 1204, backward of layer3.0.conv2, waiting for other ranks` */
static char *place_text(const place_now *at) {
    char *step = step_text(at->step);
    char *text =
        text_format("%s, %s%s%s%s", step, at->phase, at->work[0] ? " of " : "", at->work, at->waiting ? ", waiting for other ranks" : "");
    mem_free(step);
    return text;
}

static void tell_of(const watchdog *w, int rank) {
    double age = 0;
    const report *r = rank == log_rank() ? &w->mine : comm_pulse_read(w->pulse, rank, &age);
    if (!r->host[0]) {
        log_error("rank %d: nothing was ever heard of it", rank);
        return;
    }
    char *silence = silence_text(age, silence_beats * w->period), *place = place_text(&r->at);
    log_error("rank %d on %s: %s%s", rank, r->host, silence, place);
    mem_free(silence);
    mem_free(place);
}

static _Noreturn void end_job(const watchdog *w) {
    log_error("no progress for %g s on any rank (train.stall_seconds); this is where they are:", w->stall_seconds);
    for (int rank = 0; rank < comm_size(comm_world()); rank++)
        tell_of(w, rank);
    comm_abort(ERR_BROKEN, "the job stands still and is ended; --resume goes on from its last checkpoint");
}

/* Time for the others to speak too, then one of them ends the job. */
static _Noreturn void end_without_rank_0(const watchdog *w) {
    tell_of(w, log_rank());
    tell_of(w, 0);
    time_sleep(2 * w->period);
    comm_abort(ERR_BROKEN,
               "no progress for %g s (train.stall_seconds) and no word from rank 0: the job is ended; --resume goes on from "
               "its last checkpoint",
               w->stall_seconds);
}

/* ---- what is watched ---- */

static bool has_moved(uint64_t *seen, const report *r) {
    bool moved = *seen != r->at.ticks;
    *seen = r->at.ticks;
    return moved;
}

static bool anybody_moved(watchdog *w) {
    bool moved = has_moved(&w->seen_ticks[0], &w->mine);
    for (int rank = 1; log_rank() == 0 && rank < comm_size(comm_world()); rank++) {
        double age;
        moved |= has_moved(&w->seen_ticks[rank], comm_pulse_read(w->pulse, rank, &age));
    }
    return moved;
}

static void look(watchdog *w, double passed) {
    w->mine.at = place_read();
    comm_pulse_beat(w->pulse, &w->mine);
    /* a process that was stopped itself and goes on has missed much, and nobody is to blame for it */
    w->idle = anybody_moved(w) ? 0 : w->idle + (passed < 2 * w->period ? passed : 2 * w->period);
    if (w->idle < w->stall_seconds)
        return;
    double age = 0;
    if (log_rank() != 0)
        comm_pulse_read(w->pulse, 0, &age);
    if (log_rank() == 0)
        end_job(w);
    else if (age >= w->stall_seconds)
        end_without_rank_0(w);
}

/* Until the period is over or the thread is to stop. */
static bool pause_ends(watchdog *w) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double seconds = (double)until.tv_nsec * 1e-9 + w->period;
    until.tv_sec += (time_t)seconds;
    until.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9);
    pthread_mutex_lock(&w->lock);
    int status = 0;
    while (!w->stop && status == 0)
        status = pthread_cond_timedwait(&w->changed, &w->lock, &until);
    bool go_on = !w->stop;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void *run(void *context) {
    watchdog *w = context;
    double before = time_now();
    while (pause_ends(w)) {
        double now = time_now();
        look(w, now - before);
        before = now;
    }
    return NULL;
}

/* ---- start and end ---- */

static void init_meeting(watchdog *w) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&w->lock, NULL);
}

err watchdog_start(watchdog **out, double stall_seconds) {
    *out = NULL;
    if (stall_seconds <= 0)
        return OK;
    watchdog *w = mem_new(1, sizeof *w);
    w->stall_seconds = stall_seconds;
    w->period = stall_seconds / 20 < 10 ? stall_seconds / 20 : 10;
    snprintf(w->mine.host, sizeof w->mine.host, "%s", comm_host());
    w->seen_ticks = mem_new((size_t)comm_size(comm_world()), sizeof *w->seen_ticks);
    w->pulse = comm_pulse_new(comm_world(), sizeof w->mine);
    init_meeting(w);
    w->has_thread = threads_start(&w->thread, run, w) == 0;
    err code = w->has_thread ? OK : fail(ERR_BROKEN, "the watchdog's thread cannot be started: raise the limit of processes (ulimit -u)");
    code = comm_agree(comm_world(), code);
    if (code == OK)
        *out = w;
    else
        watchdog_stop(w);
    return code;
}

static void stop_thread(watchdog *w) {
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

void watchdog_stop(watchdog *w) {
    if (!w)
        return;
    if (w->has_thread)
        stop_thread(w);
    comm_pulse_free(w->pulse);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->seen_ticks);
    mem_free(w);
}
