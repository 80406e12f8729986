#include "train/scan.h"

#include <stdatomic.h>
#include <string.h>

#include "base/base.h"

enum { CHUNK = 32768, BLOCK = 8, WORDS = BLOCK / 2 };

static const uint64_t factor = 0x9e3779b97f4a7c15; /* odd, so that multiplying loses nothing */

typedef struct pass {
    const float *values;
    float *copy;
    int64_t count;
    atomic_uint_fast64_t hash;
    atomic_bool broken;
} pass;

static uint64_t stir(uint64_t x) {
    x = (x ^ x >> 32) * factor;
    x = (x ^ x >> 29) * factor;
    return x ^ x >> 32;
}

/* Fletcher's two sums (Fletcher: An arithmetic checksum for serial transmissions; 1982), of which the second knows places, for each of
 * four words by itself: nothing but additions, which every processor has for vectors. */
typedef struct sums {
    uint64_t plain[WORDS], placed[WORDS], carried[WORDS];
} sums;

/* Eight floats. The shift lets the highest bits, signs, reach where a sum does not lose them. Adding 1 to an exponent of ones, that of
 * inf and nan, carries into the bit of the sign. */
static inline void take_block(sums *s, const float *block, float *copy) {
    const uint64_t exponents = 0x7f8000007f800000, one = 0x0080000000800000;
    uint64_t words[WORDS];
    memcpy(words, block, sizeof words);
    if (copy)
        memcpy(copy, words, sizeof words);
    for (int i = 0; i < WORDS; i++) {
        s->plain[i] += words[i] ^ words[i] >> 29;
        s->placed[i] += s->plain[i];
        s->carried[i] |= (words[i] & exponents) + one;
    }
}

static inline scan scan_chunk(const float *values, int64_t count, float *copy) {
    sums s = {{0}, {0}, {0}};
    int64_t whole = count / BLOCK * BLOCK;
    for (int64_t at = 0; at < whole; at += BLOCK)
        take_block(&s, values + at, copy ? copy + at : NULL);
    float rest[BLOCK] = {0};
    size_t left = (size_t)(count - whole) * sizeof *rest;
    memcpy(rest, values + whole, left);
    take_block(&s, rest, NULL);
    if (copy)
        memcpy(copy + whole, rest, left);
    uint64_t all = 0, carried = 0;
    for (int i = 0; i < WORDS; i++) {
        all = stir(stir(all + s.plain[i]) + s.placed[i]);
        carried |= s.carried[i];
    }
    return (scan){all, !(carried & 0x8000000080000000)};
}

static void run_chunk(void *context, int item, int thread) {
    (void)thread;
    pass *p = context;
    int64_t first = (int64_t)item * CHUNK, count = p->count - first < CHUNK ? p->count - first : CHUNK;
    /* two loops, of which neither has to ask */
    scan s = p->copy ? scan_chunk(p->values + first, count, p->copy + first) : scan_chunk(p->values + first, count, NULL);
    atomic_fetch_add(&p->hash, stir(s.hash + (uint64_t)item)); /* a sum, which has no order */
    if (!s.finite)
        atomic_store(&p->broken, true);
}

scan scan_floats(const float *values, int64_t count, float *copy) {
    pass p = {.values = values, .copy = copy, .count = count};
    threads_run((int)((count + CHUNK - 1) / CHUNK), run_chunk, &p);
    return (scan){atomic_load(&p.hash), !atomic_load(&p.broken)};
}
