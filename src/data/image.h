/* Pictures in: what the decoders and the makers of data sets share. Inside of the data room only. */
#ifndef SHOAL_DATA_IMAGE_H
#define SHOAL_DATA_IMAGE_H

#include "data/data.h"

/* Room for `size` bytes; content undefined. */
void byte_buffer_resize(byte_buffer *b, size_t size);

/* The whole of a file. ERR_IO; the text names the file. */
err byte_buffer_read(byte_buffer *b, const char *path);

/* ERR_DATA for a picture without pixels, or with more than any real one has (a few bytes can claim gigabytes). */
err image_check_size(int64_t width, int64_t height);

/* A copy of pixels of a known shape. */
void image_from_pixels(image *im, const uint8_t *pixels, shape s);

/* RGB to one channel, in place, with Pillow's integers (ITU-R 601-2 luma): L = (19595 R + 38470 G + 7471 B + 2^15) / 2^16. */
void image_to_grey(image *im);

/* The two formats. Each leaves `channels` (1 or 3) channels. */
err image_decode_jpeg(image *im, const uint8_t *bytes, size_t n_bytes, int channels);
err image_decode_png(image *im, const uint8_t *bytes, size_t n_bytes, int channels);

/* Encodes a picture of 1 or 3 channels with chroma at half resolution, as most programs do; by integers, so that the bits are the same
 * everywhere. ERR_DATA. */
err jpeg_encode(const image *im, int quality, byte_buffer *to);

#endif
