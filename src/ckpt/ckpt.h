/* ckpt: checkpoint files (HDF5, format version 2; version 1 is read for ever). No function is collective: rank 0 writes and reads, the
 * others are told. */
#ifndef SHOAL_CKPT_H
#define SHOAL_CKPT_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"
#include "optim/optim.h"

enum { CKPT_DIGEST = 65 }; /* hexadecimal SHA-256 and NUL */

enum { CKPT_METRIC = 32 }; /* chars of a metric's name, with NUL */

/* A job that the run has had: from which step on, as YAML. */
typedef struct ckpt_job {
    int64_t step;
    char *yaml;
} ckpt_job;

/* What an evaluation found. */
typedef struct ckpt_metric {
    int64_t step;
    char name[CKPT_METRIC]; /* `loss`, `top1`, … */
    double value;
} ckpt_metric;

/* What a checkpoint holds beside the model: attributes of /trainer and /input, /job, /jobs, /history, /classes. */
typedef struct ckpt_info {
    int64_t step, epoch; /* finished steps; finished epochs: those that were evaluated too */
    uint64_t seed;
    int lanes;
    int64_t batch;
    char best_metric[CKPT_METRIC]; /* that decides which is best */
    double best_value;             /* -1: nothing evaluated yet */
    int64_t best_step;
    int64_t updates;  /* of the weights: finished steps without those that were skipped */
    double lr_factor; /* what rollbacks have made of the learning rate; 1: none */
    int64_t rollbacks;
    uint64_t data_fingerprint; /* of the training set */
    char *job;                 /* resolved job as YAML, as it is now; NULL in a file that holds only /model */
    ckpt_job *jobs;            /* all that the run has had, oldest first */
    int n_jobs;
    ckpt_metric *history; /* of all evaluations, oldest first */
    int n_history;
    char **classes; /* their names, for prediction */
    int n_classes;
    int image[3];          /* h, w, c of a picture as the network takes it */
    float mean[3], std[3]; /* of x/255 */
} ckpt_info;

enum { CKPT_MAX_SLOTS = 4 };

/* The values that a checkpoint holds: those of a model and its optimiser themselves, or a copy of them. */
typedef struct ckpt_state {
    const graph *graph;      /* names, shapes, and where values lie */
    const optim *optim;      /* names of slots; NULL: none */
    const float *values;     /* laid out as graph_values(): what is trained, then all other values */
    const int64_t *counters; /* [param]; NULL: the graph's own */
    const float *slots[CKPT_MAX_SLOTS];
} ckpt_state;

/* Asked right before a file gets its final name, whether it still may; {0}: nobody is. */
typedef struct ckpt_gate {
    err (*open)(void *context);
    void *context;
} ckpt_gate;

/* The values themselves. `o` may be NULL. */
ckpt_state ckpt_state_of(graph *g, optim *o);

/* Writes model, optimiser and info to a temporary name beside `path`, flushes, closes, seals, syncs, reads all of it again from the disk,
 * verifies every CRC, renames, syncs the folder; what was last.h5 becomes previous.h5. Rank 0 only, on any thread, but HDF5 is for one at
 * a time. ERR_IO (disk full, read-only): what was at `path` before is still there. Where the gate is shut, nothing in the folder is touched
 * any more. */
err ckpt_write(const char *path, const ckpt_state *state, const ckpt_info *info, ckpt_gate gate);

/* A run that has done nothing yet. */
ckpt_info ckpt_info_new(void);
void ckpt_add_job(ckpt_info *info, int64_t step, const char *yaml); /* copies; nothing where it is the last one's */
void ckpt_add_metric(ckpt_info *info, int64_t step, const char *name, double value);

/* Reads what is beside the model. A file that holds only /model gives zeros and no job; what version 1 does not know is as in a run that
 * has not met it. Free with ckpt_info_reset(). */
err ckpt_read_info(const char *path, ckpt_info *info);
void ckpt_info_reset(ckpt_info *info);

/* Reads /model into the graph's values. Names and shapes must be the model's (ERR_DATA naming the first that are missing, of another shape,
 * or unknown, and how many), which is checked before anything is read. With `replace_head` the last layer with weights keeps its values,
 * whatever the file has for it, and `*kept` (may be NULL) counts its parameters. CRCs are checked where they are there. */
err ckpt_read_model(const char *path, graph *g, bool replace_head, int *kept);

/* How many outputs the file's last layer with weights has, by the names of `g`; `*outputs` stays as it is where the file has no such layer. */
err ckpt_read_outputs(const char *path, const graph *g, int *outputs);

/* Reads the optimiser's slots. ERR_DATA where they do not fit. */
err ckpt_read_optimizer(const char *path, graph *g, optim *o);

/* Opens the file and checks format and every CRC. ERR_IO, ERR_DATA. */
err ckpt_verify(const char *path);

/* SHA-256 over /model (names sorted bytewise; of each: name, NUL, raw little-endian data), hexadecimal: of a file; of values in memory. The
 * same bits give the same digest. ERR_IO, ERR_DATA. */
err ckpt_digest_file(const char *path, char digest[CKPT_DIGEST]);
void ckpt_digest_graph(const graph *g, char digest[CKPT_DIGEST]);

/* The newest whole checkpoint of a run folder: last.h5, or previous.h5, or the highest step-N.h5, or best.h5; damaged ones are passed over
 * with a warning. ERR_DATA where none is whole; ERR_IO where the folder or one of them cannot be read: it may be whole. New string. */
err ckpt_find_newest(const char *folder, char **path);

/* The whole step-N.h5 with the highest N <= most; damaged ones are passed over with a warning. NULL where there is none. ERR_IO. New string. */
err ckpt_find_step(const char *folder, int64_t most, char **path);

/* Whether the folder holds anything that looks like a checkpoint; no folder holds none. ERR_IO where it cannot be listed. */
err ckpt_is_any(const char *folder, bool *any);

/* Removes what killed processes have left in a run folder that is this run's own: `.NAME.tmp…`. ERR_IO where it cannot be listed. */
err ckpt_clear_leftovers(const char *folder);

/* Deletes step-N.h5 files of the folder but the `keep` that were written last. */
void ckpt_prune(const char *folder, int keep);

#endif
