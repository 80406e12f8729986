#include "train/snapshot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "comm/comm.h"
#include "train/scan.h"

/* ---- memory ---- */

static int64_t all_values(const graph *g) {
    return graph_trained_size(g) + graph_fixed_size(g);
}

static int n_slots(const snapshot *s) {
    return s->live.optim ? optim_n_slots(s->live.optim) : 0;
}

static err make_copy(snapshot *s) {
    int64_t values = all_values(s->graph), slot = graph_trained_size(s->graph);
    size_t bytes = (size_t)(values + n_slots(s) * slot) * sizeof(float);
    err code = arena_init(&s->memory, bytes, "copies for checkpoints beside training (checkpoint.sync: true does without)");
    if (code != OK)
        return code;
    float *memory = (float *)(void *)s->memory.base;
    s->counters = mem_new((size_t)graph_n_params(s->graph), sizeof *s->counters);
    s->copy.counters = s->counters;
    s->copy.values = memory;
    scan_floats(s->live.values, values, memory);
    for (int i = 0; i < n_slots(s); i++) {
        s->copy.slots[i] = memory + values + i * slot;
        scan_floats(s->live.slots[i], slot, memory + values + i * slot);
    }
    return OK;
}

err snapshot_init(snapshot *s, graph *g, optim *o, bool copies) {
    *s = (snapshot){.graph = g, .live = ckpt_state_of(g, o)};
    s->copy = s->live;
    return copies ? make_copy(s) : OK;
}

void snapshot_reset(snapshot *s) {
    arena_reset(&s->memory);
    mem_free(s->counters);
    *s = (snapshot){0};
}

size_t snapshot_bytes(const snapshot *s) {
    return s->memory.bytes;
}

/* ---- pieces: the weights of each bucket, then its part of each slot of the optimiser; at the end all values that are not trained ---- */

typedef struct piece {
    int bucket;           /* -1: what is not trained */
    int slot;             /* -1: weights */
    int64_t first, count; /* in the arena of the values, or the slot's */
} piece;

static int count_pieces(const snapshot *s, const engine *e) {
    return dist_n_buckets(e->dist) * (1 + n_slots(s)) + 1;
}

static piece nth_piece(const snapshot *s, const engine *e, int n) {
    int parts = 1 + n_slots(s);
    if (n == count_pieces(s, e) - 1)
        return (piece){-1, -1, graph_trained_size(s->graph), graph_fixed_size(s->graph)};
    int64_t first, last;
    dist_bucket(e->dist, n / parts, &first, &last);
    return (piece){n / parts, n % parts - 1, first, last - first};
}

static const float *values_of(const ckpt_state *state, piece p) {
    return (p.slot < 0 ? state->values : state->slots[p.slot]) + p.first;
}

static float *place_in_copy(const snapshot *s, piece p) {
    return s->memory.base ? (float *)(uintptr_t)values_of(&s->copy, p) : NULL;
}

/* ---- what is told of a piece ---- */

static const char *kind_of_piece(const snapshot *s, piece p) {
    return p.bucket < 0 ? "buffers" : p.slot < 0 ? "weights" : optim_slot_name(s->live.optim, p.slot);
}

/* The parameter in which the value at `place` lies; between two, the one before. */
static const char *name_at(const snapshot *s, piece p, int64_t place) {
    const param *best = NULL;
    for (int i = 0; i < graph_n_params(s->graph); i++) {
        const param *q = graph_param(s->graph, i);
        int64_t start = q->offset + (p.bucket < 0 ? graph_trained_size(s->graph) : 0);
        if (q->role == PARAM_COUNTER || param_is_trained(q) != (p.bucket >= 0) || start > place)
            continue;
        best = !best || q->offset > best->offset ? q : best;
    }
    return best ? best->name : "no parameter";
}

static err fail_not_finite(const snapshot *s, piece p) {
    const float *values = values_of(&s->live, p);
    int64_t at = 0;
    while (at < p.count - 1 && isfinite(values[at]))
        at++;
    return fail(ERR_BROKEN, "%s of %s %s not finite (%g): a lower optimizer.lr or schedule.warmup_epochs may help", kind_of_piece(s, p),
                name_at(s, p, p.first + at), p.slot < 0 ? "are" : "is", (double)values[at]);
}

/* How many ranks have what this one has of a piece. */
static int count_equal(const uint64_t *all, int stride, int ranks, int rank) {
    int equal = 0;
    for (int r = 0; r < ranks; r++)
        equal += all[r * stride] == all[rank * stride];
    return equal;
}

/* ` rank 3 on node7,`: ranks that have not what most have; without a majority, all. */
static void list_ranks(char *out, size_t size, const uint64_t *all, int stride, int ranks, const char *const *hosts) {
    size_t used = 0;
    for (int r = 0; r < ranks && used < size; r++)
        if (2 * count_equal(all, stride, ranks, r) <= ranks)
            used += (size_t)snprintf(out + used, size - used, "%srank %d on %s", used ? ", " : "", r, hosts[r]);
}

static bool has_majority(const uint64_t *all, int stride, int ranks) {
    for (int r = 0; r < ranks; r++)
        if (2 * count_equal(all, stride, ranks, r) > ranks)
            return true;
    return false;
}

static err fail_unlike(const snapshot *s, piece p, const uint64_t *all, int stride, const char *const *hosts) {
    int ranks = comm_size(comm_world());
    char who[384], what[256] = "buffers";
    list_ranks(who, sizeof who, all, stride, ranks, hosts);
    if (p.bucket >= 0)
        snprintf(what, sizeof what, "%s of bucket %d (%s to %s)", kind_of_piece(s, p), p.bucket, name_at(s, p, p.first),
                 name_at(s, p, p.first + p.count - 1));
    return fail(ERR_BROKEN, "%s: %s %s: broken memory, or a bug", who, what,
                has_majority(all, stride, ranks) ? "differ from the other ranks'" : "differ, and no majority tells whose are right");
}

/* ---- taking it ---- */

/* Rank 0: `all` holds every rank's hashes. */
static err judge(const snapshot *s, const engine *e, const uint64_t *all, int first_bad, const char *const *hosts) {
    int n = count_pieces(s, e), ranks = comm_size(comm_world());
    for (int i = 0; i < n; i++)
        if (count_equal(all + i, n, ranks, 0) < ranks)
            return fail_unlike(s, nth_piece(s, e, i), all + i, n, hosts);
    return first_bad < n ? fail_not_finite(s, nth_piece(s, e, first_bad)) : OK;
}

static void copy_counters(snapshot *s) {
    for (int i = 0; s->counters && i < graph_n_params(s->graph); i++)
        s->counters[i] = graph_param(s->graph, i)->counter;
}

err snapshot_take(snapshot *s, const engine *e, const char *const *hosts) {
    int n = count_pieces(s, e), first_bad = n;
    bool root = comm_is_root();
    uint64_t *mine = mem_new((size_t)n, sizeof *mine), *all = root ? mem_new(mem_product((size_t)n, (size_t)comm_size(comm_world())), sizeof *all) : NULL;
    for (int i = n - 1; i >= 0; i--) {
        piece p = nth_piece(s, e, i);
        scan found = scan_floats(values_of(&s->live, p), p.count, place_in_copy(s, p));
        mine[i] = found.hash;
        first_bad = found.finite ? first_bad : i;
        place_tick();
    }
    copy_counters(s);
    comm_collect(comm_world(), mine, all, (size_t)n * sizeof *mine);
    err code = comm_agree(comm_world(), root ? judge(s, e, all, first_bad, hosts) : OK);
    mem_free(all);
    mem_free(mine);
    return code;
}
