/* For the tests of jobs: a job of the fewest keys, and one of all of them. */
#ifndef SHOAL_TESTS_JOB_SAMPLES_H
#define SHOAL_TESTS_JOB_SAMPLES_H

#include <stdio.h>
#include <string.h>

#include "job/job.h"
#include "suite.h"

static const char small[] = "name: small\n"
                            "model: {name: lenet5}\n"
                            "data: {train: train.h5}\n"
                            "train: {epochs: 2, batch: 16}\n"
                            "optimizer: {lr: 0.1}\n";

static const char whole[] =
    "name: whole\n"
    "model: {name: resnet50, classes: 1000, zero_init_residual: true, dropout: 1e-1}\n"
    "data:\n"
    "  train: data/imagenet/train-*.h5\n"
    "  val: 'data/x: y.h5'\n"
    "  shuffle: no\n"
    "  drop_last: False\n"
    "  workers: 3\n"
    "  stage: /dev/shm\n"
    "  max_bad: 0.25\n"
    "  mean: [0.485, 0.456, 0.406]\n"
    "  std: [2.29e-1, .224, 0.225]\n"
    "  augment:\n"
    "    - random_resized_crop: {size: 224, scale: [0.25, 1]}\n"
    "    - hflip\n"
    "    - random_crop: {size: 200, padding: 4}\n"
    "  eval: [resize: {size: 256}, center_crop: {size: 224}, vflip: {p: 1}]\n"
    "train: {epochs: 90, batch: 256, lanes: 32, seed: 18446744073709551615, label_smoothing: 0.1, sync_batchnorm: lane, max_steps: 7}\n"
    "optimizer: {name: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 1e-4, norm_weight_decay: 0}\n"
    "schedule: {name: multistep, milestones: [30, 60, 80], gamma: 0.1, warmup_epochs: 2.5, warmup_decay: 0.125}\n"
    "init: {from: weights.h5, freeze: [conv1.*, \"layer1.*\"], replace_head: true}\n"
    "checkpoint: {every_epochs: 0, every_steps: 500, every_seconds: 0, keep: 5}\n"
    "comm: {gradients: fp16}\n"
    "log: {every_steps: 1}\n";

/* A number or flag of a kind's options. */
static inline double number_of(const option_kind *kind, const void *values, const char *name) {
    const option *o = option_find(kind, name);
    ck_assert_ptr_nonnull(o);
    const void *member = option_member(o, values);
    return o->type == OPTION_BOOL ? *(const bool *)member : o->type == OPTION_INT ? *(const int *)member : *(const double *)member;
}

static inline double transform_number(const transform *t, const char *name) {
    return number_of(t->kind, t->values, name);
}

static inline double optimizer_number(const job *j, const char *name) {
    return number_of(option_find_kind(optim_kind_at, j->optimizer.name), j->optimizer.own, name);
}

static inline double schedule_number(const job *j, const char *name) {
    return number_of(option_find_kind(schedule_kind_at, j->schedule.name), j->schedule.own, name);
}

static inline job *parsed_with(const char *text, const char *const *overrides, int count) {
    job *j;
    err code = job_parse(&j, text, "x.yaml", overrides, count);
    ck_assert_msg(code == OK, "%s", err_last()->text);
    return j;
}

static inline job *parsed(const char *text) {
    return parsed_with(text, NULL, 0);
}

static inline job *overridden(const char *override) {
    return parsed_with(small, &override, 1);
}

#endif
