/* What the files of h5 share. */
#ifndef SHOAL_H5_INTERNAL_H
#define SHOAL_H5_INTERNAL_H

#include <hdf5.h>

#include "h5/h5.h"

struct h5_file {
    hid_t id;
    char *path;
};

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

/* Every string of a source, each and the array from mem_new(); ERR_DATA where it holds no text. */
err h5_source_strings(const h5_source *s, h5_file *f, const char *object, char ***strings, uint64_t *count);

/* `attribute mean of /` or `labels`, into `out`, which is returned. */
enum { H5_WHAT = 256 };
char *h5_what(char out[H5_WHAT], const char *object, const char *name);

/* The reason of a failed write: what the system said, or that HDF5 failed. */
const char *h5_reason(void);

#endif
