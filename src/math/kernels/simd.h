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

enum { LINE = 16 }; /* floats of a cache line */

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

/* The first `count` elements, 0 ≤ count ≤ VECTOR. The others are 0, and their memory is not touched. Whole vectors are told apart where
 * masks are dear: AVX's masked stores take a Zen some forty micro-operations. */
INLINE vec vec_load_part(const float *p, int64_t count) {
#if defined(__AVX512F__)
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#else
    if (count == VECTOR)
        return vec_load(p);
#if defined(__AVX__)
    return _mm256_maskload_ps(p, (__m256i)(vec_places() < (int32_t)count));
#else
    vec v = {0};
    memcpy(&v, p, (size_t)count * sizeof *p);
    return v;
#endif
#endif
}

INLINE void vec_store_part(float *p, vec v, int64_t count) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), v);
#else
    if (count == VECTOR) {
        vec_store(p, v);
        return;
    }
#if defined(__AVX__)
    _mm256_maskstore_ps(p, (__m256i)(vec_places() < (int32_t)count), v);
#else
    memcpy(p, &v, (size_t)count * sizeof *p);
#endif
#endif
}

/* Without a call where there is a whole vector of bytes. */
INLINE void copy_bytes(uint8_t *to, const uint8_t *from, int64_t count) {
    if (count == VECTOR)
        memcpy(to, from, VECTOR);
    else
        memcpy(to, from, (size_t)count);
}

/* `count` small integers, kept as bytes; the others are 0. */
INLINE vec_ints vec_load_bytes(const uint8_t *p, int64_t count) {
#if defined(__AVX512F__)
    return (vec_ints)_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8((__mmask16)((1u << count) - 1), p));
#else
    uint8_t bytes[VECTOR] = {0};
    copy_bytes(bytes, p, count);
#if defined(__AVX2__)
    return (vec_ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)bytes));
#else
    return (vec_ints){bytes[0], bytes[1], bytes[2], bytes[3]};
#endif
#endif
}

INLINE void vec_store_bytes(uint8_t *p, vec_ints v, int64_t count) {
#if defined(__AVX512F__)
    _mm512_mask_cvtepi32_storeu_epi8(p, (__mmask16)((1u << count) - 1), (__m512i)v);
#else
    uint8_t bytes[VECTOR];
#if defined(__AVX2__)
    __m128i shorts = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    _mm_storel_epi64((__m128i *)(void *)bytes, _mm_packus_epi16(shorts, shorts));
#else
    for (int i = 0; i < VECTOR; i++)
        bytes[i] = (uint8_t)v[i];
#endif
    copy_bytes(p, bytes, count);
#endif
}

/* A mask of all bits or none as one bit an element: bits[at / 8…] are those of elements at…, and `at` is a multiple of VECTOR. */
INLINE void vec_store_bits(uint8_t *bits, int64_t at, vec_ints mask) {
#if defined(__AVX512F__)
    uint16_t packed = (uint16_t)_mm512_movepi32_mask((__m512i)mask);
    memcpy(bits + at / 8, &packed, sizeof packed);
#elif defined(__AVX__)
    bits[at / 8] = (uint8_t)_mm256_movemask_ps((__m256)mask);
#else
    int packed = 0;
    for (int i = 0; i < VECTOR; i++)
        packed |= (mask[i] & 1) << i;
    bits[at / 8] = (uint8_t)(at % 8 ? bits[at / 8] | packed << 4 : packed);
#endif
}

INLINE vec_ints vec_load_bits(const uint8_t *bits, int64_t at) {
#if defined(__AVX512F__)
    uint16_t packed;
    memcpy(&packed, bits + at / 8, sizeof packed);
    return (vec_ints)_mm512_movm_epi32(packed);
#else
    const vec_ints ones = 1 + (vec_ints){0};
    return (bits[at / 8] >> at % 8 & ones << vec_places()) != 0;
#endif
}

/* Pixels of four bytes side by side, one from each of VECTOR_PIXELS rows. */
enum { VECTOR_PIXELS = VECTOR / 4 };

INLINE int32_t load_word(const uint8_t *p) {
    int32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

INLINE vec_ints vec_load_pixels(const uint8_t *p, int64_t stride) {
#if defined(__AVX512F__)
    __m128i words = _mm_set_epi32(load_word(p + 3 * stride), load_word(p + 2 * stride), load_word(p + stride), load_word(p));
    return (vec_ints)_mm512_cvtepu8_epi32(words);
#elif defined(__AVX2__)
    return (vec_ints)_mm256_cvtepu8_epi32(_mm_set_epi32(0, 0, load_word(p + stride), load_word(p)));
#elif defined(__SSE2__)
    (void)stride; /* there is one row */
    __m128i zero = _mm_setzero_si128(), shorts = _mm_unpacklo_epi8(_mm_cvtsi32_si128(load_word(p)), zero);
    return (vec_ints)_mm_unpacklo_epi16(shorts, zero);
#else
    (void)stride;
    return (vec_ints){p[0], p[1], p[2], p[3]};
#endif
}

/* The first `bytes` of each pixel, whose elements are from 0 to 255. */
INLINE void vec_store_pixels(uint8_t *p, int64_t stride, vec_ints v, size_t bytes) {
    uint8_t all[VECTOR];
    vec_store_bytes(all, v, VECTOR);
    for (int r = 0; r < VECTOR_PIXELS; r++)
        memcpy(p + r * stride, all + 4 * r, bytes);
}

/* a where all bits of the mask are set, b where none is. */
INLINE vec vec_select(vec_ints mask, vec a, vec b) {
    return (vec)(((vec_ints)a & mask) | ((vec_ints)b & ~mask));
}

/* The elements at `places` of a and b, one after the other. */
INLINE vec vec_pick(vec a, vec b, const vec_ints places) {
#if defined(__clang__)
    vec v;
    for (int i = 0; i < VECTOR; i++)
        v[i] = places[i] < VECTOR ? a[places[i]] : b[places[i] - VECTOR];
    return v;
#else
    return __builtin_shuffle(a, b, places);
#endif
}

/* a0 + a1, a2 + a3, … b0 + b1, b2 + b3, … */
INLINE vec vec_pair_sums(vec a, vec b) {
    const vec_ints even = 2 * vec_places();
    return vec_pick(a, b, even) + vec_pick(a, b, even + 1);
}

/* One step of a transpose: swaps bit `s` of the row's and the column's number in a square of vectors. */
INLINE void vec_swap_bit(vec *v, const int s) {
    const vec_ints place = vec_places(), far = ((place & s) != 0) & (VECTOR - s); /* where the second vector's element is taken */
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++) {
        if (i & s)
            continue;
        vec a = v[i], b = v[i + s];
        v[i] = vec_pick(a, b, place + far);
        v[i + s] = vec_pick(a, b, place + s + far);
    }
}

/* A square of VECTOR vectors. */
INLINE void vec_transpose(vec *v) {
    vec_swap_bit(v, 1);
    vec_swap_bit(v, 2);
    if (VECTOR > 4)
        vec_swap_bit(v, 4);
    if (VECTOR > 8)
        vec_swap_bit(v, 8);
}

/* Whether rows of `row` floats from p on can be stored with vec_stream as whole cache lines, a line by one or two vectors. */
INLINE bool vec_streams_lines(const float *p, int64_t row) {
    return VECTOR >= 8 && (uintptr_t)p % 64 == 0 && row % 16 == 0;
}

/* Past the caches: for outputs larger than they are that nobody reads soon. `p` is aligned to a vector.
 *
 * Such stores are weakly ordered, and no fence follows them: whoever reads them on another thread has met this one at a barrier or a lock
 * before, and on x86, the only processors that have them, these end in locked instructions, which wait for them. */
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
