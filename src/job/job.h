/* job: a whole experiment, read from YAML. Every member has its key's name; every string belongs to the job. */
#ifndef SHOAL_JOB_H
#define SHOAL_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "data/data.h"
#include "graph/graph.h"
#include "nn/nn.h"
#include "optim/optim.h"

enum { JOB_MAX_OPTIONS = 16, JOB_MAX_PATTERNS = 64 };

typedef struct job_given {
    char *place; /* where a key has its value from; NULL: its default holds */
    bool is_own; /* it was named there; else its whole section was given */
} job_given;

typedef struct job {
    char *name;
    struct {
        char *name;
        int classes;                                 /* 0: the data set's */
        model_option_value options[JOB_MAX_OPTIONS]; /* all other keys of the section */
        int n_options;
    } model;
    struct {
        char *train, *val; /* globs; val may be NULL: no evaluation */
        bool shuffle, drop_last;
        int64_t shuffle_block; /* 0: shuffled as a whole */
        int workers;           /* 0: as many as the rank's threads suggest */
        char *stage;           /* NULL: files are read where they are */
        double max_bad;
        float mean[3], std[3];
        int n_mean, n_std; /* 0: the data set's */
        option_list augment, eval;
    } data;
    struct {
        int64_t epochs, batch, max_steps; /* max_steps 0: no limit */
        int lanes;
        uint64_t seed;
        double label_smoothing;
        norm_scope sync_batchnorm;
        char *conv; /* fast, accurate */
        bool recompute;
        char *on_nonfinite;     /* stop, skip, rollback */
        double rollback_factor; /* of the learning rate, each time */
        int rollback_most;
        double max_seconds, stall_seconds; /* 0: no limit, no watchdog */
    } train;
    optimizer_options optimizer; /* its name belongs to the job */
    schedule_options schedule;   /* its name belongs to the job */
    struct {
        char *from;                     /* NULL: none */
        char *freeze[JOB_MAX_PATTERNS]; /* globs of parameter names */
        int n_freeze;
        bool replace_head;
    } init;
    struct {
        int64_t every_epochs, every_steps; /* 0: never */
        double every_seconds;              /* 0: never */
        int keep;                          /* step-N.h5 files that stay */
        bool sync;                         /* training waits while they are written */
    } checkpoint;
    struct {
        char *gradients; /* float32, bf16, fp16 */
    } comm;
    struct {
        int64_t every_steps;
    } log;
    void **own;       /* the options of all kinds of optimizer and schedule; optimizer.own and schedule.own point into them */
    job_given *given; /* job_place() */
} job;

/* Reads `path`, then applies overrides (`section.key=value`, value in YAML; the key may also be a whole section). Everything that can be
 * checked without data and model is checked: ERR_USAGE naming file, line and key (or the override) and suggesting the nearest key;
 * ERR_IO where the file cannot be read. */
err job_read(job **out, const char *path, const char *const *overrides, int n_overrides);

/* The same from text; `origin` stands for the file's name in errors. */
err job_parse(job **out, const char *text, const char *origin, const char *const *overrides, int n_overrides);
void job_free(job *j); /* NULL is allowed */

/* The resolved job, every key with its value, as YAML that job_parse() reads back to the same job. New string. */
char *job_text(const job *j);

/* Where a key was given: `jobs/x.yaml:12`, `override train.batch=64`, or the file's name where its default holds. For the texts of errors
 * that show up later: `%s: train.batch …`. The text belongs to the job. */
const char *job_place(const job *j, const char *key);

/* The options that the job gives the model against those that the model's kind lists. ERR_USAGE naming place and key. */
err job_check_options(const job *j, const shoal_model_kind *kind);

/* Every key with its default and a line of explanation, for --help. */
void job_print_keys(FILE *out);

/* Whether a run that a checkpoint's job has trained may go on with `now`. Keys that cannot change the result may differ. Those that would
 * change what is computed already may not: ERR_USAGE naming them with both values; data files are compared by content elsewhere. Of the
 * others a run that is `finished` takes none, and one that is not those that an override gives: else ERR_USAGE naming file, line, key and
 * the override that would do. `*changes` is a new string: every key that differs, `optimizer.lr: 0.1 -> 0.2; …`. */
err job_check_resume(const job *now, const job *before, bool finished, char **changes);

#endif
