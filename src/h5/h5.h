/* h5: HDF5 files. The only room that includes <hdf5.h>. Serial HDF5; one thread at a time in the whole program: who has a file open, or is
 * making one, keeps other threads waiting, and closes it on the thread that opened it.
 * Errors: ERR_IO where a file cannot be opened, read or written; ERR_DATA where it is not what it should be. Texts name file and object;
 * HDF5's own error stack is never printed. Objects are given as paths below the root (`model/fc.weight`). */
#ifndef SHOAL_H5_H
#define SHOAL_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

typedef struct h5_file h5_file;

typedef enum h5_type {
    H5_U8,
    H5_I8,
    H5_U16,
    H5_I16,
    H5_U32,
    H5_I32,
    H5_U64,
    H5_I64,
    H5_F16, /* read as another type: this machine has none of its own */
    H5_F32,
    H5_F64,
    H5_STRING,
    H5_OTHER
} h5_type;

enum { H5_MAX_RANK = 4 };

/* `uint8`, `text`, …; `something else` for H5_OTHER. */
const char *h5_type_name(h5_type type);

typedef struct h5_info {
    h5_type type;      /* of the file's elements, whatever their byte order */
    int rank;          /* 0: scalar */
    uint64_t size[H5_MAX_RANK];
    uint64_t count;    /* elements */
    int64_t offset;    /* byte in the file where the elements lie one after the other in this machine's byte order; -1 where they do not */
    size_t width;      /* bytes of a text of one width; 0: numbers, or text of any length */
} h5_info;

/* ---- reading ---- */

/* Says in plain words whether a file is missing, unreadable, no HDF5 file, truncated or damaged. HDF5 itself loops or crashes on some
 * damaged files, so a file that cannot vouch for itself by its seal is first read by a child process that may die of it, where one is
 * allowed. */
err h5_open(h5_file **out, const char *path);
void h5_close(h5_file *f); /* NULL is allowed */
const char *h5_path(const h5_file *f);

/* Whether the file ends in a seal, and so is one of ours that nobody has changed: a checksum over all bytes but the raw data with checksums
 * of its own, which is looked at before HDF5 sees the file. */
bool h5_is_sealed(const h5_file *f);

/* Reads every byte of a file once, without HDF5: a failing disk is told from damage. ERR_IO. */
err h5_read_through(const char *path);

/* ERR_DATA becomes ERR_IO with the system's reason where a read of the file failed since h5_open(): HDF5 takes that for damage. */
err h5_check_trouble(h5_file *f, err code);

/* The child is started when the first such file is opened, or here. A process must not fork any more once MPI runs: so before that, here;
 * with `here` false this process never has one, another of its node looks for it (h5_guard()). Ended with the process, or by
 * h5_guard_stop(); what it has found out stays known. */
void h5_guard_start(bool here);
void h5_guard_stop(void);

/* What the child says of a file; OK where this process has none. ERR_DATA, ERR_IO. */
err h5_guard(const char *path);

bool h5_exists(h5_file *f, const char *object);

/* ERR_DATA also where the numbers are not in this file (external links and storage, virtual datasets), not wholly, or where so many are
 * declared that no file of this length holds them: nobody takes memory for what is not there. Type and sizes are told in any case. */
err h5_get_info(h5_file *f, const char *object, h5_info *info);

/* Elements [first, first + count) of a dataset along its first dimension (all of it for count = UINT64_MAX), converted to `type`. */
err h5_read(h5_file *f, const char *object, h5_type type, uint64_t first, uint64_t count, void *data);

/* Strings of a one-dimensional dataset; a scalar string is one. Free with mem_free_strings(). */
err h5_read_strings(h5_file *f, const char *object, char ***strings, uint64_t *count);

/* Attributes of an object ("/" for the root). */
bool h5_has_attribute(h5_file *f, const char *object, const char *name);
err h5_get_attribute_info(h5_file *f, const char *object, const char *name, h5_info *info); /* offset is always -1 */
err h5_read_attribute(h5_file *f, const char *object, const char *name, h5_type type, uint64_t count, void *data);
err h5_read_attribute_text(h5_file *f, const char *object, const char *name, char **text); /* mem_new() */

/* Names of what a group holds, sorted bytewise; and whether each is a group. For attributes: names only. Free with mem_free_strings(). */
err h5_list(h5_file *f, const char *group, char ***names, uint64_t *count);
err h5_list_attributes(h5_file *f, const char *object, char ***names, uint64_t *count);
bool h5_is_group(h5_file *f, const char *object);

/* What there is below a group, each object once, whatever links lead to it; a group before what it holds, names in bytewise order. */
typedef enum h5_kind { H5_GROUP, H5_DATASET, H5_TYPE, H5_SEEN, H5_NOWHERE } h5_kind; /* H5_SEEN: came before, under another name */
typedef err (*h5_visitor)(void *context, h5_file *f, const char *object, h5_kind kind);
err h5_walk(h5_file *f, const char *group, h5_visitor visit, void *context);

/* The value of any attribute as text for people; of long ones the beginning. Into a new string. */
err h5_attribute_text(h5_file *f, const char *object, const char *name, char **text);

/* ---- writing ---- */

/* A new file; one that is there is replaced. */
err h5_create(h5_file **out, const char *path);

/* Flushes, closes, seals, and says whether everything reached the disk (a full or failing one is found here at the latest). What is read
 * next comes from the disk where the system lets it. */
err h5_finish(h5_file *f);

err h5_make_group(h5_file *f, const char *group); /* with its parents; no error where it is there */

/* A contiguous dataset, with its parent groups. Its space is allocated at once; h5_write_part fills it. */
err h5_make_dataset(h5_file *f, const char *object, h5_type type, int rank, const uint64_t *size);
err h5_write_part(h5_file *f, const char *object, h5_type type, uint64_t first, uint64_t count, const void *data);

/* The raw data of a dataset is long and has checksums of its own: the seal leaves it out. */
void h5_leave_unsealed(h5_file *f, const char *object);

/* Both at once. */
err h5_write(h5_file *f, const char *object, h5_type type, int rank, const uint64_t *size, const void *data);
err h5_write_strings(h5_file *f, const char *object, char *const *strings, uint64_t count); /* one width, UTF-8 */
err h5_write_text(h5_file *f, const char *object, char *text); /* a scalar */

/* count 0: a scalar; otherwise an array. */
err h5_write_attribute(h5_file *f, const char *object, const char *name, h5_type type, uint64_t count, const void *data);
err h5_write_attribute_text(h5_file *f, const char *object, const char *name, const char *text); /* UTF-8 */

/* `1.10.8`. */
const char *h5_library(void);

#endif
