/* Agreement: on the worst error, and on data that must be the same everywhere. */
#include "comm/internal.h"

#include <string.h>

typedef struct verdict {
    int64_t code;
    uint64_t text; /* hash of the record's text */
} verdict;

static int find_worst(const verdict *all, int size) {
    int worst = 0;
    for (int r = 1; r < size; r++)
        if (all[r].code > all[worst].code)
            worst = r;
    return worst;
}

static bool all_equal(const verdict *all, int size) {
    for (int r = 1; r < size; r++)
        if (all[r].code != all[0].code || all[r].text != all[0].text)
            return false;
    return true;
}

err comm_agree(comm *c, err code) {
    verdict mine = {code, code ? rng_hash(err_last()->text) : 0};
    verdict *all = mem_new((size_t)c->size, sizeof *all);
    comm_gather_equal(c, &mine, all, sizeof mine);
    int worst = find_worst(all, c->size);
    err agreed = (err)all[worst].code;
    bool everywhere = all_equal(all, c->size);
    mem_free(all);
    if (agreed) {
        comm_broadcast(c, worst, err_last(), sizeof *err_last());
        if (!everywhere) /* what all met alike keeps its rank: none, or that of an agreement before */
            err_last()->rank = worst;
    }
    return agreed;
}

static bool same_as_first(comm *c, const char *data, size_t bytes) {
    enum { CHUNK = 1 << 20 };
    char *first = mem_new(bytes < CHUNK ? bytes : CHUNK, 1);
    bool same = true;
    for (size_t done = 0; done < bytes; done += CHUNK) {
        size_t chunk = bytes - done < CHUNK ? bytes - done : CHUNK;
        if (c->rank == 0)
            memcpy(first, data + done, chunk);
        comm_broadcast(c, 0, first, chunk);
        same = same && memcmp(first, data + done, chunk) == 0;
    }
    mem_free(first);
    return same;
}

/* Whether `mine` is the same on all ranks. */
static bool same_number(comm *c, uint64_t mine) {
    uint64_t *all = mem_new((size_t)c->size, sizeof *all);
    comm_gather_equal(c, &mine, all, sizeof mine);
    bool same = true;
    for (int r = 0; r < c->size; r++)
        same = same && all[r] == all[0];
    mem_free(all);
    return same;
}

bool comm_same(comm *c, const void *data, size_t bytes) {
    if (!same_number(c, bytes))
        return false;
    /* the first rank always agrees with itself */
    return same_number(c, same_as_first(c, data, bytes));
}
