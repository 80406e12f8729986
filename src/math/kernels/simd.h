/* Vectors of the instruction set that this file is compiled for: the compiler's own vector types, so that one source serves every set.
 * What the types cannot say (stores past the caches) is said here, and nowhere else. */
#ifndef SHOAL_MATH_SIMD_H
#define SHOAL_MATH_SIMD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
enum { VECTOR = 16 }; /* floats */
#elif defined(__AVX2__)
enum { VECTOR = 8 };
#else
enum { VECTOR = 4 };
#endif

#if defined(__SSE__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(VECTOR * sizeof(float)), may_alias));
typedef float unaligned_vec __attribute__((vector_size(VECTOR * sizeof(float)), may_alias, aligned(4)));

INLINE vec vec_load(const float *p) {
    return *(const unaligned_vec *)p;
}

INLINE void vec_store(float *p, vec v) {
    *(unaligned_vec *)p = v;
}

INLINE vec vec_set(float value) {
    return value - (vec){0}; /* not 0 + value, which would have to make 0 of −0 */
}

typedef int32_t vec_ints __attribute__((vector_size(VECTOR * sizeof(int32_t)), may_alias));

/* 0, 1, 2, … */
INLINE vec_ints vec_places(void) {
    vec_ints places;
    for (int i = 0; i < VECTOR; i++)
        places[i] = i;
    return places;
}

/* The first `count` elements, 0 ≤ count ≤ VECTOR. The others are 0, and their memory is not touched. */
INLINE vec vec_load_part(const float *p, int64_t count) {
#if defined(__AVX512F__)
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#elif defined(__AVX__)
    return _mm256_maskload_ps(p, (__m256i)(vec_places() < (int32_t)count));
#else
    vec v = {0};
    memcpy(&v, p, (size_t)count * sizeof *p);
    return v;
#endif
}

INLINE void vec_store_part(float *p, vec v, int64_t count) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), v);
#elif defined(__AVX__)
    _mm256_maskstore_ps(p, (__m256i)(vec_places() < (int32_t)count), v);
#else
    memcpy(p, &v, (size_t)count * sizeof *p);
#endif
}

/* a0 + a1, a2 + a3, … b0 + b1, b2 + b3, … */
INLINE vec vec_pair_sums(vec a, vec b) {
    const vec_ints even = 2 * vec_places();
#if defined(__clang__)
    vec left, right;
    for (int i = 0; i < VECTOR; i++) {
        left[i] = even[i] < VECTOR ? a[even[i]] : b[even[i] - VECTOR];
        right[i] = even[i] < VECTOR ? a[even[i] + 1] : b[even[i] + 1 - VECTOR];
    }
    return left + right;
#else
    return __builtin_shuffle(a, b, even) + __builtin_shuffle(a, b, even + 1);
#endif
}

/* Whether rows of `row` floats from p on can be stored with vec_stream as whole cache lines, a line by one or two vectors. */
INLINE bool vec_streams_lines(const float *p, int64_t row) {
    return VECTOR >= 8 && (uintptr_t)p % 64 == 0 && row % 16 == 0;
}

/* Past the caches: for outputs larger than they are that nobody reads soon. `p` is aligned to a vector. */
INLINE void vec_stream(float *p, vec v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(p, v);
#elif defined(__AVX__)
    _mm256_stream_ps(p, v);
#elif defined(__SSE__)
    _mm_stream_ps(p, v);
#else
    *(vec *)(void *)p = v;
#endif
}

#endif
