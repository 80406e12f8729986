/* A field is one thing that every sample has: its picture, its label. A batch is one struct for who loads it, who computes with it and who
 * counts what came of it. */
#ifndef SHOAL_TENSOR_FIELD_H
#define SHOAL_TENSOR_FIELD_H

#include <stddef.h>

#include "base/base.h"
#include "tensor/shape.h"

typedef enum field_type { FIELD_U8, FIELD_U16, FIELD_I32, FIELD_F32 } field_type;

size_t field_type_bytes(field_type type);
const char *field_type_text(field_type type); /* `uint8` */

typedef struct field {
    const char *name; /* `images`, `labels` */
    field_type type;
    shape shape; /* of one sample */
} field;

/* Bytes of one sample. */
size_t field_bytes(const field *f);

/* Its place in a list; -1: it is not there. */
int field_find(const field *list, int count, const char *name);

/* This rank's lanes of one batch, in the order of a list of fields that its maker and its readers share. */
typedef struct batch {
    int64_t size; /* samples of the global batch; lane l of L holds [l*size/L, (l+1)*size/L) */
    int64_t step, epoch;
    const void *const *const *data; /* [field][local lane] -> the lane's samples */
    const uint8_t *const *present;  /* [local lane] -> a byte a sample, 0 where there is none; NULL: all are there */
} batch;

/* A batch in memory of its owner, who sets size, step and epoch. Zero-initialise; batch_store_reset() frees all but that memory. */
typedef struct batch_store {
    batch batch;
    int n_fields, n_lanes;
    size_t *bytes;    /* [field] of a sample */
    char **samples;   /* [field] the first sample */
    uint8_t *present; /* a byte a sample */
    const void **lane_data;
    const void *const **field_data;
    const uint8_t **lane_present;
} batch_store;

/* Bytes of memory for up to `samples` samples. */
size_t batch_store_bytes(const field *fields, int n_fields, int64_t samples);

/* Puts so many samples, over `n_lanes` lanes, into that memory, aligned to 64 bytes. */
void batch_store_init(batch_store *b, const field *fields, int n_fields, int n_lanes, int64_t samples, void *memory);
void batch_store_reset(batch_store *b);

/* Lane `lane` begins with sample bounds[lane]. */
void batch_store_lay_out(batch_store *b, const int64_t *bounds);

/* Where the value of a sample is kept. */
void *batch_store_at(const batch_store *b, int field, int64_t sample);

#endif
