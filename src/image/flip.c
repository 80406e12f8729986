/* Mirrored pictures, with probability p. */
#include <string.h>

#include "image/transform.h"

typedef struct flip_options {
    double p;
} flip_options;

static const option rows[] = {{"p", OPTION_REAL, offsetof(flip_options, p), "0.5", .least = 0, .most = 1}};

static bool is_mirrored(const void *own, transform_draws d) {
    return transform_uniform(d, 0, 0, 1) < ((const flip_options *)own)->p;
}

static inline void mirror_row(uint8_t *row, int width, int channels) {
    uint8_t *left = row, *right = row + (size_t)(width - 1) * (size_t)channels;
    for (; left < right; left += channels, right -= channels)
        for (int c = 0; c < channels; c++) {
            uint8_t kept = left[c];
            left[c] = right[c];
            right[c] = kept;
        }
}

static void hflip_apply(const void *own, image *im, image *spare, transform_draws d) {
    (void)spare;
    if (!is_mirrored(own, d))
        return;
    for (int y = 0; y < im->height; y++) {
        uint8_t *row = im->pixels + (size_t)y * (size_t)im->width * (size_t)im->channels;
        if (im->channels == 3)
            mirror_row(row, im->width, 3); /* a constant: that is twice as fast */
        else
            mirror_row(row, im->width, im->channels);
    }
}

static void vflip_apply(const void *own, image *im, image *spare, transform_draws d) {
    if (!is_mirrored(own, d))
        return;
    size_t row = (size_t)im->width * (size_t)im->channels;
    image_resize_buffer(spare, im->width, 1, im->channels);
    uint8_t *top = im->pixels, *bottom = im->pixels + row * (size_t)(im->height - 1);
    for (; top < bottom; top += row, bottom -= row) {
        memcpy(spare->pixels, top, row);
        memcpy(top, bottom, row);
        memcpy(bottom, spare->pixels, row);
    }
}

const transform_kind transform_hflip = {
    .kind = {"hflip", rows, sizeof rows / sizeof *rows, sizeof(flip_options)},
    .apply = hflip_apply,
};

const transform_kind transform_vflip = {
    .kind = {"vflip", rows, sizeof rows / sizeof *rows, sizeof(flip_options)},
    .apply = vflip_apply,
};
