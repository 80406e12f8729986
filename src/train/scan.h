/* scan: one pass over an array of floats, at the speed of memory: are they finite, which are they (a hash), and where wanted a copy. */
#ifndef SHOAL_TRAIN_SCAN_H
#define SHOAL_TRAIN_SCAN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct scan {
    uint64_t hash; /* of the bits and their places; one bit that differs always shows */
    bool finite;
} scan;

/* On all threads; neither their number nor their pace shows in the result. `copy` takes the values, NULL: nothing does. */
scan scan_floats(const float *values, int64_t count, float *copy);

#endif
