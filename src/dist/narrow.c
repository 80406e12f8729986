/* bf16: 8 significant bits and float's own range: the upper half of a float; relative error at most 2^-8.
 * fp16 (IEEE 754 binary16): 11 significant bits, error 2^-11, but normal from 2^-14 to 2^16 only: so values are first multiplied by the
 * power of two that brings the largest of them to [2^14, 2^15). What then lies below 2^-14 is 2^-28 of the largest, and errs by 2^-39 of
 * it at most. A power of two is exact, and a function of the values alone. */
#include "dist/narrow.h"

#include <string.h>

static inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

enum { MAGNITUDE = 0x7fffffff, INFINITE = 0x7f800000 };

/* ---- bf16 ---- */

static inline uint16_t to_bf16(uint32_t bits) {
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
    return (uint16_t)((bits & MAGNITUDE) > INFINITE ? quiet : rounded); /* a NaN must not be rounded up to something else */
}

static void pack_bf16(uint16_t *words, const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        words[i] = to_bf16(bits_of(values[i]));
    words[n] = 0;
}

static void unpack_bf16(float *values, const uint16_t *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] = float_of((uint32_t)words[i] << 16);
}

/* ---- fp16 ---- */

enum {
    REBIAS = (127 - 15) << 23,         /* between the exponents of float and fp16 */
    FIRST_NORMAL = (127 - 14) << 23,   /* 2^-14 */
    FIRST_INFINITE = (127 + 16) << 23, /* 2^16 */
    HALF = 126 << 23,                  /* 0.5f, whose last bit is 2^-24, the same as that of fp16 below 2^-14 */
};

static inline uint16_t to_fp16(float x) {
    uint32_t bits = bits_of(x), size = bits & MAGNITUDE;
    uint32_t normal = (size + 0xfff + (size >> 13 & 1) - REBIAS) >> 13;
    uint32_t small = bits_of(float_of(size) + 0.5f) - HALF; /* the addition rounds */
    uint32_t special = size > INFINITE ? 0x7e00 : 0x7c00;
    uint32_t word = size < FIRST_NORMAL ? small : size < FIRST_INFINITE ? normal : special;
    return (uint16_t)(word | (bits >> 16 & 0x8000));
}

static inline float from_fp16(uint32_t word) {
    uint32_t size = (word & 0x7fff) << 13;
    float small = float_of(size + FIRST_NORMAL) - 0x1p-14f;
    uint32_t large = size + ((word & 0x7c00) == 0x7c00 ? 2 * REBIAS : REBIAS);
    uint32_t bits = (word & 0x7c00) == 0 ? bits_of(small) : large;
    return float_of(bits | (word & 0x8000) << 16);
}

/* 2^power, for powers of normal floats. */
static inline float power_of_two(int power) {
    return float_of((uint32_t)(127 + power) << 23);
}

/* Of the scale. Where a value is not finite there is nothing to save: none. */
static int find_power(const float *values, size_t n) {
    int32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t size = (int32_t)(bits_of(values[i]) & MAGNITUDE);
        largest = size > largest ? size : largest;
    }
    if (largest >= INFINITE)
        return 0;
    int power = 14 - ((largest >> 23) - 127);
    return power < 126 ? power : 126;
}

static void pack_fp16(uint16_t *words, const float *values, size_t n) {
    int power = find_power(values, n);
    float scale = power_of_two(power);
    for (size_t i = 0; i < n; i++)
        words[i] = to_fp16(values[i] * scale);
    words[n] = (uint16_t)(power + 127);
}

static void unpack_fp16(float *values, const uint16_t *words, size_t n) {
    float scale = power_of_two(127 - words[n]);
    for (size_t i = 0; i < n; i++)
        values[i] = from_fp16(words[i]) * scale;
}

/* ---- the table ---- */

const char *const dist_format_names[] = {[DIST_FLOAT32] = "float32", [DIST_BF16] = "bf16", [DIST_FP16] = "fp16", NULL};
const int n_dist_format_names = sizeof dist_format_names / sizeof *dist_format_names - 1;

dist_format dist_find_format(const char *name) {
    int found = DIST_FLOAT32;
    for (int i = 0; i < n_dist_format_names; i++)
        found = strcmp(name, dist_format_names[i]) == 0 ? i : found;
    return (dist_format)found;
}

const narrow *narrow_of(dist_format format) {
    static const narrow formats[] = {[DIST_BF16] = {pack_bf16, unpack_bf16}, [DIST_FP16] = {pack_fp16, unpack_fp16}};
    return format == DIST_FLOAT32 ? NULL : &formats[format];
}
