#include "train/scan.h"

#include <stdatomic.h>
#include <string.h>

#include "base/base.h"

/* A chunk stays in the cache of its core between the pass that reads it and the one that copies it. */
enum { CHUNK = 32768, BLOCK = 16, WORDS = BLOCK / 2 };

static const uint64_t factor = 0x9e3779b97f4a7c15; /* odd, so that multiplying loses nothing */

typedef struct pass {
    const float *values;
    float *copy;
    int64_t count;
    atomic_uint_fast64_t hash;
    atomic_bool broken;
} pass;

static inline uint64_t turn(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

static uint64_t stir(uint64_t x) {
    x = (x ^ x >> 32) * factor;
    x = (x ^ x >> 29) * factor;
    return x ^ x >> 32;
}

/* Sixteen floats as eight words, each into a hash of its own: eight multiplications are under way at once. Adding 1 to an exponent of ones,
 * that of inf and nan, carries into the bit of the sign. */
static inline uint64_t take_block(uint64_t hash[WORDS], const float *block) {
    const uint64_t exponents = 0x7f8000007f800000, one = 0x0080000000800000;
    uint64_t words[WORDS], carried = 0;
    memcpy(words, block, sizeof words);
    for (int i = 0; i < WORDS; i++) {
        hash[i] = turn((hash[i] ^ words[i]) * factor, 31);
        carried |= (words[i] & exponents) + one;
    }
    return carried;
}

static scan scan_chunk(const float *values, int64_t count) {
    uint64_t hash[WORDS] = {1, 2, 3, 4, 5, 6, 7, 8}, carried = 0, all = 0;
    int64_t whole = count / BLOCK * BLOCK;
    for (int64_t at = 0; at < whole; at += BLOCK)
        carried |= take_block(hash, values + at);
    float rest[BLOCK] = {0};
    memcpy(rest, values + whole, (size_t)(count - whole) * sizeof *rest);
    carried |= take_block(hash, rest);
    for (int i = 0; i < WORDS; i++)
        all = stir(all + hash[i]);
    return (scan){all, !(carried & 0x8000000080000000)};
}

static void run_chunk(void *context, int item, int thread) {
    (void)thread;
    pass *p = context;
    int64_t first = (int64_t)item * CHUNK, count = p->count - first < CHUNK ? p->count - first : CHUNK;
    scan s = scan_chunk(p->values + first, count);
    if (p->copy)
        memcpy(p->copy + first, p->values + first, (size_t)count * sizeof *p->copy);
    atomic_fetch_add(&p->hash, stir(s.hash + (uint64_t)item)); /* a sum, which has no order */
    if (!s.finite)
        atomic_store(&p->broken, true);
}

scan scan_floats(const float *values, int64_t count, float *copy) {
    pass p = {.values = values, .copy = copy, .count = count};
    threads_run((int)((count + CHUNK - 1) / CHUNK), run_chunk, &p);
    return (scan){atomic_load(&p.hash), !atomic_load(&p.broken)};
}
