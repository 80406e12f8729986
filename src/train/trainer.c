/* The training loop. Whatever is not computing happens at the step boundary (boundary.c). */
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- one step ---- */

/* The batch cannot be used on some rank: all take its error; nothing of the step has changed the state. */
static err stop_for_bad_data(trainer *t, const loader_batch *b) {
    if (b->code != OK)
        *err_last() = b->error;
    comm_agree(comm_world(), b->code);
    return boundary_save_and_stop(t);
}

/* Forward, backward, update. `sums` are the batch's metrics and votes. Afterwards t->step is one more, or where the run went back to. */
static err run_step(trainer *t, double lr, const loader_batch *b, double *sums) {
    votes mine = boundary_votes(t);
    mine.bad = b->code != OK;
    mine.news = quarantine_has_news(t->bad, b);
    engine_forward(t->engine, &b->batch, mine, sums);
    if (sums[VOTE_BAD] > 0)
        return stop_for_bad_data(t, b);
    if (sums[VOTE_NEWS] > 0 && quarantine_add(t->bad, b->bad, b->n_bad) != OK)
        return boundary_save_and_stop(t);
    double loss = engine_loss(sums);
    trouble what = isfinite(loss) ? engine_backward(t->engine, t->past.updates, lr) : TROUBLE_LOSS;
    if (what != TROUBLE_NONE)
        return trouble_meet(t, what, &b->batch, loss);
    t->step++;
    t->past.updates++;
    t->skipped_in_a_row = 0;
    return OK;
}

/* ---- what is told about it ---- */

static void add_to_window(trainer *t, double images, double seconds, double data_seconds, double wait_seconds) {
    t->window.images += images;
    t->window.seconds += seconds;
    t->window.data_seconds += data_seconds;
    t->window.wait_seconds += wait_seconds;
    t->window.steps++;
    t->times.compute += seconds - data_seconds - wait_seconds;
    t->times.data += data_seconds;
    t->times.wait += wait_seconds;
    t->times.steps++;
    deadline_add_step(&t->deadline, seconds);
    double now = images / seconds;
    t->speed = t->speed > 0 ? 0.9 * t->speed + 0.1 * now : now;
}

/* Both of the step alone. */
static err record_step(trainer *t, double loss, double top1, double lr) {
    if (t->step % t->job->log.every_steps != 0 && t->step != t->last_step)
        return OK;
    double steps = (double)t->window.steps;
    step_record s = {
        .step = t->step,
        .epoch = (t->step - 1) / t->steps_per_epoch,
        .loss = loss,
        .top1 = top1,
        .lr = lr,
        .images_per_s = t->window.images / t->window.seconds,
        .data_s = t->window.data_seconds / steps,
        .comm_s = t->window.wait_seconds / steps,
        .compute_s = (t->window.seconds - t->window.data_seconds - t->window.wait_seconds) / steps,
    };
    t->window = (step_window){0};
    err code = save_report_written(t);
    if (code == OK)
        code = records_step(t->records, &s);
    return comm_agree(comm_world(), code) == OK ? OK : boundary_save_and_stop(t);
}

/* ---- the run ---- */

static err walk(trainer *t) {
    const job *j = t->job;
    double step_start = time_now();
    place_phase("data");
    for (const loader_batch *b; (b = loader_next(t->loader));) {
        place_step(t->step + 1);
        double data_seconds = time_now() - step_start, waited = engine_wait_seconds(t->engine), sums[N_METRICS];
        double lr = t->past.lr_factor * schedule_lr(&j->schedule, j->optimizer.lr, t->step, t->steps_per_epoch, j->train.epochs);
        int64_t before = t->step;
        err code = run_step(t, lr, b, sums);
        if (code != OK)
            return code;
        if (t->step <= before) { /* the run went back */
            step_start = time_now();
            continue;
        }
        double loss = engine_loss(sums), top1 = sums[METRIC_TOP1] / sums[METRIC_COUNT];
        add_to_window(t, sums[METRIC_COUNT], time_now() - step_start, data_seconds, engine_wait_seconds(t->engine) - waited);
        progress_report(&t->progress, &(progress_step){t->step, loss, top1, sums[METRIC_COUNT], lr, t->speed, data_seconds});
        code = record_step(t, loss, top1, lr);
        if (code == OK)
            code = boundary_cross(t, sums);
        if (code != OK)
            return code;
        place_phase("data");
        step_start = time_now();
    }
    return OK;
}

err trainer_start_loader(trainer *t) {
    const job *j = t->job;
    loader_options options = {
        .data = t->data,
        .fields = graph_fields(t->model->graph),
        .n_fields = graph_n_fields(t->model->graph),
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
        .workers = j->data.workers,
    };
    return comm_agree(comm_world(), loader_start(&t->loader, &options));
}

static err finish_run(trainer *t, double seconds) {
    char digest[CKPT_DIGEST], best[64] = "", took[TEXT_NUMBER];
    if (!comm_is_root())
        return OK;
    ckpt_digest_graph(t->model->graph, digest);
    if (t->past.best_value >= 0)
        snprintf(best, sizeof best, "; best Acc@1 %.3f at step %" PRId64, 100 * t->past.best_value, t->past.best_step);
    log_info("done: %" PRId64 " steps in %s%s", t->step, text_duration(took, seconds), best);
    log_info("digest %s", digest);
    if (t->past.updates < t->step)
        log_warn("%" PRId64 " of %" PRId64 " steps were skipped (train.on_nonfinite)", t->step - t->past.updates, t->step);
    return records_done(t->records, t->step, t->step / t->steps_per_epoch, seconds, digest);
}

err train_run(job *j, const train_options *options) {
    trainer t = {.job = j};
    signals_watch();
    err code = setup_run(&t, options);
    double started = time_now();
    t.last_save = started;
    if (code == OK)
        code = boundary_catch_up(&t);
    if (code == OK)
        code = rollback_prepare(&t);
    if (code == OK) {
        progress_start(&t.progress, t.step, t.last_step, t.steps_per_epoch);
        code = trainer_start_loader(&t);
    }
    if (code == OK) {
        state_training(&t);
        code = walk(&t);
    }
    if (code == OK)
        code = comm_agree(comm_world(), finish_run(&t, time_now() - started));
    setup_free(&t);
    state_ended(code);
    signals_forget();
    return code;
}
