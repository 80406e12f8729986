/* A list of transforms over one picture. Each has its own range of draws, so that a change to one leaves the others' draws alone. Those
 * that choose and scale pixels need only a picture's size, and say so to the decoder before there are pixels; the others work on pixels. */
#include "image/transform.h"

typedef struct transform_type {
    const char *name;
    err (*shape)(const transform *t, shape *s);                        /* from zero height and width: not known */
    err (*view)(const transform *t, image_view *v, transform_draws d); /* one of these two, the other is NULL */
    void (*apply)(const transform *t, image *im, image *spare, transform_draws d);
    bool scales;
} transform_type;

static err unchanged_shape(const transform *t, shape *s) {
    (void)t, (void)s;
    return OK;
}

static const transform_type types[] = {
    [TRANSFORM_RANDOM_CROP] = {"random_crop", random_crop_shape, random_crop_view, NULL, false},
    [TRANSFORM_RANDOM_RESIZED_CROP] = {"random_resized_crop", fixed_size_shape, random_resized_crop_view, NULL, true},
    [TRANSFORM_RESIZE] = {"resize", resize_shape, resize_view, NULL, true},
    [TRANSFORM_CENTER_CROP] = {"center_crop", fixed_size_shape, center_crop_view, NULL, false},
    [TRANSFORM_HFLIP] = {"hflip", unchanged_shape, NULL, hflip_apply, false},
    [TRANSFORM_VFLIP] = {"vflip", unchanged_shape, NULL, vflip_apply, false},
    [TRANSFORM_COLOR_JITTER] = {"color_jitter", unchanged_shape, NULL, color_jitter_apply, false},
};

double transform_uniform(transform_draws d, int i, double low, double high) {
    return low + rng_uniform(d.key, d.first + (uint64_t)i) * (high - low);
}

int transform_below(transform_draws d, int i, int bound) {
    return (int)rng_below(d.key, d.first + (uint64_t)i, (uint64_t)bound);
}

err fixed_size_shape(const transform *t, shape *s) {
    s->h = s->w = t->size;
    return OK;
}

err transforms_shape(const transform *list, int count, shape in, shape *out) {
    *out = in;
    for (int i = 0; i < count; i++) {
        const transform_type *type = &types[list[i].kind];
        if (type->shape(&list[i], out) != OK)
            return err_prefix("%s", type->name);
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
        const transform_type *type = &types[t->kind];
        if (!type->view || (type->scales && !whole))
            return OK;
        if (type->view(t, v, next_draws(l)) != OK)
            return err_prefix("%s", type->name);
        whole = false;
        cropped = !type->scales;
    }
    return OK;
}

static err apply_rest(transform_list *l, image *im, image *spare) {
    while (l->done < l->count) {
        const transform *t = &l->list[l->done];
        if (types[t->kind].apply) {
            types[t->kind].apply(t, im, spare, next_draws(l));
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
