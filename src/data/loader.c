/* The loader: threads that fill a ring of depth + 1 batches, of which the reader of loader_next() holds one. What a batch holds is a
 * function of its step alone, so that neither the number of threads and ranks nor anybody's pace shows in it. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "data/sample.h"

enum { AT_ONCE = 4, THREADS_A_WORKER = 16 }; /* samples that a thread takes at a time; computing threads that one can feed */

typedef struct slot {
    loader_batch batch;
    batch_store store;
    bad_records bad;
    int64_t first, places;  /* of the global batch: this rank's */
    int64_t given, done;    /* places that threads have taken, and finished */
    int64_t error_place;
} slot;

typedef struct worker {
    loader *loader;
    sample_reader reader;
    pthread_t thread;
} worker;

struct loader {
    loader_options options;
    int n_slots;
    slot *slots;
    int64_t *bounds; /* [lane] its first sample, of this rank's; under the lock */
    arena memory;    /* of all slots' batches */
    worker *workers;
    int n_workers;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t opened, taken; /* batches since the start; these, `stop`, and the slots' counts are under the lock */
    bool stop;
};

static slot *slot_of(const loader *l, int64_t n) {
    return &l->slots[n % l->n_slots];
}

/* ---- what is to be loaded ---- */

static int64_t lane_start(const loader *l, int lane, int64_t size) {
    return lane * size / l->options.lanes;
}

/* The n-th batch gets its slot. */
static slot *open_batch(loader *l) {
    const loader_options *o = &l->options;
    slot *s = slot_of(l, l->opened);
    int64_t step = o->first_step + l->opened, steps = sampler_steps(&o->order), size = sampler_batch_size(&o->order, step % steps);
    s->batch = (loader_batch){.batch = s->store.batch};
    s->batch.batch.step = step;
    s->batch.batch.epoch = step / steps;
    s->batch.batch.size = size;
    s->first = lane_start(l, o->first_lane, size);
    s->places = lane_start(l, o->last_lane, size) - s->first;
    s->given = s->done = 0;
    s->bad.count = 0;
    for (int lane = o->first_lane; lane < o->last_lane; lane++)
        l->bounds[lane - o->first_lane] = lane_start(l, lane, size) - s->first;
    batch_store_lay_out(&s->store, l->bounds);
    l->opened++;
    return s;
}

/* A slot is free once its reader has asked for the batch after. */
static bool may_open(const loader *l) {
    int64_t left_behind = l->taken > 0 ? l->taken - 1 : 0;
    return l->opened < l->options.last_step - l->options.first_step && l->opened - left_behind < l->n_slots;
}

typedef struct piece {
    slot *slot; /* NULL: nothing will come any more */
    int64_t first, count;
    bool opens; /* the batch's first */
} piece;

/* Waits for work: the next places of the newest batch, or of the one after it. Under the lock. */
static piece take_piece(loader *l) {
    for (;;) {
        slot *s = l->opened > 0 ? slot_of(l, l->opened - 1) : NULL;
        if (l->stop)
            return (piece){0};
        if (s && s->given < s->places) {
            int64_t first = s->given, left = s->places - first, count = left < AT_ONCE ? left : AT_ONCE;
            s->given += count;
            return (piece){s, first, count, first == 0};
        }
        if (may_open(l)) {
            open_batch(l);
            pthread_cond_broadcast(&l->changed); /* there is work for all; and a batch without places is ready */
        } else if (l->opened == l->options.last_step - l->options.first_step) {
            return (piece){0};
        } else {
            pthread_cond_wait(&l->changed, &l->lock);
        }
    }
}

/* ---- what a thread does ---- */

static void fetch(void *context, int64_t first, int64_t count) {
    dataset_fetch(context, first, count);
}

static void fetch_batch(const loader *l, int64_t step, bool begins) {
    const loader_options *o = &l->options;
    int64_t steps = sampler_steps(&o->order), size = sampler_batch_size(&o->order, step % steps);
    sampler_runs(&o->order, step / steps, step % steps, lane_start(l, o->first_lane, size), lane_start(l, o->last_lane, size), begins,
                 fetch, (dataset *)(uintptr_t)o->data);
}

/* The disk works on the next batch while this one is decoded. */
static void fetch_ahead(const loader *l, const slot *s) {
    int64_t step = s->batch.batch.step;
    if (step == l->options.first_step)
        fetch_batch(l, step, true);
    if (step + 1 < l->options.last_step)
        fetch_batch(l, step + 1, false);
}

/* The error of the first place counts, whoever comes first. */
static void note_error(slot *s, int64_t place, err code) {
    if (s->batch.code != OK && place > s->error_place)
        return;
    s->batch.code = code;
    s->batch.error = *err_last();
    s->error_place = place;
}

static void add_all(bad_records *to, const bad_records *from) {
    if (from->count == 0)
        return;
    if (to->count + from->count > to->capacity) {
        to->capacity = 2 * (to->count + from->count);
        to->list = mem_resize(to->list, (size_t)to->capacity, sizeof *to->list);
    }
    memcpy(to->list + to->count, from->list, (size_t)from->count * sizeof *from->list);
    to->count += from->count;
}

static void load_place(worker *w, slot *s, int64_t place) {
    loader *l = w->loader;
    const loader_options *o = &l->options;
    const batch *b = &s->batch.batch;
    int64_t id = sampler_id(&o->order, b->epoch, b->step % sampler_steps(&o->order), s->first + place);
    bad_records bad = {0};
    err code = sample_load(&w->reader, o, b->epoch, id, &s->store, place, &bad);
    place_tick();
    if (code == OK && bad.count == 0)
        return;
    pthread_mutex_lock(&l->lock);
    if (code != OK)
        note_error(s, place, code);
    add_all(&s->bad, &bad);
    pthread_mutex_unlock(&l->lock);
    mem_free(bad.list);
}

static void *work(void *context) {
    worker *w = context;
    loader *l = w->loader;
    pthread_mutex_lock(&l->lock);
    for (piece p; (p = take_piece(l)).slot;) {
        pthread_mutex_unlock(&l->lock);
        if (p.opens)
            fetch_ahead(l, p.slot);
        for (int64_t i = 0; i < p.count; i++)
            load_place(w, p.slot, p.first + i);
        pthread_mutex_lock(&l->lock);
        p.slot->done += p.count;
        if (p.slot->done == p.slot->places)
            pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- set-up ---- */

/* Lane bounds are rounded down, so that a rank has at most its share of the batch, rounded up. */
static int64_t most_samples(const loader_options *o) {
    return (o->order.batch * (o->last_lane - o->first_lane) + o->lanes - 1) / o->lanes;
}

static err make_slots(loader *l) {
    const loader_options *o = &l->options;
    int n_lanes = o->last_lane - o->first_lane;
    int64_t samples = most_samples(o);
    size_t bytes = batch_store_bytes(o->fields, o->n_fields, samples);
    err code = arena_init(&l->memory, mem_product((size_t)l->n_slots, bytes), "the batches of the loader");
    if (code != OK)
        return code;
    l->slots = mem_new((size_t)l->n_slots, sizeof *l->slots);
    l->bounds = mem_new((size_t)n_lanes, sizeof *l->bounds);
    for (int i = 0; i < l->n_slots; i++)
        batch_store_init(&l->slots[i].store, o->fields, o->n_fields, n_lanes, samples, l->memory.base + (size_t)i * bytes);
    return OK;
}

static err start_workers(loader *l) {
    int wanted = l->options.workers > 0 ? l->options.workers : 1 + (threads_count() - 1) / THREADS_A_WORKER, problem = 0;
    l->workers = mem_new((size_t)wanted, sizeof *l->workers);
    for (; l->n_workers < wanted; l->n_workers++) {
        worker *w = &l->workers[l->n_workers];
        w->loader = l;
        problem = threads_start(&w->thread, work, w);
        if (problem)
            break;
    }
    if (problem)
        return fail(ERR_BROKEN, "a thread of the loader cannot be started: %s; raise the limit of processes (ulimit -u)", strerror(problem));
    return OK;
}

err loader_start(loader **out, const loader_options *options) {
    *out = NULL;
    err code = sample_check_fields(options);
    if (code != OK)
        return code;
    if (sampler_steps(&options->order) == 0 && options->last_step > options->first_step)
        return fail(ERR_USAGE, "a batch of %" PRId64 " is larger than the data set of %" PRId64 " samples; use a smaller train.batch",
                    options->order.batch, options->order.count);
    loader *l = mem_new(1, sizeof *l);
    l->options = *options;
    l->n_slots = options->depth + 1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    code = make_slots(l);
    if (code == OK)
        code = start_workers(l);
    if (code != OK) {
        loader_stop(l);
        return code;
    }
    *out = l;
    return OK;
}

/* ---- the reader's side ---- */

const loader_batch *loader_next(loader *l) {
    if (l->taken >= l->options.last_step - l->options.first_step)
        return NULL;
    pthread_mutex_lock(&l->lock);
    int64_t n = l->taken++;
    slot *s = slot_of(l, n);
    pthread_cond_broadcast(&l->changed);
    while (l->opened <= n || s->done < s->places)
        pthread_cond_wait(&l->changed, &l->lock);
    s->batch.bad = s->bad.list;
    s->batch.n_bad = s->bad.count;
    pthread_mutex_unlock(&l->lock);
    return &s->batch;
}

static void free_loader(loader *l) {
    for (int i = 0; l->slots && i < l->n_slots; i++) {
        batch_store_reset(&l->slots[i].store);
        mem_free(l->slots[i].bad.list);
    }
    for (int i = 0; i < l->n_workers; i++)
        sample_reader_reset(&l->workers[i].reader);
    mem_free(l->slots);
    mem_free(l->workers);
    mem_free(l->bounds);
    arena_reset(&l->memory);
    mem_free(l);
}

void loader_stop(loader *l) {
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->n_workers; i++)
        pthread_join(l->workers[i].thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free_loader(l);
}
