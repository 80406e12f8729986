/* Samples of a TIFF picture to 8-bit pixels, with Pillow 9.4's arithmetic. */
#include "image/tiff.h"

#include <string.h>

/* Pillow's: cut off below and above; what is no number is black. */
static uint8_t from_float(float value) {
    return value >= 255 ? 255 : value > 0 ? (uint8_t)value : 0;
}

static size_t n_samples(const tiff_samples *s) {
    return (size_t)s->width * (size_t)s->height * (size_t)s->count;
}

/* The high bytes of 16 bits; floats cut off. In place. */
static void reduce(tiff_samples *s) {
    size_t count = n_samples(s);
    for (size_t i = 0; i < count && s->bits == 16; i++) {
        uint16_t value;
        memcpy(&value, s->data + 2 * i, sizeof value);
        s->data[i] = (uint8_t)(value >> 8);
    }
    for (size_t i = 0; i < count && s->bits == 32; i++) {
        float value;
        memcpy(&value, s->data + 4 * i, sizeof value);
        s->data[i] = from_float(value);
    }
}

/* ---- grey: what is behind the first sample is left out ---- */

static void put_wide_grey(const tiff_samples *s, int channels, image *im) {
    size_t count = (size_t)s->width * (size_t)s->height;
    image_resize_buffer(im, 2 * s->width, s->height, channels);
    uint8_t *to = im->pixels;
    for (size_t i = 0; i < count; i++) {
        uint16_t value;
        memcpy(&value, s->data + 2 * i * (size_t)s->count, sizeof value);
        value = s->inverted ? (uint16_t)~value : value;
        for (int c = 0; c < channels; c++, to += 2)
            to[0] = (uint8_t)(value >> 8), to[1] = (uint8_t)value;
    }
    image_narrow(im);
}

static void put_grey(tiff_samples *s, int channels, image *im) {
    size_t count = (size_t)s->width * (size_t)s->height;
    uint8_t scale = (uint8_t)(s->bits < 8 ? 255 / ((1 << s->bits) - 1) : 1);
    bool inverted = s->inverted && s->bits != 32;
    image_resize_buffer(im, s->width, s->height, channels);
    uint8_t *to = im->pixels;
    for (size_t i = 0; i < count; i++) {
        uint8_t value = (uint8_t)(s->data[i * (size_t)s->count] * scale);
        memset(to, inverted ? 255 - value : value, (size_t)channels);
        to += channels;
    }
}

/* ---- colours ---- */

static void palette_pixel(const tiff_samples *s, const uint8_t *from, uint8_t *to) {
    for (int c = 0; c < 3; c++)
        to[c] = (uint8_t)(s->palette[c][from[0]] >> 8);
}

static void rgb_pixel(const tiff_samples *s, const uint8_t *from, uint8_t *to) {
    int alpha = s->premultiplied ? from[3] : 255;
    for (int c = 0; c < 3; c++) {
        int value = alpha == 255 ? from[c] : alpha == 0 ? 0 : from[c] * 255 / alpha;
        to[c] = (uint8_t)(value < 255 ? value : 255);
    }
}

static void cmyk_pixel(const tiff_samples *s, const uint8_t *from, uint8_t *to) {
    (void)s;
    cmyk_to_rgb((const uint8_t[]){255 - from[0], 255 - from[1], 255 - from[2], 255 - from[3]}, to);
}

static void put_colors(tiff_samples *s, image *im) {
    static void (*const makers[])(const tiff_samples *, const uint8_t *,
                                  uint8_t *) = {[TIFF_PALETTE] = palette_pixel, [TIFF_RGB] = rgb_pixel, [TIFF_CMYK] = cmyk_pixel};
    size_t count = (size_t)s->width * (size_t)s->height;
    image_resize_buffer(im, s->width, s->height, 3);
    for (size_t i = 0; i < count; i++)
        makers[s->colors](s, s->data + i * (size_t)s->count, im->pixels + 3 * i);
}

void tiff_to_pixels(tiff_samples *s, int channels, image *im) {
    bool grey = s->colors == TIFF_GREY;
    if (grey && s->bits == 16) {
        put_wide_grey(s, channels, im);
        return;
    }
    reduce(s);
    if (grey)
        put_grey(s, channels, im);
    else
        put_colors(s, im);
}
