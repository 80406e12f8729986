/* What the files of a data set are to the functions that read them. Inside of the data room only. */
#ifndef SHOAL_DATA_DATASET_H
#define SHOAL_DATA_DATASET_H

#include "data/data.h"
#include "h5/h5.h"

enum { DATASET_CHANNELS = 3 }; /* at most */

/* Elements one after the other: at a byte of the file, or, where HDF5 keeps a small table another way, in memory. */
typedef struct dataset_table {
    int64_t at;
    size_t width; /* bytes of an element */
    void *memory;
} dataset_table;

/* One file. HDF5 is used only while it is opened; after that bytes are read at their place, by any thread. */
typedef struct dataset_part {
    char *path;
    int fd;
    int64_t first, count; /* sample ids [first, first + count) */
    bool encoded;
    shape image;       /* of /images; zero where encoded */
    int64_t images_at; /* of /images or /encoded/bytes */
    uint64_t total;    /* bytes of /encoded/bytes */
    dataset_table offsets, labels, crcs;
    char **classes; /* NULL: the same as those of the set's first file */
    uint64_t n_classes;
    int channels;
    float mean[DATASET_CHANNELS], std[DATASET_CHANNELS];
    char *pack_id; /* of the packing that made it; NULL: made in another way */
} dataset_part;

struct dataset {
    dataset_part *parts;
    int n_parts;
    int64_t count;
    float mean[DATASET_CHANNELS], std[DATASET_CHANNELS];
};

/* Opens and checks one file. The part is to be reset in any case. */
err dataset_part_open(dataset_part *p, const char *path);
void dataset_part_forget_classes(dataset_part *p);
void dataset_part_reset(dataset_part *p);

/* Bytes of the file. ERR_IO, also where the file ends before: it was long enough when it was opened. */
err dataset_part_read(const dataset_part *p, int64_t at, void *to, size_t bytes);

/* Elements [first, first + count) of a table. */
err dataset_table_read(const dataset_part *p, const dataset_table *t, int64_t first, int64_t count, void *to);

#endif
