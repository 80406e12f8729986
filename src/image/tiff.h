/* TIFF pictures: what the reader of their samples and the makers of pixels share. Inside of the image room only. */
#ifndef SHOAL_IMAGE_TIFF_H
#define SHOAL_IMAGE_TIFF_H

#include "image/internal.h"

typedef enum tiff_colors { TIFF_GREY, TIFF_PALETTE, TIFF_RGB, TIFF_CMYK } tiff_colors;

/* What a file stores, in this machine's byte order. Samples of less than 8 bits have a byte each. */
typedef struct tiff_samples {
    int width, height, count; /* samples a pixel */
    int bits;                 /* 1, 2, 4, 8, 16; 32: float */
    tiff_colors colors;
    bool inverted;              /* grey whose 0 is white */
    bool premultiplied;         /* RGB by the fourth sample */
    const uint16_t *palette[3]; /* [2^bits] */
    uint8_t *data;              /* [height][width][count] */
} tiff_samples;

/* The samples as 8-bit pixels: grey in `channels` channels, other colours in 3. Changes them. */
void tiff_to_pixels(tiff_samples *s, int channels, image *im);

#endif
