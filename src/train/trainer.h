/* The state of one training run, shared by the files that set it up (setup.c), walk it (trainer.c) and save it (save.c). */
#ifndef SHOAL_TRAIN_TRAINER_H
#define SHOAL_TRAIN_TRAINER_H

#include "ckpt/ckpt.h"
#include "comm/comm.h"
#include "train/engine.h"
#include "train/progress.h"
#include "train/records.h"
#include "train/train.h"

/* Sums over the steps since the last step record. */
typedef struct step_window {
    double images, seconds, data_seconds, wait_seconds;
    int64_t steps;
} step_window;

typedef struct trainer {
    job *job;
    char *folder;
    dataset *data, *val;
    shape image;      /* after augmentation */
    sampler order;
    model *model;
    optim *optim;
    engine *engine;
    loader *loader;
    records *records; /* NULL but on rank 0 */
    progress progress;

    int64_t steps_per_epoch, last_step;
    int64_t step;     /* finished */
    double best_top1; /* -1: nothing evaluated yet */
    int64_t best_step;
    uint64_t data_fingerprint;

    double last_save; /* time_now() of the last checkpoint, or of the start */
    double speed;     /* images a second, smoothed */
    step_window window;
} trainer;

/* Opens data, builds the network, resumes or initialises, says what is going to happen. Collective. */
err setup_run(trainer *t, const train_options *options);
void setup_free(trainer *t);

/* Writes last.h5, and step-N.h5 beside it where `numbered`. Collective. */
err save_checkpoint(trainer *t, bool numbered);

/* Gives the checkpoint just written the name best.h5. Collective. */
err save_best(trainer *t);

#endif
