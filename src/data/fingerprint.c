/* What a data set holds, as one number: 64-bit FNV-1a over the labels and stored CRCs of all samples, in order. */
#include "data/dataset.h"

enum { AT_ONCE = 4096 };

static uint64_t mix(uint64_t hash, uint32_t word) {
    for (int byte = 0; byte < 4; byte++)
        hash = (hash ^ (word >> (8 * byte) & 0xFF)) * 0x100000001B3u;
    return hash;
}

static err mix_table(const dataset_part *p, const dataset_table *t, uint64_t *hash) {
    uint32_t words[AT_ONCE];
    for (int64_t first = 0; first < p->count; first += AT_ONCE) {
        int64_t n = p->count - first < AT_ONCE ? p->count - first : AT_ONCE;
        err code = dataset_table_read(p, t, first, n, words);
        if (code != OK)
            return code;
        for (int64_t i = 0; i < n; i++)
            *hash = mix(*hash, words[i]);
    }
    return OK;
}

/* The parts' labels come first and their CRCs after, so that cutting a set into other files changes nothing. */
err dataset_fingerprint(const dataset *d, uint64_t *fingerprint) {
    err code = OK;
    *fingerprint = 0xCBF29CE484222325u;
    for (int i = 0; i < d->n_parts && code == OK; i++)
        code = mix_table(&d->parts[i], &d->parts[i].labels, fingerprint);
    for (int i = 0; i < d->n_parts && code == OK; i++)
        code = mix_table(&d->parts[i], &d->parts[i].crcs, fingerprint);
    return code;
}
