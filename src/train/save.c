/* Checkpoints of a run: all ranks compare what they hold, rank 0 copies it and has the copy written while training goes on; or writes at
 * once (checkpoint.sync). */
#include <inttypes.h>
#include <string.h>

#include "train/trainer.h"

/* ---- set-up ---- */

err save_prepare(trainer *t) {
    bool beside = comm_is_root() && !t->job->checkpoint.sync;
    return comm_agree(comm_world(), snapshot_init(&t->snapshot, t->model->graph, t->optim, beside));
}

/* Writing takes long enough for a folder to be lost meanwhile. */
static err is_ours_still(void *owner) {
    return owner_check(owner);
}

err save_start(trainer *t) {
    saver_options options = {t->folder, t->job->checkpoint.keep, &t->snapshot.copy, !t->job->checkpoint.sync, {is_ours_still, t->owner}};
    return comm_agree(comm_world(), comm_is_root() ? saver_new(&t->saver, &options) : OK);
}

/* ---- what is written beside the values ---- */

static void copy_past(ckpt_info *info, const ckpt_info *past) {
    for (int i = 0; i < past->n_jobs; i++)
        ckpt_add_job(info, past->jobs[i].step, past->jobs[i].yaml);
    for (int i = 0; i < past->n_history; i++)
        ckpt_add_metric(info, past->history[i].step, past->history[i].name, past->history[i].value);
    memcpy(info->best_metric, past->best_metric, sizeof info->best_metric);
    info->best_value = past->best_value;
    info->best_step = past->best_step;
    info->updates = past->updates;
    info->lr_factor = past->lr_factor;
    info->rollbacks = past->rollbacks;
}

static void describe_input(ckpt_info *info, const trainer *t) {
    info->n_classes = dataset_n_classes(t->data);
    info->classes = mem_new((size_t)info->n_classes, sizeof *info->classes);
    for (int i = 0; i < info->n_classes; i++)
        info->classes[i] = mem_string(dataset_class(t->data, i));
    const int image[3] = {(int)t->image.h, (int)t->image.w, (int)t->image.c};
    for (int c = 0; c < 3; c++) {
        info->image[c] = image[c];
        info->mean[c] = t->job->data.mean[c];
        info->std[c] = t->job->data.std[c];
    }
}

/* With nothing in it that the trainer changes later. */
static ckpt_info info_now(const trainer *t) {
    ckpt_info info = ckpt_info_new();
    copy_past(&info, &t->past);
    describe_input(&info, t);
    info.step = t->step;
    info.epoch = t->step / t->steps_per_epoch - t->evaluation_due;
    info.seed = t->job->train.seed;
    info.lanes = t->job->train.lanes;
    info.batch = t->job->train.batch;
    info.data_fingerprint = t->data_fingerprint;
    info.job = job_text(t->job);
    return info;
}

/* ---- saving ---- */

err save_report_written(trainer *t) {
    save_report written;
    if (!comm_is_root() || !saver_take_report(t->saver, &written))
        return OK;
    deadline_add_save(&t->deadline, written.seconds);
    return records_checkpoint(t->records, written.step, t->stood_seconds, written.seconds);
}

/* Rank 0: until the checkpoint before is on disk, and the next may be written. */
static err wait_for_the_last(trainer *t) {
    const double worth_telling = 1;
    double start = time_now();
    err code = saver_wait(t->saver);
    double waited = time_now() - start;
    if (waited >= worth_telling)
        log_info("step %" PRId64 ": training stood still for %.1f s until the checkpoint before was on disk: checkpoints come faster than "
                 "the disk takes them",
                 t->step, waited);
    if (code == OK)
        code = save_report_written(t);
    err lost = owner_check(t->owner); /* which explains why a file could not be written */
    return lost != OK ? lost : code;
}

static err take_snapshot(trainer *t) {
    const char **hosts = launch_hosts(t->ranks, comm_size(comm_world()));
    err code = snapshot_take(&t->snapshot, t->engine, hosts);
    mem_free(hosts);
    if (code == ERR_BROKEN)
        err_prefix("after step %" PRId64 ": nothing was saved, checkpoints of %s are the states before", t->step, t->folder);
    return code;
}

err save_checkpoint(trainer *t, save_names names) {
    double start = time_now();
    place_phase("checkpoint");
    err code = comm_agree(comm_world(), comm_is_root() ? wait_for_the_last(t) : OK);
    place_phase("checkpoint");
    if (code == OK)
        code = take_snapshot(t);
    if (code == OK && comm_is_root()) {
        saver_give(t->saver, &(save_order){info_now(t), names.numbered, names.best});
        code = saver_has_failed(t->saver) ? saver_wait(t->saver) : OK;
    }
    code = comm_agree(comm_world(), code);
    t->last_save = time_now();
    t->stood_seconds = t->last_save - start;
    return code;
}

err save_wait(trainer *t) {
    return comm_agree(comm_world(), comm_is_root() ? saver_wait(t->saver) : OK);
}

err save_finish(trainer *t) {
    err code = comm_is_root() ? saver_wait(t->saver) : OK;
    if (code == OK)
        code = save_report_written(t);
    return comm_agree(comm_world(), code);
}

void save_end(trainer *t) {
    err_record before = *err_last();
    if (t->saver && saver_wait(t->saver) != OK && strcmp(err_last()->text, before.text) != 0)
        log_warn("%s", err_last()->text);
    *err_last() = before;
    saver_free(t->saver);
    t->saver = NULL;
}
