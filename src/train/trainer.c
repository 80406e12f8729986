/* The training loop. Whatever is not computing happens at the step boundary: log, checkpoint, signals. */
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "train/evaluate.h"
#include "train/signals.h"

/* ---- one step ---- */

static bool save_is_due(const trainer *t) {
    double every = t->job->checkpoint.every_seconds;
    return comm_is_root() && every > 0 && time_now() - t->last_save >= every;
}

/* The run ends with the last error, which all ranks share; what was trained before it is saved. */
static err save_and_stop(trainer *t) {
    err_record record = *err_last();
    err saved = save_checkpoint(t, false);
    *err_last() = record;
    if (saved == OK)
        err_prefix("after step %" PRId64 " (saved)", t->step);
    return record.code;
}

/* The batch's record is bad on some rank: all take its error; nothing of the step has changed the state. */
static err stop_for_bad_data(trainer *t, const loader_batch *b) {
    if (b->code != OK)
        *err_last() = b->error;
    comm_agree(comm_world(), b->code);
    return save_and_stop(t);
}

static err check_finite(const trainer *t, double loss) {
    if (isfinite(loss))
        return OK;
    return fail(ERR_BROKEN, "loss is %g at step %" PRId64 " (epoch %" PRId64 "): a lower optimizer.lr or schedule.warmup_epochs may help; "
                "checkpoints of %s are as they were", loss, t->step + 1, t->step / t->steps_per_epoch, t->folder);
}

/* Forward, backward, update. `sums` are the batch's metrics and votes. */
static err run_step(trainer *t, double lr, const loader_batch *b, double *sums) {
    votes mine = {.bad = b->code != OK, .stop = signals_stop(), .save = save_is_due(t)};
    engine_forward(t->engine, &(graph_batch){b->size, (uint64_t)t->step, b->images, b->labels}, mine, sums);
    if (sums[VOTE_BAD] > 0)
        return stop_for_bad_data(t, b);
    err code = check_finite(t, sums[METRIC_LOSS] / sums[METRIC_COUNT]);
    if (code != OK)
        return code;
    engine_backward(t->engine, t->optim, lr);
    t->step++;
    return OK;
}

/* ---- what is told about it ---- */

static void add_to_window(trainer *t, double images, double seconds, double data_seconds, double wait_seconds) {
    t->window.images += images;
    t->window.seconds += seconds;
    t->window.data_seconds += data_seconds;
    t->window.wait_seconds += wait_seconds;
    t->window.steps++;
    double now = images / seconds;
    t->speed = t->speed > 0 ? 0.9 * t->speed + 0.1 * now : now;
}

static err record_step(trainer *t, double loss, double lr) {
    if (t->step % t->job->log.every_steps != 0 && t->step != t->last_step)
        return OK;
    double steps = (double)t->window.steps;
    step_record s = {
        .step = t->step,
        .epoch = (t->step - 1) / t->steps_per_epoch,
        .loss = loss,
        .lr = lr,
        .images_per_s = t->window.images / t->window.seconds,
        .data_s = t->window.data_seconds / steps,
        .comm_s = t->window.wait_seconds / steps,
        .compute_s = (t->window.seconds - t->window.data_seconds - t->window.wait_seconds) / steps,
    };
    t->window = (step_window){0};
    return comm_agree(comm_world(), records_step(t->records, &s));
}

/* ---- what happens between steps ---- */

static err evaluate(trainer *t) {
    evaluation e = {.step = t->step, .epoch = (t->step - 1) / t->steps_per_epoch};
    err code = evaluate_set(t->engine, t->val, &t->job->data.eval, t->job->train.batch, &e);
    if (code != OK)
        return save_and_stop(t);
    log_info("* Acc@1 %.3f Acc@5 %.3f  loss %.4f", 100 * e.top1, 100 * e.top5, e.loss);
    if (e.top1 > t->best_top1) {
        t->best_top1 = e.top1;
        t->best_step = t->step;
    }
    return comm_agree(comm_world(), records_eval(t->records, &e));
}

static bool is_multiple(int64_t number, int64_t of) {
    return of > 0 && number % of == 0;
}

/* Whether a step-N.h5 is due after this step. */
static bool numbered_is_due(const trainer *t, bool epoch_ends) {
    const job *j = t->job;
    return is_multiple(t->step, j->checkpoint.every_steps) ||
           (epoch_ends && is_multiple(t->step / t->steps_per_epoch, j->checkpoint.every_epochs));
}

static err finish_step(trainer *t, const double *sums) {
    bool stop = sums[VOTE_STOP] > 0, epoch_ends = t->step % t->steps_per_epoch == 0, numbered = numbered_is_due(t, epoch_ends);
    bool evaluates = epoch_ends && t->val;
    err code = evaluates && stop ? save_checkpoint(t, false) : OK; /* who asks to stop may not wait for an evaluation */
    if (code == OK && evaluates)
        code = evaluate(t);
    bool is_best = t->best_step == t->step;
    if (code == OK && (numbered || is_best || stop || sums[VOTE_SAVE] > 0 || t->step == t->last_step))
        code = save_checkpoint(t, numbered);
    if (code == OK && is_best)
        code = save_best(t);
    if (code == OK && stop && t->step < t->last_step)
        code = fail(ERR_REQUEUE, "stopped by a signal after step %" PRId64 ": %s/last.h5 is whole, --resume goes on", t->step, t->folder);
    return code;
}

/* ---- the run ---- */

static err walk(trainer *t) {
    const job *j = t->job;
    double step_start = time_now();
    for (const loader_batch *b; (b = loader_next(t->loader));) {
        double data_seconds = time_now() - step_start, waited = engine_wait_seconds(t->engine), sums[N_METRICS];
        double lr = schedule_lr(&j->schedule, j->optimizer.lr, t->step, t->steps_per_epoch, j->train.epochs);
        err code = run_step(t, lr, b, sums);
        if (code != OK)
            return code;
        double loss = sums[METRIC_LOSS] / sums[METRIC_COUNT], top1 = sums[METRIC_TOP1] / sums[METRIC_COUNT];
        add_to_window(t, sums[METRIC_COUNT], time_now() - step_start, data_seconds, engine_wait_seconds(t->engine) - waited);
        progress_report(&t->progress, &(progress_step){t->step, loss, top1, sums[METRIC_COUNT], lr, t->speed, data_seconds});
        code = record_step(t, loss, lr);
        if (code == OK)
            code = finish_step(t, sums);
        if (code != OK)
            return code;
        step_start = time_now();
    }
    return OK;
}

static err start_loader(trainer *t) {
    const job *j = t->job;
    loader_options options = {
        .data = t->data,
        .order = t->order,
        .transforms = j->data.augment.list,
        .n_transforms = j->data.augment.count,
        .lanes = j->train.lanes,
        .first_lane = t->engine->lanes.first,
        .last_lane = t->engine->lanes.last,
        .seed = j->train.seed,
        .first_step = t->step,
        .last_step = t->last_step,
        .depth = 2,
    };
    return comm_agree(comm_world(), loader_start(&t->loader, &options, t->image));
}

static err finish_run(trainer *t, double seconds) {
    char digest[CKPT_DIGEST], best[64] = "", took[TEXT_NUMBER];
    if (!comm_is_root())
        return OK;
    ckpt_digest_graph(t->model->graph, digest);
    if (t->best_top1 >= 0)
        snprintf(best, sizeof best, "; best Acc@1 %.3f at step %" PRId64, 100 * t->best_top1, t->best_step);
    log_info("done: %" PRId64 " steps in %s%s", t->step, text_duration(took, seconds), best);
    log_info("digest %s", digest);
    return records_done(t->records, t->step, t->step / t->steps_per_epoch, seconds, digest);
}

err train_run(job *j, const train_options *options) {
    trainer t = {.job = j};
    signals_watch();
    err code = setup_run(&t, options);
    double started = time_now();
    t.last_save = started;
    if (code == OK) {
        progress_start(&t.progress, t.step, t.last_step, t.steps_per_epoch);
        code = start_loader(&t);
    }
    if (code == OK)
        code = walk(&t);
    if (code == OK)
        code = comm_agree(comm_world(), finish_run(&t, time_now() - started));
    setup_free(&t);
    return code;
}
