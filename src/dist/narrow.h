/* narrow: floats as 16 bits, for the network. Rounded to nearest, ties to even; plain loops that every compiler vectorises. */
#ifndef SHOAL_DIST_NARROW_H
#define SHOAL_DIST_NARROW_H

#include "dist/dist.h"

/* How n values become n + 1 words and back; the last word is a power of two that fp16 scales by. Everything finite stays finite. */
typedef struct narrow {
    void (*pack)(uint16_t *words, const float *values, size_t n);
    void (*unpack)(float *values, const uint16_t *words, size_t n);
} narrow;

/* NULL for float32, which needs none. */
const narrow *narrow_of(dist_format format);

#endif
