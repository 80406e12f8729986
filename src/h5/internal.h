/* What the files of h5 share. */
#ifndef SHOAL_H5_INTERNAL_H
#define SHOAL_H5_INTERNAL_H

#include <hdf5.h>

#include "h5/h5.h"

struct h5_file {
    hid_t id;
    char *path;
    uint64_t bytes;  /* of the file when it was opened; without bound where it is written */
    bool sealed;     /* read: its seal is there, and is right */
    int fd;          /* written: a second descriptor; otherwise -1 */
    char **unsealed; /* written: datasets whose raw data the seal leaves out */
    size_t n_unsealed;
};

/* How objects are reached: as usual, but never by a link into another file. */
hid_t h5_links(void);

/* The same as h5_open(), without somebody who looks at the file before (guard.c). */
err h5_open_unguarded(h5_file **out, const char *path);

/* Everything that readers ask HDF5 for, to see whether HDF5 survives it: for a process that may die. `next` is called before
 * each object, with the file's length. ERR_DATA, ERR_IO. */
err h5_examine(const char *path, void (*next)(uint64_t file_bytes));

/* A file as the system has it, for reading; ERR_IO and ERR_DATA say in plain words what is wrong with it. */
err h5_open_plain(const char *path, int *fd, uint64_t *bytes);

/* ---- the seal (seal.c) ---- */

typedef struct h5_extent {
    uint64_t first, bytes;
} h5_extent;

/* Puts it behind HDF5's part, leaving out the extents, which it sorts. ERR_IO. */
err h5_seal_write(int fd, const char *path, h5_extent *outside, uint64_t count);

/* Whether a file of `bytes` has one. ERR_DATA where it is not right, ERR_IO. */
err h5_seal_check(int fd, const char *path, uint64_t bytes, bool *sealed);

/* ---- what goes wrong below HDF5 (trouble.c) ---- */

void h5_watch_trouble(void);
void h5_forget_trouble(void);

/* Whether HDF5 has been refused memory since h5_forget_trouble(). */
bool h5_was_starved(void);

/* ERR_DATA becomes ERR_IO with the system's reason where a read failed since h5_forget_trouble(). */
err h5_judge(const char *path, err code);

/* The reason of a failed write: what the system said, or that HDF5 failed. */
const char *h5_reason(void);

/* ---- one thread at a time (lock.c) ---- */

void h5_lock(void);
void h5_unlock(void);

/* ---- types and sources ---- */

/* HDF5's type of an element in memory. */
hid_t h5_native(h5_type type);

/* Type, rank, sizes of a dataset's or an attribute's elements; false where there are more than H5_MAX_RANK dimensions. */
bool h5_describe(h5_info *info, hid_t type, hid_t space);

/* What can be read: a dataset or an attribute. `name` is NULL for a dataset. */
typedef struct h5_source {
    hid_t object; /* of an attribute, otherwise -1 */
    hid_t id, type, space;
    const char *name;
} h5_source;

err h5_source_open(h5_source *s, h5_file *f, const char *object, const char *name);
void h5_source_close(h5_source *s);
herr_t h5_source_read(const h5_source *s, hid_t memory_type, void *data);

/* Whether a dataset's numbers are in this file and not in others. */
err h5_check_here(const h5_source *s, h5_file *f, const char *object);

/* Whether they lie within the file, as far as that can be known without reading them. */
err h5_check_extent(const h5_source *s, h5_file *f, const char *object);

/* Whether what a dataset or attribute declares is something that a file of this length can hold: memory is taken for it. */
err h5_check_size(const h5_source *s, h5_file *f, const char *object);

/* All of these, as far as they apply. */
err h5_check_stored(const h5_source *s, h5_file *f, const char *object);

/* Whether the path leads through a link into another file. Then `*where` (may be NULL) is that file, a new string. */
bool h5_leads_out(h5_file *f, const char *object, char **where);

/* Every string of a source, each and the array from mem_new(); ERR_DATA where it holds no text. */
err h5_source_strings(const h5_source *s, h5_file *f, const char *object, char ***strings, uint64_t *count);

/* A read that failed: ERR_IO where the system says that it cannot, otherwise the file is damaged, ERR_DATA. */
err h5_unreadable(h5_file *f, const char *what);

/* `attribute mean of /` or `labels`, into `out`, which is returned. */
enum { H5_WHAT = 256 };
char *h5_what(char out[H5_WHAT], const char *object, const char *name);

#endif
