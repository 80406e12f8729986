#include "base/rng.h"

#include <math.h>

enum { ROUNDS = 10, FEISTEL_ROUNDS = 6 };

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit. */
static uint64_t mix(uint64_t z) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

rng_key rng_make_key(uint64_t seed, rng_purpose purpose, uint64_t a, uint64_t b) {
    uint64_t k = mix(mix(seed) ^ (uint64_t)purpose);
    uint64_t h = mix(mix(k ^ a) ^ b);
    return (rng_key){{(uint32_t)k, (uint32_t)(k >> 32)}, {(uint32_t)h, (uint32_t)(h >> 32)}};
}

rng_block rng_words(rng_key key, uint64_t index) {
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = key.high[0], c3 = key.high[1];
    uint32_t k0 = key.key[0], k1 = key.key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c0 = n0, c1 = (uint32_t)p1, c2 = n2, c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return (rng_block){{c0, c1, c2, c3}};
}

static uint64_t two_words(rng_key key, uint64_t index) {
    rng_block r = rng_words(key, index);
    return (uint64_t)r.word[0] << 32 | r.word[1];
}

double rng_uniform(rng_key key, uint64_t index) {
    return (double)(two_words(key, index) >> 11) * 0x1p-53;
}

uint64_t rng_below(rng_key key, uint64_t index, uint64_t bound) {
    /* the high half of a 64 × 64-bit product, from 32-bit halves */
    uint64_t r = two_words(key, index);
    uint64_t r1 = r >> 32, r0 = (uint32_t)r, b1 = bound >> 32, b0 = (uint32_t)bound;
    uint64_t middle = r1 * b0 + (r0 * b0 >> 32);
    uint64_t carry = r0 * b1 + (uint32_t)middle;
    return r1 * b1 + (middle >> 32) + (carry >> 32);
}

double rng_normal(rng_key key, uint64_t index) {
    rng_block r = rng_words(key, index);
    double u = ((double)r.word[0] + 0.5) * 0x1p-32, v = (double)r.word[1] * 0x1p-32;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t rng_permute(rng_key key, uint64_t n, uint64_t i) {
    int half = 1; /* bits of one Feistel half: the domain 4^half is the smallest that holds n */
    while (half < 32 && (UINT64_C(1) << (2 * half)) < n)
        half++;
    uint64_t mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = i >> half, right = i & mask;
        for (uint64_t round = 0; round < FEISTEL_ROUNDS; round++) {
            uint64_t f = rng_words(key, right << 8 | round).word[0] & mask;
            uint64_t next = left ^ f;
            left = right, right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}

uint64_t rng_hash(const char *text) {
    uint64_t h = 0xCBF29CE484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001B3u;
    return h;
}
