/* Where a run begins: at a checkpoint, with the weights of another run, or with new values. */
#include <inttypes.h>

#include "train/restore.h"
#include "train/trainer.h"

/* Where the changed job leads to other learning rates than the one before, that is said: a schedule may reckon with train.epochs. */
static void tell_of_rates(const trainer *t, const job *before, int64_t step) {
    const job *now = t->job;
    const int64_t steps[] = {step, step + (t->last_step - step) / 2, t->last_step - 1};
    for (int i = 0; i < 3; i++) {
        double a = schedule_lr(&before->schedule, before->optimizer.lr, steps[i], t->steps_per_epoch, before->train.epochs);
        double b = schedule_lr(&now->schedule, now->optimizer.lr, steps[i], t->steps_per_epoch, now->train.epochs);
        if (a != b) {
            log_info("the learning rates change with it: that of step %" PRId64 " would have been %g and is %g", steps[i] + 1, a, b);
            return;
        }
    }
}

/* Whether the run that the checkpoint belongs to may go on as the job says. */
static err check_job(const trainer *t, const ckpt_info *info, const job *before) {
    bool finished = info->step == t->last_step;
    char *changes = NULL;
    err code = job_check_resume(t->job, before, finished, &changes);
    if (code == OK && *changes) {
        log_info("the job is not the checkpoint's: %s", changes);
        if (!finished)
            tell_of_rates(t, before, info->step);
    }
    mem_free(changes);
    return code;
}

static err check_same_run(trainer *t, const ckpt_info *info, const char *path) {
    if (!info->job)
        return fail(ERR_DATA, "%s: holds weights only and cannot be resumed: use init.from", path);
    job *before = NULL;
    err code = restore_job(&before, info->job, path);
    if (code == OK && info->data_fingerprint != t->data_fingerprint)
        code = fail(ERR_USAGE, "%s: data.train: %s does not hold the samples that %s was trained on (data.train there: %s)",
                    job_place(t->job, "data.train"), t->job->data.train, path, before->data.train);
    if (code == OK && check_job(t, info, before) != OK)
        code = err_prefix("%s", path);
    if (code == OK && info->step > t->last_step)
        code = fail(ERR_USAGE, "%s stands at step %" PRId64 ", the job ends at step %" PRId64 " (train.epochs, train.max_steps)", path,
                    info->step, t->last_step);
    job_free(before);
    return code;
}

/* What every checkpoint tells anew. */
static void keep_the_past_only(ckpt_info *past) {
    mem_free(past->job);
    mem_free_strings(past->classes, (size_t)past->n_classes);
    past->job = NULL;
    past->classes = NULL;
    past->n_classes = 0;
}

/* The numbers of rank 0; the lists stay there. */
static void share_past(ckpt_info *past) {
    ckpt_info all = *past;
    comm_broadcast(comm_world(), 0, &all, sizeof all);
    past->best_value = all.best_value;
    past->best_step = all.best_step;
    past->updates = all.updates;
    past->lr_factor = all.lr_factor;
    past->rollbacks = all.rollbacks;
}

/* Rank 0: the state of a checkpoint of this run. */
static err read_checkpoint(trainer *t, const char *path) {
    ckpt_info info = {0};
    err code = ckpt_read_info(path, &info);
    if (code == OK)
        code = check_same_run(t, &info, path);
    if (code == OK)
        code = ckpt_read_model(path, t->model->graph, false, NULL);
    if (code == OK)
        code = ckpt_read_optimizer(path, t->model->graph, t->optim);
    t->step = info.step;
    t->evaluation_due = t->val && t->step % t->steps_per_epoch == 0 && info.epoch < t->step / t->steps_per_epoch;
    ckpt_info_reset(&t->past);
    t->past = info;
    keep_the_past_only(&t->past);
    return code;
}

static err resume(trainer *t, const char *from) {
    char *newest = NULL;
    err code = from ? OK : ckpt_find_newest(t->folder, &newest);
    const char *path = from ? from : newest;
    if (code == OK)
        code = read_checkpoint(t, path);
    if (code == OK)
        log_info("resuming from %s at step %" PRId64, path, t->step);
    mem_free(newest);
    return code;
}

static err load_weights(trainer *t) {
    int kept = 0;
    err code = ckpt_read_model(t->job->init.from, t->model->graph, t->job->init.replace_head, &kept);
    if (code == OK)
        log_info("weights from %s; %d tensors of the head start anew", t->job->init.from, kept);
    return code;
}

/* A run that was never started, or that ended before its first checkpoint, is resumed from its beginning: so one command line serves the
 * first start and all that follow. Rank 0 looks; the others are told. */
static err find_checkpoint(const trainer *t, const train_options *options, bool *any) {
    *any = options->resume_from;
    err code = comm_agree(comm_world(), comm_is_root() && !*any ? ckpt_is_any(t->folder, any) : OK);
    comm_broadcast(comm_world(), 0, any, sizeof *any);
    return code;
}

/* Rank 0's state is everybody's: nodes of unlike libraries would draw unlike initial values. */
err begin_state(trainer *t, const train_options *options) {
    place_phase("reading a checkpoint");
    err code = options->resume ? find_checkpoint(t, options, &t->resumed) : OK;
    if (code != OK)
        return code;
    if (options->resume && !t->resumed)
        log_info("%s holds no checkpoint yet: the run begins at the beginning", t->folder);
    bool from_file = t->resumed || t->job->init.from;
    if (!from_file || t->job->init.replace_head)
        model_init(t->model, t->job->train.seed);
    if (comm_is_root() && from_file)
        code = t->resumed ? resume(t, options->resume_from) : load_weights(t);
    if (comm_is_root() && code == OK) {
        char *yaml = job_text(t->job);
        ckpt_add_job(&t->past, t->step, yaml);
        mem_free(yaml);
    }
    code = comm_agree(comm_world(), code);
    if (code != OK)
        return code;
    engine_share_state(t->model->graph, t->optim);
    comm_broadcast(comm_world(), 0, &t->step, sizeof t->step);
    share_past(&t->past);
    comm_broadcast(comm_world(), 0, &t->evaluation_due, sizeof t->evaluation_due);
    return OK;
}
