/* The transforms one by one: what each does to a shape and to a picture. Inside of the data room only. */
#ifndef SHOAL_DATA_TRANSFORM_H
#define SHOAL_DATA_TRANSFORM_H

#include "data/data.h"

enum { TRANSFORM_DRAWS = 64 }; /* indices of a key that one transform may use */

/* The draws of one transform at its place in the list: draw i has index first + i. */
typedef struct transform_draws {
    rng_key key;
    uint64_t first;
} transform_draws;

double transform_uniform(transform_draws d, int i, double low, double high);
int transform_below(transform_draws d, int i, int bound);

/* A part of a picture; it may reach beyond its borders, where zeros are. */
typedef struct window {
    int top, left, height, width;
} window;

/* Cuts the window out of `im`; `spare` is the buffer it came from afterwards. */
void image_crop(image *im, image *spare, window part);

/* Pillow's resize(BILINEAR), bit for bit. `spare` holds what lies between. */
void image_scale(image *im, image *spare, int width, int height);

err resize_shape(const transform *t, shape *s);
err fixed_size_shape(const transform *t, shape *s);
err random_crop_shape(const transform *t, shape *s);

err random_crop_apply(const transform *t, image *im, image *spare, transform_draws d);
err random_resized_crop_apply(const transform *t, image *im, image *spare, transform_draws d);
err center_crop_apply(const transform *t, image *im, image *spare, transform_draws d);
err resize_apply(const transform *t, image *im, image *spare, transform_draws d);
err hflip_apply(const transform *t, image *im, image *spare, transform_draws d);
err vflip_apply(const transform *t, image *im, image *spare, transform_draws d);

#endif
