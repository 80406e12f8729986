/* Pictures that are in a set more than once. Inside of the pack room only. */
#ifndef SHOAL_PACK_DUPLICATES_H
#define SHOAL_PACK_DUPLICATES_H

#include "pack/internal.h"

/* Zero-initialise. */
typedef struct duplicates {
    struct duplicate_entry *entries;
    int64_t count, room;
} duplicates;

/* A picture that goes into a split: its bytes and its class. */
void duplicates_add(duplicates *d, split part, int32_t label, const uint8_t *bytes, size_t n_bytes, const char *path);

/* Counts those with the same bytes as another, and warns: of them in one split, in both, and under two classes, with an example. */
void duplicates_report(duplicates *d);
void duplicates_reset(duplicates *d);

#endif
