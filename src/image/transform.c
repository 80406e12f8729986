/* A list of transforms over one picture. Each has its own range of draws, so that a change to one leaves the others' draws alone. Those
 * that choose and scale pixels need only a picture's size, and say so to the decoder before there are pixels; the others work on pixels. */
#include "image/transform.h"

static const transform_kind *const kinds[] = {
    &transform_random_crop, &transform_random_resized_crop, &transform_resize, &transform_center_crop, &transform_hflip,
    &transform_vflip,       &transform_color_jitter,
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const option_kind *transform_kind_at(int index) {
    return index < N_KINDS ? &kinds[index]->kind : NULL;
}

/* The entry whose first member the kind is. */
static const transform_kind *kind_of(const transform *t) {
    return (const transform_kind *)(const void *)t->kind;
}

double transform_uniform(transform_draws d, int i, double low, double high) {
    return low + rng_uniform(d.key, d.first + (uint64_t)i) * (high - low);
}

int transform_below(transform_draws d, int i, int bound) {
    return (int)rng_below(d.key, d.first + (uint64_t)i, (uint64_t)bound);
}

void transform_square(int size, shape *s) {
    s->h = s->w = size;
}

err transforms_shape(const transform *list, int count, shape in, shape *out) {
    *out = in;
    for (int i = 0; i < count; i++) {
        const transform_kind *kind = kind_of(&list[i]);
        if (kind->shape && kind->shape(list[i].values, out) != OK)
            return err_prefix("%s", kind->kind.name);
    }
    if (out->h == 0 || out->w == 0)
        return fail(ERR_USAGE, "pictures of different sizes: end the transforms with center_crop, random_crop or random_resized_crop");
    return OK;
}

/* ---- applying ---- */

typedef struct transform_list {
    const transform *list;
    int count, done;
    rng_key key;
} transform_list;

static transform_draws next_draws(const transform_list *l) {
    return (transform_draws){l->key, (uint64_t)l->done * TRANSFORM_DRAWS};
}

/* Takes as many transforms off the list as go into one view: one that scales, if it is the first, and one crop. */
static err take_view(transform_list *l, image_view *v) {
    bool whole = true, cropped = false;
    for (; l->done < l->count && !cropped; l->done++) {
        const transform *t = &l->list[l->done];
        const transform_kind *kind = kind_of(t);
        if (!kind->view || (kind->scales && !whole))
            return OK;
        if (kind->view(t->values, v, next_draws(l)) != OK)
            return err_prefix("%s", kind->kind.name);
        whole = false;
        cropped = !kind->scales;
    }
    return OK;
}

static err apply_rest(transform_list *l, image *im, image *spare) {
    while (l->done < l->count) {
        const transform *t = &l->list[l->done];
        if (kind_of(t)->apply) {
            kind_of(t)->apply(t->values, im, spare, next_draws(l));
            l->done++;
            continue;
        }
        image_view v = view_whole(im->width, im->height);
        err code = take_view(l, &v);
        if (code != OK)
            return code;
        view_apply(&v, im, (image_region){8, {0, 0, im->height, im->width}}, spare);
    }
    return OK;
}

err transforms_apply(const transform *list, int count, image *im, image *spare, rng_key key) {
    return apply_rest(&(transform_list){list, count, 0, key}, im, spare);
}

/* Decodes what the first transforms leave. */
static err load_view(transform_list *l, image_file *f, image *im, image *spare) {
    image_view v = view_whole(f->width, f->height);
    err code = take_view(l, &v);
    if (code != OK)
        return code;
    image_region held = view_region(&v, image_file_has_parts(f) ? view_eighths(&v) : 8);
    code = image_file_decode(f, im, &held);
    if (code == OK && l->done > 0)
        view_apply(&v, im, held, spare);
    return code;
}

err transforms_load(const transform *list, int count, const byte_buffer *record, shape stored, rng_key key, image *im, image *spare) {
    transform_list l = {list, count, 0, key};
    if (stored.h) {
        image_from_pixels(im, record->bytes, stored);
        return apply_rest(&l, im, spare);
    }
    image_file f;
    err code = image_file_open(&f, record->bytes, record->size, (int)stored.c);
    if (code == OK)
        code = load_view(&l, &f, im, spare);
    image_file_close(&f);
    return code == OK ? apply_rest(&l, im, spare) : code;
}
