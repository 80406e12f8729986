/* What the files of ckpt share. */
#ifndef SHOAL_CKPT_INTERNAL_H
#define SHOAL_CKPT_INTERNAL_H

#include "ckpt/ckpt.h"
#include "h5/h5.h"

enum { CKPT_VERSION = 2 }; /* that is written */

/* Opens a checkpoint; ERR_DATA where the file is something else, or of a later version. */
err ckpt_open(h5_file **out, const char *path);
err ckpt_close(h5_file *f, err code); /* returns `code`, or ERR_IO where damage was a read that failed; NULL is allowed */
int64_t ckpt_version(h5_file *f); /* 1 for weights that somebody else wrote */

uint32_t ckpt_crc(const void *bytes, size_t count);

/* Datasets with their crc32 attribute: over the raw little-endian values; over texts joined by NULs. */
err ckpt_write_tensor(h5_file *f, const char *object, h5_type type, dims size, const void *values);
err ckpt_write_texts(h5_file *f, const char *object, char *const *texts, uint64_t count);
err ckpt_write_text(h5_file *f, const char *object, char *text); /* one, as a scalar */

/* All of a dataset as `type`, checked against its CRC where it has one and is stored as that type. */
err ckpt_read_tensor(h5_file *f, const char *object, h5_type type, void *values);
err ckpt_read_texts(h5_file *f, const char *object, char ***texts, uint64_t *count);

/* ERR_DATA naming file and tensor where values are not finite, or a variance is negative. */
err ckpt_check_values(h5_file *f, const char *object, const float *values, int64_t count);

/* Bytes of an element; 0 for text and what is unknown. */
size_t ckpt_type_bytes(h5_type type);

/* Where a file keeps a tensor. */
typedef struct tensor_place {
    char *name; /* PyTorch's */
    char *object;
} tensor_place;

typedef struct tensor_places {
    tensor_place *list; /* in bytewise order of names */
    size_t count;
    const char *group;
} tensor_places;

/* Every dataset below a group; groups in it are parts of names. ckpt_tensors_reset() afterwards, after an error too. `group` has to last. */
err ckpt_find_tensors(h5_file *f, const char *group, tensor_places *found);
void ckpt_tensors_reset(tensor_places *t);
const char *ckpt_tensor_object(const tensor_places *t, const char *name); /* NULL: there is none */

/* Takes off what somebody's wrapper has put before all names (`module.`), where the model's own names are found behind it. */
void ckpt_strip_prefix(tensor_places *t, const graph *g);

/* The group of the weights: /model, or as others call it, or the root. Whether there are weights in it. */
const char *ckpt_weights_group(h5_file *f);
bool ckpt_holds_weights(h5_file *f);

/* Names, types and sizes of a file's tensors against those that the model has. */
typedef struct fit {
    int missing, unreadable, mistyped, different, unknown; /* how many */
    char *first_missing, *first_unreadable, *first_mistyped, *first_different, *first_unknown;
} fit;

/* ERR_DATA that tells all of it, OK where everything fits. Frees the texts. */
err ckpt_report_fit(fit *f, const char *path, const char *group);
void ckpt_fit_param(fit *result, h5_file *f, const char *object, const param *p); /* NULL: the file has none */
void ckpt_fit_unknown(fit *result, const char *name);

/* /jobs and /history: groups of columns. */
err ckpt_write_past(h5_file *f, const ckpt_info *info);
err ckpt_read_past(h5_file *f, ckpt_info *info);

/* What last.h5 was before its last writing. */
#define CKPT_PREVIOUS "previous.h5"

/* `.NAME.tmp` beside a file: what is not whole yet. New string. */
char *ckpt_temporary(const char *path);

/* Gives the verified file `temporary` its name, for good. What last.h5 was becomes previous.h5 (where the file system has second names), so
 * that from the second checkpoint on there are two files, whatever other names they share: one bad block does not take both. ERR_IO. */
err ckpt_replace(const char *path, const char *temporary);

/* The attributes of /trainer and /input, and texts; who made the file. */
err ckpt_write_info(h5_file *f, const ckpt_info *info);
err ckpt_write_provenance(h5_file *f);

#endif
