/* train.on_nonfinite: rollback. A run goes back to its newest step-N.h5, for when those are written is a matter of steps alone: last.h5 is
 * written when time or a signal wants it, and the result must not depend on that. */
#include <string.h>

#include "train/trainer.h"

/* ---- where to ---- */

err rollback_prepare(trainer *t) {
    if (strcmp(t->job->train.on_nonfinite, "rollback") != 0 || t->step == t->last_step)
        return OK;
    char *path = NULL;
    err code = comm_agree(comm_world(), comm_is_root() ? ckpt_find_step(t->folder, t->step, &path) : OK);
    bool found = path;
    mem_free(path);
    comm_broadcast(comm_world(), 0, &found, sizeof found);
    if (code == OK && !found)
        code = save_checkpoint(t, (save_names){.numbered = true});
    return code == OK ? save_finish(t) : code;
}

/* ---- going there ---- */

static err read_target(trainer *t, const char *path) {
    ckpt_info info = {0};
    err code = ckpt_read_info(path, &info);
    if (code == OK && info.data_fingerprint != t->data_fingerprint)
        code = fail(ERR_DATA, "%s: is not of this run: it was trained on other samples", path);
    if (code == OK)
        code = ckpt_read_model(path, t->model->graph, false, NULL);
    if (code == OK)
        code = ckpt_read_optimizer(path, t->model->graph, t->optim);
    t->step = info.step;
    t->past.updates = info.updates;
    ckpt_info_reset(&info);
    return code;
}

/* Rank 0. */
static err read_newest(trainer *t, int64_t most) {
    char *path = NULL;
    err code = ckpt_find_step(t->folder, most, &path);
    if (code == OK && !path)
        code = fail(ERR_BROKEN, "%s holds no whole step-N.h5 to go back to", t->folder);
    if (code == OK)
        code = read_target(t, path);
    mem_free(path);
    return code;
}

/* Steps that are made again are evaluated again. What was best stays: best.h5 still holds it. */
static void forget_evaluations(ckpt_info *past, int64_t step) {
    while (past->n_history > 0 && past->history[past->n_history - 1].step > step)
        past->n_history--;
}

err rollback_run(trainer *t, int64_t most) {
    err code = save_finish(t); /* it may be the one to go back to; and HDF5 is for one thread at a time */
    place_phase("going back to a checkpoint");
    if (code == OK)
        code = comm_agree(comm_world(), comm_is_root() ? read_newest(t, most) : OK);
    if (code != OK)
        return code;
    engine_share_state(t->model->graph, t->optim);
    comm_broadcast(comm_world(), 0, &t->step, sizeof t->step);
    comm_broadcast(comm_world(), 0, &t->past.updates, sizeof t->past.updates);
    t->past.rollbacks++;
    t->past.lr_factor *= t->job->train.rollback_factor;
    forget_evaluations(&t->past, t->step);
    t->evaluation_due = false;
    t->skipped_in_a_row = 0;
    t->window = (step_window){0};
    progress_start(&t->progress, t->step, t->last_step, t->steps_per_epoch);
    loader_stop(t->loader);
    return trainer_start_loader(t);
}
