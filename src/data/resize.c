/* Bilinear resizing with antialias, Pillow's Image.resize(BILINEAR) bit for bit: a triangle filter as wide as the scale, weights rounded
 * to 22 bits, rows first, then columns, 8 bits between the two. */
#include <math.h>

#include "data/transform.h"

enum { WEIGHT_BITS = 22, BLOCK = 256 };

/* Output i is the sum of input [first[i], first[i] + n[i]) times weights[i * taps …]. */
typedef struct filter {
    int taps;
    int32_t *first, *n, *weights;
} filter;

static double filter_scale(int in, int out) {
    return (double)in / out;
}

static double filter_support(int in, int out) {
    double scale = filter_scale(in, out);
    return scale < 1 ? 1 : scale;
}

static int filter_taps(int in, int out) {
    return (int)ceil(filter_support(in, out)) * 2 + 1;
}

static size_t filter_bytes(int in, int out) {
    return (size_t)out * (size_t)(filter_taps(in, out) + 2) * sizeof(int32_t);
}

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* The weights of one output. They are worked out twice, first for their sum: that needs no space. */
static void filter_one(const filter *f, int i, int in, int out) {
    double support = filter_support(in, out), center = (i + 0.5) * filter_scale(in, out), shrink = 1 / support;
    int first = (int)(center - support + 0.5), last = (int)(center + support + 0.5);
    first = first < 0 ? 0 : first;
    last = last > in ? in : last;
    double sum = 0;
    for (int x = first; x < last; x++)
        sum += triangle((x - center + 0.5) * shrink);
    for (int x = first; x < last; x++) {
        double weight = triangle((x - center + 0.5) * shrink) / sum;
        f->weights[i * f->taps + x - first] = (int32_t)(0.5 + weight * (1 << WEIGHT_BITS));
    }
    f->first[i] = first;
    f->n[i] = last - first;
}

static filter filter_make(void *memory, int in, int out) {
    int32_t *at = memory;
    filter f = {.taps = filter_taps(in, out), .first = at, .n = at + out, .weights = at + 2 * (size_t)out};
    for (int i = 0; i < out; i++)
        filter_one(&f, i, in, out);
    return f;
}

static uint8_t to_byte(int32_t sum) {
    int32_t level = sum >> WEIGHT_BITS;
    return level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
}

static void scale_row_rgb(const filter *f, const uint8_t *from, uint8_t *to, int width) {
    for (int x = 0; x < width; x++) {
        const uint8_t *p = from + 3 * (size_t)f->first[x];
        const int32_t *w = f->weights + (size_t)x * (size_t)f->taps;
        int32_t r = 1 << (WEIGHT_BITS - 1), g = r, b = r;
        for (int k = 0; k < f->n[x]; k++, p += 3) {
            r += p[0] * w[k];
            g += p[1] * w[k];
            b += p[2] * w[k];
        }
        to[3 * x] = to_byte(r);
        to[3 * x + 1] = to_byte(g);
        to[3 * x + 2] = to_byte(b);
    }
}

static void scale_row_grey(const filter *f, const uint8_t *from, uint8_t *to, int width) {
    for (int x = 0; x < width; x++) {
        const int32_t *w = f->weights + (size_t)x * (size_t)f->taps;
        int32_t sum = 1 << (WEIGHT_BITS - 1);
        for (int k = 0; k < f->n[x]; k++)
            sum += from[f->first[x] + k] * w[k];
        to[x] = to_byte(sum);
    }
}

/* One output row from whole input rows, a block of columns at a time. */
static void scale_columns(const filter *f, int y, const uint8_t *from, size_t row_bytes, uint8_t *to) {
    const int32_t *w = f->weights + (size_t)y * (size_t)f->taps;
    const uint8_t *first = from + (size_t)f->first[y] * row_bytes;
    for (size_t start = 0; start < row_bytes; start += BLOCK) {
        size_t n = row_bytes - start < BLOCK ? row_bytes - start : BLOCK;
        int32_t sum[BLOCK];
        for (size_t i = 0; i < n; i++)
            sum[i] = 1 << (WEIGHT_BITS - 1);
        for (int k = 0; k < f->n[y]; k++) {
            const uint8_t *row = first + (size_t)k * row_bytes + start;
            for (size_t i = 0; i < n; i++)
                sum[i] += row[i] * w[k];
        }
        for (size_t i = 0; i < n; i++)
            to[start + i] = to_byte(sum[i]);
    }
}

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

static void scale_width(image *im, image *spare, int width) {
    void *memory = buffer_with_filter(spare, width, im->height, im->channels, filter_bytes(im->width, width));
    filter f = filter_make(memory, im->width, width);
    for (int y = 0; y < im->height; y++) {
        const uint8_t *from = im->pixels + (size_t)y * (size_t)im->width * (size_t)im->channels;
        uint8_t *to = spare->pixels + (size_t)y * (size_t)width * (size_t)im->channels;
        if (im->channels == 3)
            scale_row_rgb(&f, from, to, width);
        else
            scale_row_grey(&f, from, to, width);
    }
    swap_images(im, spare);
}

static void scale_height(image *im, image *spare, int height) {
    void *memory = buffer_with_filter(spare, im->width, height, im->channels, filter_bytes(im->height, height));
    filter f = filter_make(memory, im->height, height);
    size_t row_bytes = (size_t)im->width * (size_t)im->channels;
    for (int y = 0; y < height; y++)
        scale_columns(&f, y, im->pixels, row_bytes, spare->pixels + (size_t)y * row_bytes);
    swap_images(im, spare);
}

void image_scale(image *im, image *spare, int width, int height) {
    if (width != im->width)
        scale_width(im, spare, width);
    if (height != im->height)
        scale_height(im, spare, height);
}

/* As torchvision: (size, size * long / short), the shorter side first; the larger is rounded down. */
static void resize_sides(int size, int *width, int *height) {
    int64_t w = *width, h = *height;
    *width = (int)(w <= h ? size : size * w / h);
    *height = (int)(w <= h ? size * h / w : size);
}

err resize_shape(const transform *t, shape *s) {
    if (s->h == 0)
        return OK;
    int width = (int)s->w, height = (int)s->h;
    resize_sides(t->size, &width, &height);
    s->w = width;
    s->h = height;
    return OK;
}

err resize_apply(const transform *t, image *im, image *spare, transform_draws d) {
    (void)d;
    int width = im->width, height = im->height;
    resize_sides(t->size, &width, &height);
    image_scale(im, spare, width, height);
    return OK;
}
