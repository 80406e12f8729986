/* train: what the program does with a network: training, evaluation, prediction, benchmark. */
#ifndef SHOAL_TRAIN_H
#define SHOAL_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"

typedef struct train_options {
    bool resume;
    const char *resume_from; /* a checkpoint; NULL: the newest valid one of the run folder */
    const char *out;         /* run folder; NULL: runs/NAME */
} train_options;

/* Runs the job; what it leaves to the data set (classes, mean, std) is filled in. Collective over the world, after comm_init(). Returns the
 * same code on every rank, with err_last() set where it is not OK; ERR_REQUEUE where a signal or the time limit stopped it early with a
 * checkpoint. */
err train_run(job *j, const train_options *options);

typedef struct evaluation {
    double loss, top1, top5; /* means; top1 and top5 are fractions of 1 */
    int64_t count, step, epoch; /* samples; where the checkpoint stands */
    int64_t left_out;        /* bad records, which count nowhere */
} evaluation;

/* `  (2 of 50,000 records left out)`, or nothing where none was. Into `out` (64 chars), which is returned. */
const char *evaluation_left_out(char *out, const evaluation *e);

/* What is said of a file that holds weights and no job. The number of classes is the file's. */
typedef struct weights_options {
    char *model;                 /* NULL: nothing is said, the file has its job */
    model_option_value *options; /* the model's; the others have their defaults */
    int n_options;
    const char *like;            /* a data set: its mean, std, shape of pictures and names of classes; NULL: none */
    float mean[3], std[3];       /* instead of the set's */
    int n_mean, n_std;           /* 0: the set's */
} weights_options;

/* Evaluates a checkpoint on a data set, each sample exactly once. `data` NULL: the job's data.val; batch 0: the job's train.batch; without
 * `like`, weights are taken to be for data like these. Collective. */
err train_evaluate(const char *checkpoint, const char *data, int64_t batch, const weights_options *weights, evaluation *result);

typedef struct prediction {
    int label;
    const char *name;        /* the class's; belongs to the predictor */
    double probability;
} prediction;

typedef struct predictor predictor;

/* Loads the network of a checkpoint, with its job's eval transforms and class names. Not collective; no MPI needed. */
err predictor_open(predictor **out, const char *checkpoint, const weights_options *weights);
void predictor_close(predictor *p);

/* The `top` most likely classes of a picture file (as many as there are classes at most), most likely first; returns how many in *count. */
err predictor_run(predictor *p, const char *path, int top, prediction *out, int *count);

typedef struct bench_options {
    const char *model;
    int64_t batch;           /* global */
    int size, steps, classes, lanes; /* 0: the model's own size and classes, 8 lanes */
    const char *gradients;   /* a word of comm.gradients */
    bool recompute;          /* as train.recompute */
    bool layers;             /* afterwards, a table of the layers */
} bench_options;

/* Full training steps on random pictures; rank 0 prints one JSON line, and where wanted the table of layers. Collective. */
err train_bench(const bench_options *options);

#endif
