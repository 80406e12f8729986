/* The folder that a data set is packed into. Inside of the pack room only. */
#ifndef SHOAL_PACK_OUTPUT_H
#define SHOAL_PACK_OUTPUT_H

#include <stdbool.h>

#include "base/base.h"

typedef struct pack_output {
    char *path;
    int fd; /* open and locked */
} pack_output;

/* Makes the folder and takes its lock. ERR_USAGE where another program packs into it; ERR_IO. */
err pack_output_open(pack_output *o, const char *path);
void pack_output_close(pack_output *o);

/* What was renamed or removed is so on the disk. */
err pack_output_sync(const pack_output *o);

bool pack_output_has(const pack_output *o, const char *name);
err pack_output_remove(const pack_output *o, const char *name); /* no error where it is not there */

typedef enum file_owner {
    FILE_NONE,    /* not there */
    FILE_PACKED,  /* made by shoal pack: it carries an id */
    FILE_DATASET, /* a data set without one: of an older shoal pack, or made by hand */
    FILE_FOREIGN, /* anything else */
} file_owner;
file_owner pack_output_owner(const pack_output *o, const char *name);

/* ERR_USAGE: NAME is there already, `what`. */
err pack_output_refuse(const pack_output *o, const char *name, const char *what);

/* Whether a set of one train.h5 and one val.h5 may be made here: ERR_USAGE where a set of several files lies there, or is being made, or
 * files of those names that are no data sets. */
err pack_output_check(const pack_output *o);

#endif
