/* What happens between two steps: comparing ranks, evaluation, checkpoints, leaving early. */
#include <inttypes.h>

#include "train/evaluate.h"
#include "train/trainer.h"

/* ---- who wants what ---- */

/* Not shortly before the end: the last checkpoint comes anyway, and shall have the time. At once where the folder is no longer ours: the
 * checkpoint ends the run then. */
static bool save_is_due(const trainer *t) {
    double every = t->job->checkpoint.every_seconds;
    if (comm_is_root() && owner_has_lost(t->owner))
        return true;
    bool ends_soon = deadline_is_near(&t->deadline, 2 * t->deadline.save_seconds);
    return comm_is_root() && every > 0 && time_now() - t->last_save >= every && !ends_soon && !saver_is_busy(t->saver);
}

static bool ends_epoch(const trainer *t, int64_t step) {
    return step % t->steps_per_epoch == 0;
}

/* What an evaluation may take: as long as the last one, or as training on as many pictures. */
static double evaluation_estimate(const trainer *t) {
    if (t->evaluation_seconds > 0 || t->speed <= 0)
        return t->evaluation_seconds;
    return (double)dataset_count(t->val) / t->speed;
}

votes boundary_votes(trainer *t) {
    bool evaluates = t->val && ends_epoch(t, t->step + 1);
    return (votes){
        .stop = signals_stop(),
        .late = comm_is_root() && deadline_is_near(&t->deadline, evaluates ? evaluation_estimate(t) : 0),
        .save = save_is_due(t),
        .mute = log_failed(),
        .failed = comm_is_root() && saver_has_failed(t->saver),
    };
}

static votes votes_in_evaluation(void *context) {
    const trainer *t = context;
    return (votes){.stop = signals_stop(), .late = comm_is_root() && deadline_is_near(&t->deadline, 0)};
}

/* ---- leaving ---- */

err boundary_save_and_stop(trainer *t) {
    err_record record = *err_last();
    err saved = save_checkpoint(t, (save_names){0});
    if (saved == OK)
        saved = save_wait(t);
    *err_last() = record;
    if (saved == OK)
        err_prefix("after step %" PRId64 " (saved)", t->step);
    return record.code;
}

err boundary_check_log(void) {
    return comm_agree(comm_world(), log_check());
}

err boundary_check_signals(void) {
    err code = signals_stop() ? fail(ERR_REQUEUE, "stopped by a signal before the first step: nothing was trained, nothing is lost") : OK;
    return comm_agree(comm_world(), code);
}

static bool must_leave(const double *sums) {
    return sums[VOTE_STOP] > 0 || sums[VOTE_LATE] > 0;
}

static err leave(const trainer *t, const double *sums) {
    return fail(ERR_REQUEUE, "stopped %s after step %" PRId64 ": %s/last.h5 is whole, --resume goes on",
                sums[VOTE_STOP] > 0 ? "by a signal" : "because the time limit is near", t->step, t->folder);
}

/* ---- what is done ---- */

static err compare_ranks(trainer *t) {
    comm *world = comm_world();
    int ranks = comm_size(world);
    t->times.share = (double)t->engine->n_lanes * ranks / t->job->train.lanes;
    rank_times mine = t->times, *all = comm_is_root() ? mem_new((size_t)ranks, sizeof *all) : NULL;
    t->times = (rank_times){0};
    if (ranks == 1 || mine.steps == 0) {
        mem_free(all);
        return OK;
    }
    comm_collect(world, &mine, all, sizeof mine);
    if (!comm_is_root())
        return OK;
    const char **hosts = launch_hosts(t->ranks, ranks);
    rank_comparison c = stragglers_compare(all, ranks);
    char *line = stragglers_line(&c, all, hosts);
    log_info("%s", line);
    err code = records_ranks(t->records, t->step, (t->step - 1) / t->steps_per_epoch, ranks, &c, hosts);
    mem_free(line);
    mem_free(hosts);
    mem_free(all);
    return code;
}

/* `best`: no evaluation before was as good. ERR_REQUEUE where it was left: then w->sums say why. */
static err evaluate(trainer *t, evaluation_watch *w, bool *best) {
    evaluation e = {.step = t->step, .epoch = (t->step - 1) / t->steps_per_epoch};
    double start = time_now();
    place_phase("evaluation");
    evaluate_options options = {t->val, &t->job->data.eval, t->job->train.batch, t->job->data.workers, t->bad_val, w};
    err code = evaluate_set(t->engine, &options, &e);
    if (code == ERR_REQUEUE)
        return code;
    if (code != OK)
        return boundary_save_and_stop(t);
    t->evaluation_due = false;
    t->evaluation_seconds = time_now() - start;
    char left_out[64];
    log_info("* Acc@1 %.3f Acc@5 %.3f  loss %.4f%s", 100 * e.top1, 100 * e.top5, e.loss, evaluation_left_out(left_out, &e));
    ckpt_add_metric(&t->past, t->step, "loss", e.loss);
    ckpt_add_metric(&t->past, t->step, "top1", e.top1);
    ckpt_add_metric(&t->past, t->step, "top5", e.top5);
    *best = e.top1 > t->past.best_value;
    if (*best) {
        t->past.best_value = e.top1;
        t->past.best_step = t->step;
    }
    code = comm_agree(comm_world(), records_eval(t->records, &e));
    return code == OK ? OK : boundary_save_and_stop(t);
}

static bool is_multiple(int64_t number, int64_t of) {
    return of > 0 && number % of == 0;
}

/* Whether a step-N.h5 is due after this step. */
static bool numbered_is_due(const trainer *t) {
    const job *j = t->job;
    return is_multiple(t->step, j->checkpoint.every_steps) ||
           (ends_epoch(t, t->step) && is_multiple(t->step / t->steps_per_epoch, j->checkpoint.every_epochs));
}

/* Evaluates where that is due and there is time for it, saves where that is due, and leaves where it must. Who must leave does not wait for
 * an evaluation: the checkpoint says that it is due, and the run that goes on from it begins with it. */
static err evaluate_and_save(trainer *t, const double *sums) {
    evaluation_watch watch = {.ask = votes_in_evaluation, .context = t};
    bool is_best = false;
    err code = t->evaluation_due && !must_leave(sums) ? evaluate(t, &watch, &is_best) : OK;
    if (code == ERR_REQUEUE) {
        sums = watch.sums;
        code = OK;
    }
    bool stop = must_leave(sums), numbered = numbered_is_due(t);
    if (code == OK && (numbered || is_best || stop || sums[VOTE_SAVE] > 0 || t->step == t->last_step))
        code = save_checkpoint(t, (save_names){numbered, is_best});
    if (code == OK && (stop || t->step == t->last_step))
        code = save_finish(t);
    if (code == OK && stop && (t->step < t->last_step || t->evaluation_due))
        code = leave(t, sums);
    return code;
}

static void warn_of_short_limit(trainer *t) {
    enum { STEPS_TO_JUDGE = 5 };
    const rank_times *now = &t->times;
    if (comm_is_root() && now->steps >= STEPS_TO_JUDGE)
        deadline_warn_of_epoch(&t->deadline, (now->compute + now->data + now->wait) / (double)now->steps, t->steps_per_epoch,
                               t->last_step - t->step);
}

err boundary_cross(trainer *t, const double *sums) {
    if (sums[VOTE_FAILED] > 0)
        return save_finish(t); /* with its error */
    warn_of_short_limit(t);
    if (sums[VOTE_MUTE] > 0 && boundary_check_log() != OK)
        return boundary_save_and_stop(t);
    bool epoch_ends = ends_epoch(t, t->step);
    t->evaluation_due = epoch_ends && t->val;
    err code = epoch_ends ? comm_agree(comm_world(), compare_ranks(t)) : OK;
    return code == OK ? evaluate_and_save(t, sums) : boundary_save_and_stop(t);
}

err boundary_catch_up(trainer *t) {
    return t->evaluation_due ? evaluate_and_save(t, (const double[N_METRICS]){0}) : OK;
}
