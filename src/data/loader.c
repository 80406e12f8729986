/* The loader thread: a ring of depth + 1 batches, of which the reader of loader_next() holds one. What a batch holds is a function of its
 * step alone, so that neither the thread's pace nor the number of ranks shows in it. */
#define _POSIX_C_SOURCE 200809L /* sigset_t */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "data/data.h"

typedef struct slot {
    loader_batch batch;
    uint8_t *pixels;
    int32_t *labels;
    const uint8_t **lane_images;
    const int32_t **lane_labels;
} slot;

struct loader {
    loader_options options;
    shape picture;
    int n_slots;
    slot *slots;
    arena memory; /* of all slots' pictures and labels */

    image im, spare; /* the thread's own */
    byte_buffer record;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t made, taken; /* batches since the start; under the lock, as `stop` */
    bool stop;
};

static slot *slot_of(const loader *l, int64_t n) {
    return &l->slots[n % l->n_slots];
}

/* ---- what the thread does ---- */

static err check_picture(const loader *l, int64_t id) {
    shape now = {l->im.height, l->im.width, l->im.channels};
    if (shape_equal(now, l->picture))
        return OK;
    char is[SHAPE_TEXT], wanted[SHAPE_TEXT];
    return fail(ERR_DATA, "sample %" PRId64 ": %s after the transforms, not %s; put a resize and a crop into them", id, shape_text(is, now),
                shape_text(wanted, l->picture));
}

static err load_sample(loader *l, int64_t epoch, int64_t id, uint8_t *pixels, int32_t *label) {
    const loader_options *o = &l->options;
    err code = dataset_label(o->data, id, label);
    if (code == OK)
        code = dataset_record(o->data, id, &l->record);
    if (code != OK)
        return code;
    rng_key key = rng_make_key(o->seed, RNG_AUGMENT, (uint64_t)epoch, (uint64_t)id);
    code = transforms_load(o->transforms, o->n_transforms, &l->record, dataset_image_shape(o->data), key, &l->im, &l->spare);
    if (code != OK) {
        int64_t number;
        const char *path = dataset_path(o->data, id, &number);
        return err_prefix("%s: picture %" PRId64, path, number);
    }
    code = check_picture(l, id);
    if (code == OK)
        memcpy(pixels, l->im.pixels, (size_t)shape_size(l->picture));
    return code;
}

static bool must_stop(loader *l) {
    pthread_mutex_lock(&l->lock);
    bool stop = l->stop;
    pthread_mutex_unlock(&l->lock);
    return stop;
}

static int64_t lane_start(const loader *l, int lane, int64_t size) {
    return lane * size / l->options.lanes;
}

/* The places of this rank's lanes, one after the other. The first error ends the batch, not the run: its reader decides. */
static void load_batch(loader *l, slot *s, int64_t step) {
    const loader_options *o = &l->options;
    int64_t steps = sampler_steps(&o->order), size = sampler_batch_size(&o->order, step % steps);
    int64_t first = lane_start(l, o->first_lane, size), last = lane_start(l, o->last_lane, size);
    s->batch = (loader_batch){.step = step, .epoch = step / steps, .size = size, .images = s->lane_images, .labels = s->lane_labels};
    for (int lane = o->first_lane; lane < o->last_lane; lane++) {
        int64_t before = lane_start(l, lane, size) - first;
        s->lane_images[lane - o->first_lane] = s->pixels + before * shape_size(l->picture);
        s->lane_labels[lane - o->first_lane] = s->labels + before;
    }
    for (int64_t place = first; place < last && s->batch.code == OK && !must_stop(l); place++) {
        int64_t id = sampler_id(&o->order, s->batch.epoch, step % steps, place);
        s->batch.code = load_sample(l, s->batch.epoch, id, s->pixels + (place - first) * shape_size(l->picture), s->labels + place - first);
    }
    if (s->batch.code != OK)
        s->batch.error = *err_last();
}

/* A slot is free once its reader has asked for the batch after. */
static bool wait_for_slot(loader *l) {
    pthread_mutex_lock(&l->lock);
    while (!l->stop && l->made - (l->taken > 0 ? l->taken - 1 : 0) >= l->n_slots)
        pthread_cond_wait(&l->changed, &l->lock);
    bool go_on = !l->stop;
    pthread_mutex_unlock(&l->lock);
    return go_on;
}

static void *run(void *context) {
    loader *l = context;
    int64_t count = l->options.last_step - l->options.first_step;
    for (int64_t n = 0; n < count && wait_for_slot(l); n++) {
        load_batch(l, slot_of(l, n), l->options.first_step + n);
        pthread_mutex_lock(&l->lock);
        l->made = n + 1;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}

/* ---- set-up ---- */

static size_t padded(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

/* Lane bounds are rounded down, so that a rank has at most its share of the batch, rounded up. */
static size_t most_samples(const loader_options *o) {
    return (size_t)((o->order.batch * (o->last_lane - o->first_lane) + o->lanes - 1) / o->lanes);
}

static err make_slots(loader *l) {
    size_t samples = most_samples(&l->options), lanes = (size_t)(l->options.last_lane - l->options.first_lane);
    size_t pixel_bytes = padded(samples * (size_t)shape_size(l->picture)), label_bytes = padded(samples * sizeof(int32_t));
    err code = arena_init(&l->memory, (size_t)l->n_slots * (pixel_bytes + label_bytes), "the batches of the loader");
    if (code != OK)
        return code;
    l->slots = mem_new((size_t)l->n_slots, sizeof *l->slots);
    for (int i = 0; i < l->n_slots; i++) {
        char *base = l->memory.base + (size_t)i * (pixel_bytes + label_bytes);
        l->slots[i] = (slot){.pixels = (uint8_t *)base, .labels = (int32_t *)(void *)(base + pixel_bytes)};
        l->slots[i].lane_images = mem_new(lanes, sizeof *l->slots[i].lane_images);
        l->slots[i].lane_labels = mem_new(lanes, sizeof *l->slots[i].lane_labels);
    }
    return OK;
}

static void free_loader(loader *l) {
    for (int i = 0; l->slots && i < l->n_slots; i++) {
        mem_free(l->slots[i].lane_images);
        mem_free(l->slots[i].lane_labels);
    }
    mem_free(l->slots);
    arena_reset(&l->memory);
    image_reset(&l->im);
    image_reset(&l->spare);
    byte_buffer_reset(&l->record);
    mem_free(l);
}

/* Signals are the main thread's: the new thread is born with all of them blocked. */
static int start_thread(loader *l) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return problem;
}

err loader_start(loader **out, const loader_options *options, shape picture) {
    *out = NULL;
    if (sampler_steps(&options->order) == 0 && options->last_step > options->first_step)
        return fail(ERR_USAGE, "a batch of %" PRId64 " is larger than the data set of %" PRId64 " samples; use a smaller train.batch",
                    options->order.batch, options->order.count);
    loader *l = mem_new(1, sizeof *l);
    l->options = *options;
    l->picture = picture;
    l->n_slots = options->depth + 1;
    err code = make_slots(l);
    if (code != OK) {
        free_loader(l);
        return code;
    }
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    int problem = start_thread(l);
    if (problem) {
        free_loader(l);
        return fail(ERR_BROKEN, "the loader's thread cannot be started: %s; raise the limit of processes (ulimit -u)", strerror(problem));
    }
    *out = l;
    return OK;
}

const loader_batch *loader_next(loader *l) {
    if (l->taken >= l->options.last_step - l->options.first_step)
        return NULL;
    pthread_mutex_lock(&l->lock);
    int64_t n = l->taken++;
    pthread_cond_signal(&l->changed);
    while (l->made <= n)
        pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return &slot_of(l, n)->batch;
}

void loader_stop(loader *l) {
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free_loader(l);
}
