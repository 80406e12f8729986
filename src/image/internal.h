/* What the decoders share. Inside of the image room only. */
#ifndef SHOAL_IMAGE_INTERNAL_H
#define SHOAL_IMAGE_INTERNAL_H

#include "image/image.h"

/* RGB to one channel, in place. */
void image_to_grey(image *im);

/* Grey of 16 bits, the high byte first, in rows of twice the width, to 8 bits, in place. It is often grey of 8 in a wide file, with nothing
 * in the high bytes; then the low bytes are the picture, as for Pillow. Elsewhere the high bytes are (Pillow would show all but the
 * darkest 1/256 as white). */
void image_narrow(image *im);

/* CMYK as Adobe stores it, inverted, to RGB: Pillow's arithmetic, c * k / 255 rounded. They may lie in one place. */
static inline void cmyk_to_rgb(const uint8_t from[4], uint8_t to[3]) {
    int white = from[3];
    for (int c = 0; c < 3; c++) {
        int product = (255 - from[c]) * white + 128;
        int value = white - (((product >> 8) + product) >> 8);
        to[c] = (uint8_t)(value < 0 ? 0 : value);
    }
}

/* A part of a picture, in pixels. */
typedef struct window {
    int top, left, height, width;
} window;

/* Pixels of a picture that is decoded at `eighths`/8 of its size (1, 2, 4 or 8), which leaves ⌈width · eighths / 8⌉ columns. */
typedef struct image_region {
    int eighths;
    window part;
} image_region;

/* ---- picture files: the header first, then as much as is needed ---- */

typedef struct image_format image_format;

typedef struct image_file {
    const image_format *format;
    const uint8_t *bytes;
    size_t n_bytes;
    int channels;      /* to decode into, 1 or 3 */
    int width, height; /* as the picture is shown, that is, after its orientation */
    int orientation;   /* EXIF's, 1 to 8; a format may leave 0, for none */
    void *reader;      /* the format's own */
} image_file;

/* Reads the header. ERR_DATA with what is wrong, without a file name. Close in any case. */
err image_file_open(image_file *f, const uint8_t *bytes, size_t n_bytes, int channels);
void image_file_close(image_file *f);

/* For formats, once width, height and orientation are known: ERR_DATA for a picture without pixels, with more than Pillow takes (its limit
 * against bombs), or with so many that decoding needs more than 160 MiB and 20 times the file (a few bytes can claim gigabytes). */
err image_check_size(const image_file *f, int bytes_a_pixel);

/* Whether less than the whole can be decoded. */
bool image_file_has_parts(const image_file *f);

/* Decodes, once, at least the region, and sets it to what was decoded. The pixels are those of a decoder that decodes all. ERR_DATA. */
err image_file_decode(image_file *f, image *im, image_region *region);

/* How a format does it: width and height are those of the file then. */
struct image_format {
    const char *name;
    err (*open)(image_file *f);
    err (*decode)(image_file *f, image *im, image_region *region);
    void (*close)(image_file *f);
    bool has_parts;
};

extern const image_format image_format_jpeg, image_format_png, image_format_pnm, image_format_tiff, image_format_webp;

/* ---- EXIF ---- */

/* The orientation in an EXIF block (a TIFF header and its first directory, perhaps `Exif` before them); 1 where it means nothing, 0 where
 * there is none. */
int exif_orientation(const uint8_t *block, size_t size);

/* Of a PNG file, from its chunks; 1 where there is none. */
int png_orientation(const uint8_t *file, size_t size);

/* Turns a picture of that orientation so that it is shown upright. */
void image_turn(image *im, int orientation);

#endif
