/* What the tests of kernels share: which instruction sets this processor has, numbers, and memory that is nothing in particular. */
#ifndef KERNEL_SETS_H
#define KERNEL_SETS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/math.h"

enum { SETS = 3 };

extern const math_kernels math_kernels_generic;
#if defined(__x86_64__)
extern const math_kernels math_kernels_avx2, math_kernels_avx512;
#define FOR_SETS(entry) entry(generic) entry(avx2) entry(avx512)
#else
#define FOR_SETS(entry) entry(generic)
#endif

/* Set i's kernels, or NULL where the processor lacks it. */
static inline const math_kernels *set(int i) {
#if defined(__x86_64__)
    if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &math_kernels_avx2;
    if (i == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return &math_kernels_avx512;
#endif
    return i == 0 ? &math_kernels_generic : NULL;
}

/* In [−1, 1). */
static inline float noise(uint32_t i) {
    uint32_t z = i * 2654435761u;
    z = (z ^ z >> 15) * 2246822519u;
    return (float)(z >> 8) * 0x1p-23f - 1;
}

/* Aligned as the memory plan's tensors are. */
static inline float *numbers(int64_t n, uint32_t seed) {
    float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 64) / 64 * 64);
    for (int64_t i = 0; i < n; i++)
        x[i] = noise((uint32_t)i + 7919000 * seed);
    return x;
}

/* NaN all over. */
static inline void *dirty(size_t bytes) {
    size_t whole = (bytes + 64) / 64 * 64;
    return memset(aligned_alloc(64, whole), 0xFF, whole);
}

#endif
