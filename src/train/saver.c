#include "train/saver.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "train/folder.h"

struct saver {
    saver_options options;
    save_order order;
    char what[64]; /* `last.h5 of step 1200`, for whom waits */
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool busy, stop;
    bool fresh; /* the report has not been taken */
    save_report report;
    err_record error;
};

/* ---- one checkpoint ---- */

static err write_as(const saver *s, const char *name) {
    char *path = text_format("%s/%s", s->options.folder, name);
    err code = ckpt_write(path, s->options.state, &s->order.info, s->options.gate);
    mem_free(path);
    return code;
}

/* A second name for last.h5 where the file system can, otherwise a second file. */
static err also_as(const saver *s, const char *name) {
    return folder_link(s->options.folder, "last.h5", name) == OK ? OK : write_as(s, name);
}

static err write_numbered(const saver *s) {
    char *name = text_format("step-%" PRId64 ".h5", s->order.info.step);
    err code = also_as(s, name);
    if (code == OK)
        ckpt_prune(s->options.folder, s->options.keep);
    mem_free(name);
    return code;
}

static err write_all(const saver *s) {
    err code = write_as(s, "last.h5");
    if (code == OK && s->order.numbered && s->options.keep > 0)
        code = write_numbered(s);
    return code == OK && s->order.best ? also_as(s, "best.h5") : code;
}

static void carry_out(saver *s) {
    double start = time_now();
    save_report report = {.step = s->order.info.step};
    err code = write_all(s);
    report.seconds = time_now() - start;
    ckpt_info_reset(&s->order.info);
    pthread_mutex_lock(&s->lock);
    s->busy = false;
    s->fresh = code == OK;
    s->report = report;
    if (code != OK && s->error.code == OK)
        s->error = *err_last();
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

/* False: there is nothing more to do. */
static bool wait_for_order(saver *s) {
    pthread_mutex_lock(&s->lock);
    while (!s->busy && !s->stop)
        pthread_cond_wait(&s->changed, &s->lock);
    bool ordered = s->busy;
    pthread_mutex_unlock(&s->lock);
    return ordered;
}

static void *run(void *context) {
    while (wait_for_order(context))
        carry_out(context);
    return NULL;
}

err saver_new(saver **out, const saver_options *options) {
    saver *s = mem_new(1, sizeof *s);
    *out = s;
    s->options = *options;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->has_thread = options->beside && threads_start(&s->thread, run, s) == 0;
    return s->has_thread || !options->beside
               ? OK
               : fail(ERR_BROKEN, "the thread that writes checkpoints cannot be started: raise the limit of processes (ulimit -u)");
}

void saver_free(saver *s) {
    if (!s)
        return;
    saver_wait(s);
    place_phase("the end of the run"); /* nobody is told of s->what any more */
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

/* ---- the trainer's side ---- */

void saver_give(saver *s, const save_order *order) {
    pthread_mutex_lock(&s->lock);
    s->order = *order;
    s->busy = true;
    snprintf(s->what, sizeof s->what, "last.h5 of step %" PRId64, order->info.step);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (!s->has_thread)
        carry_out(s);
}

err saver_wait(saver *s) {
    if (saver_is_busy(s)) {
        place_phase("waiting for the writing");
        place_work(s->what);
    }
    pthread_mutex_lock(&s->lock);
    while (s->busy)
        pthread_cond_wait(&s->changed, &s->lock);
    err code = s->error.code;
    if (code != OK)
        *err_last() = s->error;
    pthread_mutex_unlock(&s->lock);
    return code;
}

bool saver_is_busy(saver *s) {
    pthread_mutex_lock(&s->lock);
    bool busy = s->busy;
    pthread_mutex_unlock(&s->lock);
    return busy;
}

bool saver_has_failed(saver *s) {
    pthread_mutex_lock(&s->lock);
    bool failed = s->error.code != OK;
    pthread_mutex_unlock(&s->lock);
    return failed;
}

bool saver_take_report(saver *s, save_report *report) {
    pthread_mutex_lock(&s->lock);
    bool fresh = s->fresh;
    s->fresh = false;
    *report = s->report;
    pthread_mutex_unlock(&s->lock);
    return fresh;
}
