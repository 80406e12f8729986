/* Crops as torchvision draws them. random_resized_crop is that of Szegedy et al.: Going deeper with convolutions; CVPR 2015. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "image/transform.h"

enum { TRIES = 10, DRAWS_PER_TRY = 2, DRAW_TOP = TRIES * DRAWS_PER_TRY, DRAW_LEFT };

static int lower(int a, int b) {
    return a < b ? a : b;
}

static int upper(int a, int b) {
    return a > b ? a : b;
}

void image_crop(image *im, image *spare, window part) {
    image_resize_buffer(spare, part.width, part.height, im->channels);
    size_t pixel = (size_t)im->channels, row_bytes = (size_t)part.width * pixel;
    int from = lower(upper(-part.left, 0), part.width); /* columns of the window that lie in the picture */
    int to = upper(lower(im->width - part.left, part.width), from);
    for (int y = 0; y < part.height; y++) {
        uint8_t *row = spare->pixels + (size_t)y * row_bytes;
        int source = part.top + y;
        if (source < 0 || source >= im->height || from == to) {
            memset(row, 0, row_bytes);
            continue;
        }
        const uint8_t *start = im->pixels + ((size_t)source * (size_t)im->width + (size_t)(part.left + from)) * pixel;
        memset(row, 0, (size_t)from * pixel);
        memcpy(row + (size_t)from * pixel, start, (size_t)(to - from) * pixel);
        memset(row + (size_t)to * pixel, 0, (size_t)(part.width - to) * pixel);
    }
    image cut = *spare;
    *spare = *im;
    *im = cut;
}

/* ---- random_crop: `size` by `size`, after `padding` zeros on each side ---- */

typedef struct random_crop_options {
    int size, padding;
} random_crop_options;

static const option random_crop_rows[] = {
    {"size", OPTION_INT, offsetof(random_crop_options, size), .least = 1, .most = 65536},
    {"padding", OPTION_INT, offsetof(random_crop_options, padding), "0", .least = 0, .most = 65536},
};

static err random_crop_shape(const void *own, shape *s) {
    const random_crop_options *o = own;
    int64_t h = s->h + 2 * (int64_t)o->padding, w = s->w + 2 * (int64_t)o->padding;
    if (s->h != 0 && (h < o->size || w < o->size))
        return fail(ERR_USAGE, "size %d is larger than the pictures, %" PRId64 " x %" PRId64 " with padding %d", o->size, h, w, o->padding);
    transform_square(o->size, s);
    return OK;
}

/* Another window of what is kept. */
static void keep(image_view *v, int top, int left, int size) {
    v->kept = (window){v->kept.top + top, v->kept.left + left, size, size};
}

static err random_crop_view(const void *own, image_view *v, transform_draws d) {
    const random_crop_options *t = own;
    int free_rows = v->kept.height + 2 * t->padding - t->size, free_columns = v->kept.width + 2 * t->padding - t->size;
    if (free_rows < 0 || free_columns < 0)
        return fail(ERR_DATA, "a picture of %d x %d is too small for size %d, padding %d; put a resize before it", v->kept.height,
                    v->kept.width, t->size, t->padding);
    keep(v, transform_below(d, 0, free_rows + 1) - t->padding, transform_below(d, 1, free_columns + 1) - t->padding, t->size);
    return OK;
}

const transform_kind transform_random_crop = {
    .kind = {"random_crop", random_crop_rows, sizeof random_crop_rows / sizeof *random_crop_rows, sizeof(random_crop_options)},
    .shape = random_crop_shape,
    .view = random_crop_view,
};

/* ---- center_crop ---- */

typedef struct center_crop_options {
    int size;
} center_crop_options;

static const option center_crop_rows[] = {{"size", OPTION_INT, offsetof(center_crop_options, size), .least = 1, .most = 65536}};

static err center_crop_shape(const void *own, shape *s) {
    transform_square(((const center_crop_options *)own)->size, s);
    return OK;
}

/* Half of the free space, halves to even as Python rounds; where the crop is larger, zeros are laid around, the odd one at the end. */
static int center_start(int length, int size) {
    return size > length ? -((size - length) / 2) : (int)rint((length - size) / 2.0);
}

static err center_crop_view(const void *own, image_view *v, transform_draws d) {
    const center_crop_options *t = own;
    (void)d;
    keep(v, center_start(v->kept.height, t->size), center_start(v->kept.width, t->size), t->size);
    return OK;
}

const transform_kind transform_center_crop = {
    .kind = {"center_crop", center_crop_rows, sizeof center_crop_rows / sizeof *center_crop_rows, sizeof(center_crop_options)},
    .shape = center_crop_shape,
    .view = center_crop_view,
};

/* ---- random_resized_crop: a part of the picture, scaled to `size` by `size` ---- */

typedef struct random_resized_crop_options {
    int size;
    double scale[2], ratio[2]; /* of the part's area to the picture's; of its width to its height */
} random_resized_crop_options;

static const option random_resized_crop_rows[] = {
    {"size", OPTION_INT, offsetof(random_resized_crop_options, size), .least = 1, .most = 65536},
    {"scale", OPTION_RANGE, offsetof(random_resized_crop_options, scale), "[0.08, 1]", .least = 1e-6, .most = 1},
    {"ratio", OPTION_RANGE, offsetof(random_resized_crop_options, ratio), "[0.75, 1.3333333333333333]", .least = 1e-3, .most = 1e3},
};

static err random_resized_crop_shape(const void *own, shape *s) {
    transform_square(((const random_resized_crop_options *)own)->size, s);
    return OK;
}

/* Where no try fits: the largest centred part whose ratio is allowed. */
static window fallback_window(const random_resized_crop_options *t, int height, int width) {
    window part = {.height = height, .width = width};
    double ratio = (double)width / height;
    if (ratio < t->ratio[0])
        part.height = upper((int)rint(width / t->ratio[0]), 1);
    else if (ratio > t->ratio[1])
        part.width = upper((int)rint(height * t->ratio[1]), 1);
    part.top = (height - part.height) / 2;
    part.left = (width - part.width) / 2;
    return part;
}

/* A share of the area and a ratio of the sides are drawn until they fit. */
static window draw_window(const random_resized_crop_options *t, int height, int width, transform_draws d) {
    for (int i = 0; i < TRIES; i++) {
        double area = (double)height * width * transform_uniform(d, i * DRAWS_PER_TRY, t->scale[0], t->scale[1]);
        double ratio = exp(transform_uniform(d, i * DRAWS_PER_TRY + 1, log(t->ratio[0]), log(t->ratio[1])));
        double w = rint(sqrt(area * ratio)), h = rint(sqrt(area / ratio));
        if (w < 1 || w > width || h < 1 || h > height)
            continue;
        window part = {.height = (int)h, .width = (int)w};
        part.top = transform_below(d, DRAW_TOP, height - part.height + 1);
        part.left = transform_below(d, DRAW_LEFT, width - part.width + 1);
        return part;
    }
    return fallback_window(t, height, width);
}

static err random_resized_crop_view(const void *own, image_view *v, transform_draws d) {
    const random_resized_crop_options *t = own;
    v->part = draw_window(t, v->height, v->width, d);
    v->width = v->height = t->size;
    v->kept = (window){0, 0, t->size, t->size};
    return OK;
}

const transform_kind transform_random_resized_crop = {
    .kind = {"random_resized_crop", random_resized_crop_rows, sizeof random_resized_crop_rows / sizeof *random_resized_crop_rows,
             sizeof(random_resized_crop_options)},
    .shape = random_resized_crop_shape,
    .view = random_resized_crop_view,
    .scales = true,
};
