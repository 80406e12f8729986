/* An optimiser, its state, and how an update is shared out among threads: the slice is cut at fixed places of the arena, each piece is one
 * thread's, and an element's new value depends on nothing but that element. */
#include <string.h>

#include "optim/internal.h"

enum { CHUNK = 16384 }; /* floats */

/* A run of parameters with one weight decay. It begins where the last one ends, padding included. */
typedef struct segment {
    int64_t last;
    double weight_decay;
} segment;

struct optim {
    const optim_kind *kind;
    void *own;         /* the kind's own options */
    int n_slots;
    int64_t step;      /* of the update that is being made: the first is 1 */
    double lr;
    float *values;     /* the graph's */
    arena slots;
    int64_t size;      /* floats of the values, and of each slot */
    segment *segments; /* in order of the arena */
    int n_segments;
    double clip_grad;
    double *sums; /* for norms */
};

static err find_kind(const optim_kind **out, const char *name) {
    *out = optim_find(name);
    if (*out)
        return OK;
    char hint[128];
    option any = {.kinds = optim_kind_at};
    return fail(ERR_USAGE, "optimizer.name: there is no optimizer \"%s\"%s", name, option_suggest_word(hint, &any, name));
}

err optim_check(const optimizer_options *options, const char **wrong) {
    const optim_kind *kind = NULL;
    *wrong = "optimizer.name";
    err code = find_kind(&kind, options->name);
    return code == OK && kind->check ? kind->check(options->own, wrong) : code;
}

static double decay_of(const optimizer_options *options, param_role role) {
    switch (role) {
    case PARAM_NORM_WEIGHT:
    case PARAM_NORM_BIAS:
        return options->norm_weight_decay;
    case PARAM_BIAS:
        return options->bias_weight_decay;
    default:
        return options->weight_decay;
    }
}

/* The trained parameter that lies next at or behind `offset`; NULL behind the last. */
static const param *next_param(const graph *g, int64_t offset) {
    const param *next = NULL;
    for (int i = 0; i < graph_n_params(g); i++) {
        const param *p = graph_param(g, i);
        if (param_is_trained(p) && p->size > 0 && p->offset >= offset && (!next || p->offset < next->offset))
            next = p;
    }
    return next;
}

static void add_segment(optim *o, int64_t last, double weight_decay) {
    segment *newest = o->n_segments > 0 ? &o->segments[o->n_segments - 1] : NULL;
    if (newest && newest->weight_decay == weight_decay)
        newest->last = last;
    else
        o->segments[o->n_segments++] = (segment){last, weight_decay};
}

static void make_segments(optim *o, const graph *g, const optimizer_options *options) {
    o->segments = mem_new((size_t)graph_n_params(g), sizeof *o->segments);
    for (const param *p = next_param(g, 0), *after; p; p = after) {
        after = next_param(g, p->offset + p->size);
        add_segment(o, after ? after->offset : o->size, decay_of(options, p->role));
    }
}

err optim_new(optim **out, graph *g, const optimizer_options *options) {
    const optim_kind *kind = NULL;
    *out = NULL;
    err code = find_kind(&kind, options->name);
    if (code != OK)
        return code;
    optim *o = mem_new(1, sizeof *o);
    o->kind = kind;
    o->own = option_new(&kind->kind);
    if (options->own)
        memcpy(o->own, options->own, kind->kind.size);
    while (o->n_slots < OPTIM_MAX_SLOTS && kind->slots[o->n_slots] && (!kind->has_slot || kind->has_slot(o->own, o->n_slots)))
        o->n_slots++;
    o->values = graph_values(g);
    o->size = graph_trained_size(g);
    code = arena_init(&o->slots, (size_t)o->n_slots * (size_t)o->size * sizeof(float), "the optimizer's state");
    if (code != OK) {
        mem_free(o->own);
        mem_free(o);
        return code;
    }
    make_segments(o, g, options);
    o->clip_grad = options->clip_grad;
    o->sums = mem_new((size_t)optim_n_chunks(o->size) + 1, sizeof *o->sums);
    *out = o;
    return OK;
}

void optim_free(optim *o) {
    if (!o)
        return;
    arena_reset(&o->slots);
    mem_free(o->segments);
    mem_free(o->sums);
    mem_free(o->own);
    mem_free(o);
}

/* ---- update ---- */

typedef struct update {
    const optim *optim;
    const float *grads; /* of element `first` */
    int64_t first, last;
} update;

static int segment_at(const optim *o, int64_t place) {
    int low = 0, high = o->n_segments - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (o->segments[middle].last > place)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static float *slot_values(const optim *o, int slot) {
    return (float *)(void *)o->slots.base + slot * o->size;
}

static void update_piece(const update *u, int64_t first, int64_t last, double weight_decay) {
    const optim *o = u->optim;
    optim_piece piece = {
        .count = last - first,
        .values = o->values + first,
        .grads = u->grads + (first - u->first),
        .step = o->step,
        .lr = o->lr,
        .weight_decay = weight_decay,
    };
    for (int slot = 0; slot < o->n_slots; slot++)
        piece.slots[slot] = slot_values(o, slot) + first;
    o->kind->update(o->own, &piece);
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void update_range(const update *u, int64_t first, int64_t last) {
    const segment *segments = u->optim->segments;
    for (int s = segment_at(u->optim, first); first < last; s++) {
        int64_t end = smaller(segments[s].last, last);
        update_piece(u, first, end, segments[s].weight_decay);
        first = end;
    }
}

static void update_chunk(void *context, int item, int thread) {
    (void)thread;
    const update *u = context;
    int64_t first = u->first + (int64_t)item * CHUNK;
    update_range(u, first, smaller(first + CHUNK, u->last));
}

void optim_begin(optim *o, int64_t updates, double lr) {
    o->step = updates + 1;
    o->lr = lr;
}

bool optim_waits(const optim *o) {
    return o->clip_grad > 0;
}

void optim_clip(optim *o, float *grads) {
    if (o->clip_grad == 0)
        return;
    const double small = 1e-6; /* PyTorch's */
    double factor = o->clip_grad / (optim_norm(grads, o->size, o->sums) + small);
    if (!(factor >= 1))
        optim_scale(grads, o->size, (float)factor);
}

void optim_step(optim *o, const float *grads, int64_t first, int64_t last) {
    update u = {o, grads + first, first, last};
    threads_run((int)((last - first + CHUNK - 1) / CHUNK), update_chunk, &u);
}

void optim_update(optim *o, const float *grads, int64_t first, int64_t count) {
    update u = {o, grads, first, first + count};
    update_range(&u, first, first + count);
}

/* ---- state ---- */

int optim_n_slots(const optim *o) {
    return o->n_slots;
}

const char *optim_slot_name(const optim *o, int slot) {
    return o->kind->slots[slot];
}

float *optim_slot(optim *o, int slot) {
    return slot_values(o, slot);
}
