/* Packing ImageNet: what its steps share. Inside of the pack room only.
 *
 *   imagenet_source.c   what there is to pack: units of work and classes
 *   imagenet_labels.c   the labels of the validation pictures
 *   imagenet_survey.c   first pass: every picture read and decoded once, what is known of it written down; a file a unit
 *   imagenet_file.c     such files
 *   imagenet_index.c    all that is known of a split, in one file
 *   imagenet_shard.c    second pass: one HDF5 file of the set
 *   imagenet_passes.c   both passes, shared among the ranks
 *   imagenet_picture.c  one picture: decoded, perhaps made smaller, and what is odd about it
 *   imagenet_state.c    the folder of the work under way
 *   imagenet_summary.c  what the finished set says of itself
 *   pack_imagenet.c     the order of all that */
#ifndef SHOAL_PACK_IMAGENET_H
#define SHOAL_PACK_IMAGENET_H

#include <stdio.h>

#include "image/image.h"
#include "pack/internal.h"
#include "pack/label_list.h"
#include "pack/tar.h"
#include "pack/team.h"

enum { IMAGENET_CHANNELS = 3, IMAGENET_BATCH = 64 };

/* ---- source ---- */

/* The pictures that one rank reads in one go: a class, or all validation pictures. */
typedef struct source_unit {
    split part;
    char *name;        /* of the class, or val */
    char *folder;      /* of the pictures; NULL: a tar */
    int64_t at, bytes; /* of the tar within the split's file; of a folder 0, 1 */
    int32_t label;     /* -1: the list tells */
} source_unit;

typedef struct source {
    char **classes; /* sorted WordNet ids */
    int n_classes;
    source_unit *units; /* those of train first */
    int n_units;
    char *tars[N_SPLITS]; /* paths, or NULL */
    int files[N_SPLITS];  /* open tars, or -1 */
    label_list labels;    /* of val */
} source;

/* Finds ILSVRC2012_img_train.tar or train/, ILSVRC2012_img_val.tar or val/, and the labels of val. Opens no picture. Reset in any case.
 * ERR_IO, ERR_DATA. */
err source_open(source *s, const char *root);
void source_reset(source *s);

/* The labels of val, and where there are no classes yet, these. */
err source_read_labels(source *s, const char *root);

/* ---- pictures ---- */

/* What is odd about a picture; bits. */
typedef enum oddity {
    ODD_PNG = 1,
    ODD_GREY = 2,
    ODD_CMYK = 4,
    ODD_PROGRESSIVE = 8,
    ODD_ARITHMETIC = 16,
    ODD_DEEP = 32,
    ODD_TURNED = 64,
    ODD_NAME = 128,
    ODD_REENCODED = 256,
    ODD_LEFT_OUT = 512,
} oddity;
typedef struct oddity_name {
    uint32_t bit;
    const char *text;
} oddity_name;
extern const oddity_name oddity_names[];
extern const int n_oddities;

/* The oddities that the first bytes and the name tell of. */
uint32_t picture_oddities(const byte_buffer *file, const char *name);

/* A thread's own. */
typedef struct picture_tools {
    image picture, spare;
} picture_tools;

/* How pictures are kept: as they are, or those with a side above `most_side` made smaller and encoded anew. */
typedef struct keep_rule {
    int most_side, quality; /* most_side 0: as they are */
} keep_rule;

/* Decodes a file into t->picture; one with a side above rule.most_side is made smaller and encoded anew into `kept`, and
 * ODD_REENCODED is set. `kept` is empty otherwise: the file stays as it is. The same bits everywhere. ERR_DATA without a name. */
err picture_keep(const byte_buffer *file, keep_rule rule, uint32_t *odd, picture_tools *t, byte_buffer *kept);

/* ---- what is known of each picture ---- */

typedef struct picture_entry {
    uint64_t place; /* in the tar */
    uint64_t name;  /* where its name begins among the names; the reason follows the name where it is left out */
    uint32_t bytes; /* in the source */
    uint32_t kept;  /* in the set */
    uint32_t crc;   /* of what is kept */
    int32_t label;
    uint32_t unit;
    uint32_t odd;
} picture_entry;

typedef struct survey_head {
    char magic[8];
    uint64_t count;      /* entries; in an index of good pictures only */
    uint64_t name_bytes; /* the names follow the entries */
    uint64_t kept_bytes, left_out;
    int64_t ignored; /* files in folders that are no pictures */
    pixel_sums sums;
} survey_head;

/* A survey or index file, open for reading. */
typedef struct survey_file {
    char *path;
    int fd;
    survey_head head;
} survey_file;
err survey_file_open(survey_file *f, const char *path);
void survey_file_close(survey_file *f);
err survey_file_entries(const survey_file *f, uint64_t first, uint64_t count, picture_entry *entries);
/* The name (and the reason behind it); `names` keeps the bytes. */
err survey_file_names(const survey_file *f, byte_buffer *names);
err survey_file_name(const survey_file *f, const picture_entry *e, char *name, size_t room);

/* A file that has its name only once it is whole and on the disk. Closed in any case. ERR_IO. */
typedef struct file_writer {
    char *path, *temporary;
    FILE *file;
} file_writer;
err file_writer_open(file_writer *w, const char *path);
err file_writer_add(file_writer *w, const void *bytes, size_t n_bytes);
err file_writer_finish(file_writer *w);
void file_writer_close(file_writer *w);

/* Writes the head, which entries and names are to follow; or all at once. ERR_IO. */
err survey_file_start(file_writer *w, survey_head *head);
err survey_file_write(const char *path, survey_head *head, const picture_entry *entries, const char *names);

/* ---- the work ---- */

typedef struct imagenet {
    const pack_options *options;
    keep_rule rule;
    team team;
    source source;
    char *state;        /* OUT/.pack */
    pack_output output; /* OUT; rank 0 */
    char *plan;         /* what is asked for, in words */
    char id[PACK_ID];
    survey_file index[N_SPLITS];
    int shards[N_SPLITS];     /* files of each split; 0: no such split */
    picture_tools *tools;     /* [threads] */
    struct picture_job *jobs; /* [IMAGENET_BATCH] */
} imagenet;

/* A picture on its way through the threads. */
typedef struct picture_job {
    const imagenet *work;
    char *name, *path; /* path: where the threads are to read it; NULL: `file` is there */
    picture_entry entry;
    byte_buffer file, kept;
    pixel_sums sums;
    err code;
    err_record error; /* where `code` is not OK */
} picture_job;

/* Surveys one unit, a batch of pictures at a time. */
typedef struct survey survey;
err survey_begin(survey **out, imagenet *work, int unit);
err survey_step(survey *s, int64_t *pictures, double *share, bool *done); /* share of the unit done; writes the file at the end */
void survey_free(survey *s);

/* Joins the surveys of a split into its index and OUT/.pack/odd-SPLIT.tsv. One rank. */
err index_build(imagenet *work, split part);

/* Writes one file of the set, a batch at a time. */
typedef struct shard shard;
err shard_begin(shard **out, imagenet *work, split part, int number);
err shard_step(shard *s, int64_t *pictures, bool *done);
void shard_free(shard *s);
/* Positions [first, last) of the split's order. */
void shard_range(const imagenet *work, split part, int number, uint64_t *first, uint64_t *last);

/* The files of all splits, one after the other: number n is rank (n mod ranks)'s. */
int imagenet_count_files(const imagenet *work);
void imagenet_locate_file(const imagenet *work, int file, split *part, int *number);

/* Both passes, shared among the ranks; what is there already is left alone. Collective. */
err imagenet_first_pass(imagenet *work);
err imagenet_second_pass(imagenet *work); /* with the indexes open */

/* ---- state ---- */

/* Names of files; mem_new(). */
char *state_survey_path(const imagenet *work, int unit);
char *state_index_path(const imagenet *work, split part);
char *state_odd_path(const imagenet *work, split part);
char *state_shard_path(const imagenet *work, split part, int number);
char *final_shard_path(const imagenet *work, split part, int number);

/* Whether that file of the set is whole, here or there. */
bool shard_is_there(const imagenet *work, split part, int number);

/* Takes up work that was begun, or begins it; `finished` where the set is there already. Rank 0 only. ERR_USAGE where other options were
 * given before, or other files lie there; ERR_IO. */
err state_take_up(imagenet *work, bool *finished);

/* Gives every file its final name, writes OUT/pack.txt, prints it, and removes what was only for the work. Collective. ERR_IO. */
err state_publish(imagenet *work);

/* The text of OUT/pack.txt: the plan, and what the set is. ERR_IO. */
err summary_write(const imagenet *work, FILE *to);

#endif
