/* A list of transforms over one picture. Each has its own range of draws, so that a change to one leaves the others' draws alone. */
#include "data/image.h"
#include "data/transform.h"

typedef struct transform_type {
    const char *name;
    err (*shape)(const transform *t, shape *s); /* from zero height and width: not known */
    err (*apply)(const transform *t, image *im, image *spare, transform_draws d);
} transform_type;

static err unchanged_shape(const transform *t, shape *s) {
    (void)t, (void)s;
    return OK;
}

static const transform_type types[] = {
    [TRANSFORM_RANDOM_CROP] = {"random_crop", random_crop_shape, random_crop_apply},
    [TRANSFORM_RANDOM_RESIZED_CROP] = {"random_resized_crop", fixed_size_shape, random_resized_crop_apply},
    [TRANSFORM_RESIZE] = {"resize", resize_shape, resize_apply},
    [TRANSFORM_CENTER_CROP] = {"center_crop", fixed_size_shape, center_crop_apply},
    [TRANSFORM_HFLIP] = {"hflip", unchanged_shape, hflip_apply},
    [TRANSFORM_VFLIP] = {"vflip", unchanged_shape, vflip_apply},
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

err transforms_apply(const transform *list, int count, image *im, image *spare, rng_key key) {
    for (int i = 0; i < count; i++) {
        const transform_type *type = &types[list[i].kind];
        transform_draws draws = {key, (uint64_t)i * TRANSFORM_DRAWS};
        if (type->apply(&list[i], im, spare, draws) != OK)
            return err_prefix("%s", type->name);
    }
    return OK;
}

err transforms_load(const transform *list, int count, const byte_buffer *record, shape stored, rng_key key, image *im, image *spare) {
    err code = OK;
    if (stored.h)
        image_from_pixels(im, record->bytes, stored);
    else
        code = image_decode(im, record->bytes, record->size, (int)stored.c);
    return code == OK ? transforms_apply(list, count, im, spare, key) : code;
}
