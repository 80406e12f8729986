/* image: pictures: decoding, encoding, and the transforms of augmentation. */
#ifndef SHOAL_IMAGE_H
#define SHOAL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "tensor/tensor.h"

/* ---- pictures ---- */

/* 8-bit pixels, rows of width * channels bytes. The buffer grows as needed and is kept. Zero-initialise; image_reset() frees. */
typedef struct image {
    int width, height, channels;
    uint8_t *pixels;
    size_t capacity; /* bytes of pixels */
} image;

void image_reset(image *im);
void image_resize_buffer(image *im, int width, int height, int channels); /* content undefined */

/* Decodes a JPEG, PNG, TIFF, WebP or PNM file into `channels` (1 or 3) channels: grey, palette, alpha, 16-bit and CMYK pictures are
 * converted as Pillow's convert("RGB") and convert("L") do, and turned as EXIF says. Recognised by content, not by name. Errors: ERR_DATA
 * with what is wrong, without a file name. */
err image_decode(image *im, const uint8_t *bytes, size_t n_bytes, int channels);

/* Pillow's resize((width, height), BILINEAR), bit for bit. `spare` holds what lies between. */
void image_scale(image *im, image *spare, int width, int height);

/* Writes a picture of 1 or 3 channels as PNG. ERR_IO. */
err image_write_png(const image *im, const char *path);

/* A copy of pixels of a known shape. */
void image_from_pixels(image *im, const uint8_t *pixels, shape s);

/* The grey of a pixel with Pillow's integers (ITU-R 601-2 luma): L = (19595 R + 38470 G + 7471 B + 2^15) / 2^16. */
static inline uint8_t pixel_grey(const uint8_t rgb[3]) {
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 32768u) >> 16);
}

/* The name of the format that a file beginning with these bytes has, whether it can be read here or not; NULL where it is no picture. */
const char *image_format_of(const uint8_t *bytes, size_t n_bytes);

/* Whether EXIF says that the picture of the file is shown in another way than it is stored. */
bool image_is_turned(const uint8_t *bytes, size_t n_bytes);

/* Encodes a picture of 1 or 3 channels with chroma at half resolution, as most programs do; by integers, so that the bits are the same
 * everywhere. ERR_DATA. */
err jpeg_encode(const image *im, int quality, byte_buffer *to);

/* ---- augmentation: a list of transforms, torchvision's ---- */

/* One of the kinds below with its options. */
typedef option_item transform;

/* The kinds that a job's lists may name; NULL behind the last. */
const option_kind *transform_kind_at(int index);

/* The shape that the transforms make of a picture of shape `in` (zero where pictures differ in size). ERR_USAGE where the result has no
 * fixed shape, or a crop is larger than a fixed picture. */
err transforms_shape(const transform *list, int count, shape in, shape *out);

/* Makes what the list makes of a stored picture. `stored` is the picture's shape where `record` holds pixels; height and width are 0
 * where it is a picture's file, which is decoded into stored.c (1 or 3) channels: only those rows and columns that the first transforms
 * leave, at the smallest scale that serves them. Random draws and all choices are functions of record and key alone. The result is in
 * `im`. ERR_DATA, without the sample's name. */
err transforms_load(const transform *list, int count, const byte_buffer *record, shape stored, rng_key key, image *im, image *spare);

/* Applies the list to `im`, using `spare`. The result is in `im`. Random draws are functions of the key alone. ERR_DATA where a picture is
 * too small for a crop. */
err transforms_apply(const transform *list, int count, image *im, image *spare, rng_key key);

#endif
