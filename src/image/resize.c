/* Bilinear resizing with antialias, Pillow's Image.resize(BILINEAR, box) bit for bit: a triangle filter as wide as the scale, weights
 * rounded to 22 bits, along rows first, then along columns, 8 bits between the two. */
#include <inttypes.h>
#include <math.h>

#include "image/transform.h"
#include "math/math.h"

enum { MOST_PIXELS = 1 << 28 }; /* of a resized picture: one of 1 x 65000 would become very long */

scaling scaling_make(double at, double length, int out, int from, int count) {
    int start = (int)floor(at);
    return (scaling){start, (int)ceil(at + length) - start, at - start, length / out, from, count};
}

bool scaling_is_plain(const scaling *s) {
    return s->scale == 1 && s->shift == 0;
}

static double support_of(const scaling *s) {
    return s->scale < 1 ? 1 : s->scale;
}

static double center_of(const scaling *s, int i) {
    return s->shift + (i + 0.5) * s->scale;
}

/* The pixels of the stretch, [*first, *last), that output i is made of. */
static void span(const scaling *s, int i, int *first, int *last) {
    *first = (int)(center_of(s, i) - support_of(s) + 0.5);
    *last = (int)(center_of(s, i) + support_of(s) + 0.5);
    *first = *first < 0 ? 0 : *first;
    *last = *last > s->n ? s->n : *last;
}

void scaling_input(const scaling *s, int *first, int *last) {
    int ignored;
    if (scaling_is_plain(s)) {
        *first = s->start + s->from;
        *last = *first + s->count;
        return;
    }
    span(s, s->from, first, &ignored);
    span(s, s->from + s->count - 1, &ignored, last);
    *first += s->start;
    *last += s->start;
}

/* ---- filters ---- */

static int taps_of(const scaling *s) {
    int most = 0;
    for (int i = s->from; i < s->from + s->count; i++) {
        int first, last;
        span(s, i, &first, &last);
        most = last - first > most ? last - first : most;
    }
    return most;
}

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* The weights of output i. They are worked out twice, first for their sum: that needs no space. */
static void fill_weights(const scaling *s, int i, int first, int last, int32_t *weights) {
    double sum = 0, shrink = 1 / support_of(s);
    for (int x = first; x < last; x++)
        sum += triangle((x - center_of(s, i) + 0.5) * shrink);
    for (int x = first; x < last; x++) {
        double weight = triangle((x - center_of(s, i) + 0.5) * shrink) / sum;
        weights[x - first] = (int32_t)(0.5 + weight * (1 << MATH_FILTER_BITS));
    }
}

static size_t filter_bytes(const scaling *s, int taps) {
    return (size_t)s->count * (size_t)(taps + 1) * sizeof(int32_t);
}

/* Every output has equally many taps, so that a loop over them always ends at the same place: what it has too many gets weight 0, and lies
 * within the stretch. Inputs count from pixel `origin`. */
static math_filter filter_make(const scaling *s, int taps, int origin, void *memory) {
    int32_t *firsts = memory, *weights = firsts + s->count;
    for (int i = 0; i < s->count; i++) {
        int first, last;
        span(s, s->from + i, &first, &last);
        int start = first + taps > s->n ? s->n - taps : first;
        int32_t *w = weights + (size_t)i * (size_t)taps;
        for (int k = 0; k < taps; k++)
            w[k] = 0;
        fill_weights(s, s->from + i, first, last, w + (first - start));
        firsts[i] = s->start + start - origin;
    }
    return (math_filter){s->count, taps, firsts, weights};
}

/* ---- pictures ---- */

/* Room for a picture and, behind it in the same buffer, for a filter: nothing is allocated once the buffers have grown. */
static void *buffer_with_filter(image *to, int width, int height, int channels, size_t bytes) {
    size_t row = (size_t)width * (size_t)channels, pixels = row * (size_t)height;
    size_t start = (pixels + sizeof(int32_t) - 1) / sizeof(int32_t) * sizeof(int32_t);
    size_t rows = (start + bytes + row - 1) / row;
    image_resize_buffer(to, width, (int)rows, channels);
    to->height = height;
    return to->pixels + start;
}

static void swap_images(image *a, image *b) {
    image kept = *a;
    *a = *b;
    *b = kept;
}

/* Rows [top, bottom) only. */
static void scale_width(image *im, image *spare, const scaling *s, int left, int top, int bottom) {
    int taps = taps_of(s), rows = bottom - top;
    void *memory = buffer_with_filter(spare, s->count, rows, im->channels, filter_bytes(s, taps));
    math_filter f = filter_make(s, taps, left, memory);
    int64_t from_row = (int64_t)im->width * im->channels, to_row = (int64_t)s->count * im->channels;
    math->filter_along_rows(&f, rows, im->channels, im->pixels + top * from_row, from_row, spare->pixels, to_row);
    swap_images(im, spare);
}

static void scale_height(image *im, image *spare, const scaling *s, int top) {
    int taps = taps_of(s);
    void *memory = buffer_with_filter(spare, im->width, s->count, im->channels, filter_bytes(s, taps));
    math_filter f = filter_make(s, taps, top, memory);
    int64_t row = (int64_t)im->width * im->channels;
    math->filter_along_columns(&f, row, im->pixels, row, spare->pixels, row);
    swap_images(im, spare);
}

void image_scale_axes(image *im, image *spare, const scaling *x, const scaling *y, int left, int top) {
    int first, last, column, ignored;
    scaling_input(y, &first, &last);
    scaling_input(x, &column, &ignored);
    if (scaling_is_plain(x))
        image_crop(im, spare, (window){first - top, column - left, last - first, x->count});
    else
        scale_width(im, spare, x, left, first - top, last - top);
    if (!scaling_is_plain(y))
        scale_height(im, spare, y, first);
}

/* ---- the transform ---- */

typedef struct resize_options {
    int size; /* of the shorter side */
} resize_options;

static const option rows[] = {{"size", OPTION_INT, offsetof(resize_options, size), .least = 1, .most = 65536}};

/* As torchvision: (size, size * long / short), the shorter side first; the larger is rounded down. */
static void resize_sides(int size, int64_t *width, int64_t *height) {
    int64_t w = *width, h = *height;
    *width = w <= h ? size : size * w / h;
    *height = w <= h ? size * h / w : size;
}

static err resize_shape(const void *own, shape *s) {
    if (s->h != 0)
        resize_sides(((const resize_options *)own)->size, &s->w, &s->h);
    return OK;
}

/* A smaller scale cuts off higher frequencies than the triangle filter does. With twice the pixels that are wanted, what is left of that
 * after the filter is below one level on average; with just enough it is two, which random crops do not mind, but evaluation might. */
static err resize_view(const void *own, image_view *v, transform_draws d) {
    (void)d;
    int64_t width = v->width, height = v->height;
    resize_sides(((const resize_options *)own)->size, &width, &height);
    if (width * height > MOST_PIXELS)
        return fail(ERR_DATA, "a picture of %d x %d would have %" PRId64 " x %" PRId64 " pixels", v->width, v->height, width, height);
    v->least = 2;
    v->width = (int)width;
    v->height = (int)height;
    v->kept = (window){0, 0, v->height, v->width};
    return OK;
}

const transform_kind transform_resize = {
    .kind = {"resize", rows, sizeof rows / sizeof *rows, sizeof(resize_options)},
    .shape = resize_shape,
    .view = resize_view,
    .scales = true,
};
