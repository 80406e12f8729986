/* One sample of a batch, from its record to its fields. Inside of the data room only. */
#ifndef SHOAL_DATA_SAMPLE_H
#define SHOAL_DATA_SAMPLE_H

#include "data/data.h"

/* What a thread that reads keeps between samples. Zero-initialise. */
typedef struct sample_reader {
    image im, spare;
    byte_buffer record;
} sample_reader;

void sample_reader_reset(sample_reader *r);

/* Bad records that were met. Zero-initialise; free `list`. */
typedef struct bad_records {
    bad_record *list;
    int count, capacity;
} bad_records;

/* ERR_DATA where the data set does not have one of the fields. */
err sample_check_fields(const loader_options *options);

/* Sample `id` of an epoch, made as `options` say, into a place of a batch. Where its record is bad, another takes its place, or, where bad
 * ones are left out, it is not present; each bad record that was met is added to `bad`. ERR_IO; ERR_USAGE where the transforms do not make
 * the shape; ERR_DATA where no substitute is good. */
err sample_load(sample_reader *r, const loader_options *options, int64_t epoch, int64_t id, const batch_store *to, int64_t place,
                bad_records *bad);

#endif
