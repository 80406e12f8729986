/* Randomness as a pure function: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011).
 * A key says who draws and what for; an index says which draw. There is no state, so the order of calls does not matter. */
#ifndef SHOAL_BASE_RNG_H
#define SHOAL_BASE_RNG_H

#include <stdint.h>

/* What a stream of numbers is for. The values are part of every digest: never renumber them. */
typedef enum rng_purpose {
    RNG_INIT = 1,    /* a: hash of the parameter's name */
    RNG_SHUFFLE = 2, /* a: epoch */
    RNG_AUGMENT = 3, /* a: epoch, b: sample id */
    RNG_DROPOUT = 4, /* a: step, b: node and sample position */
    RNG_DATA = 5,    /* made data: glyphs, benchmarks; a, b: the maker's */
    RNG_SUBSTITUTE = 6, /* for a bad record: a: sample id */
} rng_purpose;

typedef struct rng_key {
    uint32_t key[2];
    uint32_t high[2]; /* upper half of the 128-bit counter */
} rng_key;

typedef struct rng_block {
    uint32_t word[4];
} rng_block;

rng_key rng_make_key(uint64_t seed, rng_purpose purpose, uint64_t a, uint64_t b);

/* Four independent 32-bit words. */
rng_block rng_words(rng_key key, uint64_t index);

/* Uniform in [0, 1), 53 bits. */
double rng_uniform(rng_key key, uint64_t index);

/* Uniform integer in [0, bound); bound ≥ 1. The bias is below bound / 2^64. */
uint64_t rng_below(rng_key key, uint64_t index, uint64_t bound);

/* Standard normal (Box and Muller 1958). */
double rng_normal(rng_key key, uint64_t index);

/* Where element `i` of [0, n) goes under a keyed permutation of [0, n): computed in O(1) memory, a bijection for every key.
 * Feistel network with cycle walking (Black and Rogaway: Ciphers with arbitrary finite domains; CT-RSA 2002). */
uint64_t rng_permute(rng_key key, uint64_t n, uint64_t i);

/* 64-bit FNV-1a of a string, to key a stream by a name. */
uint64_t rng_hash(const char *text);

#endif
