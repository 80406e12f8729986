/* The state of one training run, shared by the files that set it up (setup.c, begin.c, announce.c), walk it (trainer.c, boundary.c) and
 * save it (save.c). */
#ifndef SHOAL_TRAIN_TRAINER_H
#define SHOAL_TRAIN_TRAINER_H

#include "ckpt/ckpt.h"
#include "comm/comm.h"
#include "launch/launch.h"
#include "train/engine.h"
#include "train/owner.h"
#include "train/progress.h"
#include "train/quarantine.h"
#include "train/records.h"
#include "train/saver.h"
#include "train/snapshot.h"
#include "train/train.h"

/* Sums over the steps since the last step record. */
typedef struct step_window {
    double images, seconds, data_seconds, wait_seconds;
    int64_t steps;
} step_window;

typedef struct trainer {
    job *job;
    char *folder;
    owner *owner; /* of the folder; NULL but on rank 0 */
    dataset *data, *val;
    quarantine *bad, *bad_val; /* their bad records */
    shape image;               /* after augmentation */
    sampler order;
    model *model;
    optim *optim;
    engine *engine;
    loader *loader;
    records *records; /* NULL but on rank 0 */
    progress progress;
    watchdog *watchdog;
    launch_rank *ranks; /* NULL but on rank 0 */

    int64_t steps_per_epoch, last_step;
    int64_t step;   /* finished */
    ckpt_info past; /* what a checkpoint carries on beside step and weights: the best value, jobs, evaluations (these two on rank 0), … */
    int64_t skipped_in_a_row; /* steps */
    bool resumed;   /* from a checkpoint */
    bool evaluation_due; /* the last step ended an epoch that is still to be evaluated */
    uint64_t data_fingerprint;

    snapshot snapshot;
    saver *saver;         /* NULL but on rank 0 */
    double last_save;     /* time_now() of the last checkpoint, or of the start */
    double stood_seconds; /* that training stood still for it */
    double speed;         /* images a second, smoothed */
    step_window window;
    rank_times times; /* of the epoch, as far as this process has walked it */
    deadline deadline;
    double evaluation_seconds; /* of the last one; 0: none yet */
} trainer;

/* Opens data, builds the network, resumes or initialises, says what is going to happen. Collective. */
err setup_run(trainer *t, const train_options *options);
void setup_free(trainer *t);

/* Gives the network the state that the run begins with: a checkpoint's, other weights, or new values. Collective. */
err begin_state(trainer *t, const train_options *options);

/* Prints how the run was launched and what it is going to do. */
void announce_run(const trainer *t);

/* Whether this rank's next step should be the last. */
votes boundary_votes(trainer *t);

/* What happens between steps: evaluation, checkpoints, leaving early (ERR_REQUEUE). `sums` hold the votes. Collective. */
err boundary_cross(trainer *t, const double *sums);

/* An evaluation that the run before this one had no time for. Collective. */
err boundary_catch_up(trainer *t);

/* ERR_REQUEUE on all ranks where a signal has come to one. Before the first step, when there is nothing to save. Collective. */
err boundary_check_signals(void);

/* ERR_IO on all ranks where rank 0 can no longer write what it says. Collective. */
err boundary_check_log(void);

/* The run ends with the last error, which all ranks share; what was trained before it is saved. Collective. */
err boundary_save_and_stop(trainer *t);

/* Loads batches from the trainer's step on. Collective. */
err trainer_start_loader(trainer *t);

/* A step's loss, gradients, statistics or weights are not finite: ends with ERR_BROKEN; or OK, and the step is skipped, or t->step stands
 * where the run went back to. Collective. */
err trouble_meet(trainer *t, trouble what, const batch *b, double loss);

/* At the start: sees to it that there is a checkpoint to go back to, where the job may want one. Collective. */
err rollback_prepare(trainer *t);

/* Back to the newest step-N.h5 with N ≤ most, with a smaller learning rate. ERR_BROKEN where there is none. Collective. */
err rollback_run(trainer *t, int64_t most);

/* ---- save.c ---- */

/* Rank 0 appends `training FOLDER` or `ended CODE` to the file that SHOAL_STATE_FILE names, for batch scripts. */
void state_training(const trainer *t);
void state_ended(err code);

/* The memory of a copy, and the saver, once the folder is there. Collective. */
err save_prepare(trainer *t);
err save_start(trainer *t);

/* What a checkpoint is called beside last.h5. */
typedef struct save_names {
    bool numbered; /* step-N.h5 */
    bool best;     /* best.h5 */
} save_names;

/* Has the state written. ERR_BROKEN where it is not to be saved: ranks differ, or it is not finite. ERR_IO where the checkpoint before
 * could not be written. Collective. */
err save_checkpoint(trainer *t, save_names names);

/* Returns once what was to be saved is whole on disk; ERR_IO where it cannot be. Collective. */
err save_finish(trainer *t);

/* The same without what is said of it: for a run that may be unable to. Collective. */
err save_wait(trainer *t);

/* Rank 0: what has been written meanwhile is recorded. ERR_IO. */
err save_report_written(trainer *t);

/* The end of a run that broke off: what is still being written becomes whole, or is warned of. */
void save_end(trainer *t);

#endif
