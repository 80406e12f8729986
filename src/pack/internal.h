/* Making data sets: the writer of one file, and what the kinds of pack share. Inside of the pack room only. */
#ifndef SHOAL_PACK_INTERNAL_H
#define SHOAL_PACK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "h5/h5.h"
#include "image/image.h"
#include "pack/output.h"
#include "pack/pack.h"
#include "tensor/tensor.h"

typedef enum split { TRAIN, VAL, N_SPLITS } split;
extern const char *const split_names[N_SPLITS]; /* train, val */

/* ---- the id of a packing ---- */

enum { PACK_ID = 33 }; /* hexadecimal digits and a zero */

/* A hash over what is added. */
typedef struct pack_hash pack_hash;
pack_hash *pack_hash_new(void);
void pack_hash_add(pack_hash *h, const void *bytes, size_t n_bytes);
void pack_hash_add_text(pack_hash *h, const char *text);
void pack_hash_finish(pack_hash *h, char id[PACK_ID]); /* frees it */

/* ---- one file of a data set, picture by picture ---- */

/* Writes FOLDER/NAME.h5. Until dataset_writer_write() the pictures are in a file without a name, so that nothing is left behind. */
typedef struct dataset_writer dataset_writer;

typedef struct dataset_writer_options {
    const char *folder, *name; /* the folder is there; "train" or "val" */
    char *const *classes;
    int n_classes;
    shape image;   /* of every picture, then `/images`; or zero: the pictures are files, then `/encoded` */
    int channels;  /* of mean and std, 1 or 3 */
    int64_t count; /* how many pictures are expected, for the progress line */
    const char *task;    /* NULL: classification */
    bool several_labels; /* a picture may have any number of labels */
    int n_targets;       /* numbers of each picture */
} dataset_writer_options;

/* ERR_IO. */
err dataset_writer_new(dataset_writer **out, const dataset_writer_options *options);

/* A picture, and what is known of it. */
typedef struct dataset_sample {
    const uint8_t *bytes; /* its pixels (h, w, c), or its file */
    size_t n_bytes;
    const image *decoded; /* the pixels of an encoded picture, for mean and std; NULL where `bytes` are pixels */
    const int32_t *labels;
    int n_labels;
    const float *targets; /* [n_targets] */
} dataset_sample;

/* The next picture. Shows progress. ERR_IO; ERR_DATA where a label is not in [0, n_classes). */
err dataset_writer_add_sample(dataset_writer *w, const dataset_sample *s);

/* One of pixels, with one label. */
err dataset_writer_add(dataset_writer *w, const uint8_t *pixels, size_t n_bytes, int32_t label);
int64_t dataset_writer_count(const dataset_writer *w); /* pictures so far */

/* What it holds, without the pixels: their CRCs stand for them. */
void dataset_writer_hash(const dataset_writer *w, pack_hash *h);

/* Writes the HDF5 file under a temporary name. ERR_IO; ERR_DATA where no picture was added. */
err dataset_writer_write(dataset_writer *w, const char *pack_id);

/* Gives it its own name, and prints one line of summary. ERR_IO. */
err dataset_writer_publish(dataset_writer *w);

/* Frees; what was not published is gone. NULL is allowed. */
void dataset_writer_free(dataset_writer *w);

/* ---- train.h5 and val.h5 of one packing ---- */

/* Zero-initialise; dataset_pair_free() in any case. */
typedef struct dataset_pair {
    pack_output output;
    dataset_writer *writers[N_SPLITS]; /* NULL: no such file is made */
} dataset_pair;

/* Begins one of the files; before the first the folder is made and checked. `name` is set here. ERR_USAGE where the folder holds something
 * that is not to be replaced; ERR_DATA for names of classes; ERR_IO. */
err dataset_pair_begin(dataset_pair *p, split part, const dataset_writer_options *options);

/* Writes the files that were begun, and puts them in the place of those of an earlier packing, of which nothing is left. */
err dataset_pair_finish(dataset_pair *p);
void dataset_pair_free(dataset_pair *p);

/* ---- what every file of a data set carries beside its pictures ---- */

typedef struct dataset_tables {
    const char *pack_id;
    char *const *classes;
    int n_classes;
    int channels; /* of mean and std */
    float mean[3], std[3];
    uint64_t count;
    const uint64_t *offsets; /* [count + 1]; NULL: the pictures are pixels */
    const int32_t *labels;   /* [count], or as many as the last of label_offsets says */
    const uint32_t *crcs;    /* [count] */
    const char *task;        /* NULL: classification */
    const uint64_t *label_offsets; /* [count + 1] where a picture's labels begin; NULL: each has one */
    const float *targets;          /* [count][n_targets] */
    int n_targets;
} dataset_tables;

/* Whether what they hold needs version 2 of the format: several labels, or numbers. */
bool dataset_tables_are_new(const dataset_tables *t);

/* Attributes, classes, labels, CRCs, offsets. ERR_IO. */
err dataset_tables_write(const dataset_tables *t, h5_file *f);

/* ---- mean and standard deviation, exact whatever the order: sums of whole numbers ---- */

typedef struct pixel_sums {
    uint64_t count, sum[3], squares[3];
} pixel_sums;

/* Adds pixels; grey ones count in every channel of `channels`. */
void pixel_sums_add(pixel_sums *s, const uint8_t *pixels, size_t count, int pixel_channels, int channels);

void pixel_sums_join(pixel_sums *to, const pixel_sums *from);

/* Of x/255; population standard deviation. */
void pixel_sums_finish(const pixel_sums *s, int channels, float *mean, float *std);

/* ---- a long piece of work, watched: a bar on a terminal, elsewhere a line every few seconds ---- */

typedef struct pack_progress {
    const char *name;
    double start, shown;
} pack_progress;

/* `pictures` and `done` are of this run; `before` was found done. `done`, `before` and `whole` are in any unit that grows evenly. */
void pack_progress_show(pack_progress *p, double pictures, double done, double before, double whole);

/* ---- kinds ---- */

err pack_glyphs(const pack_options *options);
err pack_mnist(const pack_options *options);
err pack_cifar10(const pack_options *options);
err pack_cifar100(const pack_options *options);
err pack_folder(const pack_options *options);
err pack_csv(const pack_options *options);
err pack_imagenet(const pack_options *options); /* collective */

/* ---- files of the kinds ---- */

/* The lines of a text file that are not empty: names of classes. Free with mem_free_strings(). ERR_IO. */
err pack_read_lines(const char *path, char ***lines, int *count);

/* `0`, `1`, … as names of classes. */
void pack_number_classes(int n, char ***names);

/* ERR_DATA where a name is empty, no UTF-8, has control characters, or is there twice. */
err pack_check_classes(char *const *names, int count);

/* ERR_IO where there is no such folder. */
err pack_check_folder(const char *path);
bool pack_file_is_there(const char *path);

#endif
