/* data: data sets, the order of samples, the loader. */
#ifndef SHOAL_DATA_H
#define SHOAL_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "comm/comm.h"
#include "image/image.h"
#include "tensor/tensor.h"

/* ---- data sets: one or several HDF5 files (format version 1) ---- */

typedef struct dataset dataset;

/* Opens every file that the glob `pattern` names, in name order, and checks format, version, shapes, labels and that the files fit
 * together. Holds O(files + classes) memory. Not collective. Errors: ERR_IO, ERR_DATA; the text names file and thing. */
err dataset_open(dataset **out, const char *pattern);

/* Where several ranks open a set: each calls this and all agree before any opens it, as one process a node looks at the files for the others
 * (h5_guard()). ERR_IO, ERR_DATA. */
err dataset_guard(const char *pattern);
void dataset_close(dataset *d); /* NULL is allowed */

/* ERR_DATA where both lie in one folder, and are of two packings (root attribute `pack_id`). */
err dataset_check_halves(const dataset *train, const dataset *val);

int64_t dataset_count(const dataset *d);
int dataset_n_classes(const dataset *d);
const char *dataset_class(const dataset *d, int label);
int dataset_channels(const dataset *d); /* 1 or 3 */
const float *dataset_mean(const dataset *d); /* [C], of x/255 */
const float *dataset_std(const dataset *d);
bool dataset_is_encoded(const dataset *d);
shape dataset_image_shape(const dataset *d); /* of every picture; height and width are 0 in an encoded set */

/* Label of a sample, one of the set's classes. Thread-safe (pread), as all that follows. ERR_IO, ERR_DATA: then *label is as it was. */
err dataset_label(const dataset *d, int64_t id, int32_t *label);

/* A sample as it is stored, CRC-checked: a picture file, or the pixels of dataset_image_shape(). ERR_IO, ERR_DATA; the text names
 * file and record. */
err dataset_record(const dataset *d, int64_t id, byte_buffer *record);

/* The whole picture of a sample: read, CRC-checked, decoded. `buffer` is kept between calls. ERR_IO, ERR_DATA; the text names file and
 * record. */
err dataset_image(const dataset *d, int64_t id, image *im, byte_buffer *buffer);

/* Where a sample is: the file's path, and its number in that file. */
const char *dataset_path(const dataset *d, int64_t id, int64_t *record);

/* Tells the kernel that the records [first, first + count) will be read soon. */
void dataset_fetch(const dataset *d, int64_t first, int64_t count);

/* One number for what the set holds: counts, labels, stored CRCs. The same for the same samples wherever the files lie. */
err dataset_fingerprint(const dataset *d, uint64_t *fingerprint);

typedef struct stage_options {
    const char *folder;      /* on a disk or in memory of each node */
    dataset *const *sets;
    int n_sets;
    comm *world;
    bool (*must_stop)(void); /* NULL: nothing stops it */
} stage_options;

/* Copies the sets' files to the folder, once a node, checked, and reads from the copies from then on; their room is free again when the
 * sets are closed or the processes end. Before any loader is started. Collective: the same code everywhere. ERR_IO (no such folder, no
 * room …); ERR_REQUEUE where it was stopped. */
err dataset_stage(const stage_options *options);

/* ---- order ---- */

enum { SAMPLER_WINDOW = 4 }; /* blocks within which samples are mixed */

/* Which samples make which batch: all functions of (seed, epoch, step); nothing is stored. */
typedef struct sampler {
    int64_t count;   /* samples of the set */
    int64_t batch;   /* global */
    bool shuffle, drop_last;
    int64_t block;   /* shuffle: 0 the whole set, otherwise by blocks of so many samples that follow one another in the files */
    int lanes;       /* by blocks: each of so many pieces of a batch walks through its own blocks */
    uint64_t seed;
} sampler;

int64_t sampler_steps(const sampler *s);                      /* batches of an epoch */
int64_t sampler_batch_size(const sampler *s, int64_t step);   /* samples of batch `step` of an epoch (the last may be smaller) */
/* Sample id at place `place` of batch `step` of epoch `epoch`. */
int64_t sampler_id(const sampler *s, int64_t epoch, int64_t step, int64_t place);

/* Calls `use` for runs of ids [first, first + count) that reading the places [first, last) of a batch will need, for readers that fetch
 * ahead: the places' own samples, or, by blocks, the blocks one window ahead of those that the places enter. `begins`: nothing was read
 * before. */
typedef void sampler_run(void *context, int64_t first, int64_t count);
void sampler_runs(const sampler *s, int64_t epoch, int64_t step, int64_t first, int64_t last, bool begins, sampler_run *use,
                  void *context);

/* ---- loader ---- */

/* Threads that read, check, decode and augment the next batches of this rank's lanes while the current one is computed with. */
typedef struct loader loader;

typedef struct loader_options {
    const dataset *data;
    const field *fields; /* what a batch is to hold of each sample, in this order */
    int n_fields;
    sampler order;
    const transform *transforms;
    int n_transforms;
    int lanes, first_lane, last_lane; /* of the job; this rank's */
    uint64_t seed;
    int64_t first_step, last_step;    /* global steps [first, last) to deliver; epoch = step / sampler_steps() */
    int depth;                        /* batches kept ready, ≥ 1 */
    int workers;                      /* threads; 0: one for every 16 of threads_count(), rounded up */
    bool leave_out_bad;               /* a bad record has no substitute: its sample is not present */
} loader_options;

/* A record that fails its CRC or cannot be decoded. */
typedef struct bad_record {
    int64_t id;
    char reason[248]; /* without file and record */
} bad_record;

typedef struct loader_batch {
    batch batch;                      /* step is the global one */
    const bad_record *bad;            /* that this rank met while it made the batch, in any order, some perhaps twice */
    int n_bad;
    err code;                         /* not OK: the batch is not to be used; `error` says why */
    err_record error;
} loader_batch;

/* Allocates the ring of batches and starts the threads. Not collective. ERR_DATA where the set does not have one of the fields. */
err loader_start(loader **out, const loader_options *options);

/* The next batch, waited for; valid until the call after. NULL after the last. */
const loader_batch *loader_next(loader *l);

/* Ends the threads, also in mid-run. NULL is allowed. */
void loader_stop(loader *l);

#endif
