/* Mirrored pictures, with probability p. */
#include <string.h>

#include "image/transform.h"

static inline void mirror_row(uint8_t *row, int width, int channels) {
    uint8_t *left = row, *right = row + (size_t)(width - 1) * (size_t)channels;
    for (; left < right; left += channels, right -= channels)
        for (int c = 0; c < channels; c++) {
            uint8_t kept = left[c];
            left[c] = right[c];
            right[c] = kept;
        }
}

void hflip_apply(const transform *t, image *im, image *spare, transform_draws d) {
    (void)spare;
    if (transform_uniform(d, 0, 0, 1) >= t->p)
        return;
    for (int y = 0; y < im->height; y++) {
        uint8_t *row = im->pixels + (size_t)y * (size_t)im->width * (size_t)im->channels;
        if (im->channels == 3)
            mirror_row(row, im->width, 3); /* a constant: that is twice as fast */
        else
            mirror_row(row, im->width, im->channels);
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
