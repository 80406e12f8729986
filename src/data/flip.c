/* Mirrored pictures, with probability p. */
#include <string.h>

#include "data/transform.h"

static void swap_pixels(uint8_t *a, uint8_t *b, int channels) {
    for (int c = 0; c < channels; c++) {
        uint8_t kept = a[c];
        a[c] = b[c];
        b[c] = kept;
    }
}

void hflip_apply(const transform *t, image *im, image *spare, transform_draws d) {
    (void)spare;
    if (transform_uniform(d, 0, 0, 1) >= t->p)
        return;
    for (int y = 0; y < im->height; y++) {
        uint8_t *left = im->pixels + (size_t)y * (size_t)im->width * (size_t)im->channels;
        uint8_t *right = left + (size_t)(im->width - 1) * (size_t)im->channels;
        for (; left < right; left += im->channels, right -= im->channels)
            swap_pixels(left, right, im->channels);
    }
}

void vflip_apply(const transform *t, image *im, image *spare, transform_draws d) {
    if (transform_uniform(d, 0, 0, 1) >= t->p)
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
