/* Picture files on their way into the train.h5 and val.h5 of one packing. Inside of the pack room only. */
#ifndef SHOAL_PACK_INTAKE_H
#define SHOAL_PACK_INTAKE_H

#include "pack/duplicates.h"
#include "pack/internal.h"

enum { INTAKE_CHANNELS = 3 };

/* Zero-initialise, but for the first three; intake_reset() in any case. */
typedef struct intake {
    const pack_options *options;
    char *const *classes;
    int n_classes;
    dataset_pair pair;
    int64_t *counts[N_SPLITS]; /* [n_classes] pictures that went into the split */
    duplicates twice;
    byte_buffer file; /* of the picture at hand */
    image picture;
    int64_t found, left_out;
} intake;

/* Begins one of the files: `how` need not name folder, classes and channels. As dataset_pair_begin(). */
err intake_begin(intake *in, split part, dataset_writer_options how);

/* Reads and decodes a file, and counts it. One that is no picture, or not there, is named, left out, and `good` is false; or it ends the
 * packing (--strict), as does one that cannot be read, since it may well be good. `who` wants it: named before it, where it is not NULL. */
err intake_load(intake *in, const char *who, const char *path, bool *good);

/* Puts the picture at hand into a split, with what `sample` says of it beside its bytes. */
err intake_add(intake *in, split part, dataset_sample sample, const char *path);

/* Looks at what came of it, and writes the files. ERR_DATA where more pictures were left out than may be, or a class has none. `source` is
 * what messages name. */
err intake_finish(intake *in, const char *source, bool split_is_made);
void intake_reset(intake *in);

#endif
