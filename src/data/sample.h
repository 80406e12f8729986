/* One sample of a batch, from its record to the network's pixels. Inside of the data room only. */
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

/* Sample `id` of an epoch, made as `options` say: its pixels, of shape `picture`, and its label. Where its record is bad, another takes its
 * place, or, where bad ones are left out, the label is -1; each bad record that was met is added to `bad`. ERR_IO; ERR_DATA where the
 * transforms do not make the shape, or no substitute is good. */
err sample_load(sample_reader *r, const loader_options *options, shape picture, int64_t epoch, int64_t id, uint8_t *pixels, int32_t *label,
                bad_records *bad);

#endif
