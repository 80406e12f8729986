/* The kinds of transforms, and what they are made of. Inside of the image room only. */
#ifndef SHOAL_IMAGE_TRANSFORM_H
#define SHOAL_IMAGE_TRANSFORM_H

#include "image/internal.h"

enum { TRANSFORM_DRAWS = 64 }; /* indices of a key that one transform may use */

/* The draws of one transform at its place in the list: draw i has index first + i. */
typedef struct transform_draws {
    rng_key key;
    uint64_t first;
} transform_draws;

double transform_uniform(transform_draws d, int i, double low, double high);
int transform_below(transform_draws d, int i, int bound);

/* ---- views: which pixels the geometric transforms leave, known from a picture's size alone ---- */

/* A part of a picture, scaled, and what is kept of that. Where the kept window reaches beyond what was scaled, zeros are. */
typedef struct image_view {
    window part;       /* within the picture */
    int width, height; /* what the part is scaled to */
    window kept;       /* of the scaled part */
    int least;         /* decoded pixels in either direction for one of the result: no smaller scale leaves fewer */
} image_view;

image_view view_whole(int width, int height);

/* The smallest scale, in eighths, that leaves the part at least `least` times as many pixels as it is scaled to; 8 where none does. */
int view_eighths(const image_view *v);

/* The pixels that the view is computed from, in a picture at `eighths`/8 of its size. */
image_region view_region(const image_view *v, int eighths);

/* Makes the view of `im`, which holds the region `held` of the picture. `spare` holds what lies between. */
void view_apply(const image_view *v, image *im, image_region held, image *spare);

/* Cuts the window out of `im`; it may reach beyond its borders, where zeros are. `spare` is the buffer it came from afterwards. */
void image_crop(image *im, image *spare, window part);

/* ---- kinds ---- */

/* A kind of transform: one file (or kin in one file), one entry of the table in transform.c. Its functions get its own options. */
typedef struct transform_kind {
    option_kind kind;
    err (*shape)(const void *own, shape *s);                        /* from zero height and width: not known; NULL: as it is */
    err (*view)(const void *own, image_view *v, transform_draws d); /* one of these two, the other is NULL */
    void (*apply)(const void *own, image *im, image *spare, transform_draws d);
    bool scales; /* of a view: it does not only cut out */
} transform_kind;

extern const transform_kind transform_random_crop, transform_random_resized_crop, transform_center_crop, transform_resize;
extern const transform_kind transform_hflip, transform_vflip, transform_color_jitter;

/* The shape of `size` by `size`. */
void transform_square(int size, shape *s);

/* ---- scaling along one axis ---- */

/* Outputs [from, from + count) of `out` that a stretch of the input is scaled to, Pillow's BILINEAR: a triangle filter as wide as the
 * scale, that sees nothing beyond the stretch. The stretch begins at pixel `start`, `shift` of a pixel into it, and touches n pixels. */
typedef struct scaling {
    int start, n;
    double shift, scale; /* of input pixels to one output */
    int from, count;
} scaling;

scaling scaling_make(double at, double length, int out, int from, int count);

/* Whether outputs are just pixels. */
bool scaling_is_plain(const scaling *s);

/* Input pixels [*first, *last) that the outputs need. */
void scaling_input(const scaling *s, int *first, int *last);

/* Scales columns, then rows. Pixel (0, 0) of `im` is (left, top) of the input. */
void image_scale_axes(image *im, image *spare, const scaling *x, const scaling *y, int left, int top);

/* ---- color_jitter ---- */

/* What one picture's colours are multiplied with, and in which order. */
typedef struct color_factors {
    double brightness, contrast, saturation, hue;
    int order[4]; /* of 0 brightness, 1 contrast, 2 saturation, 3 hue */
} color_factors;

color_factors color_jitter_draw(const void *own, transform_draws d);

/* Each is torchvision's function of its name (adjust_brightness, …) on a Pillow picture. */
void image_adjust_brightness(image *im, double factor);
void image_adjust_contrast(image *im, double factor);
void image_adjust_saturation(image *im, double factor);
void image_adjust_hue(image *im, double factor);

#endif
