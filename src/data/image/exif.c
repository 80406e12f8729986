/* The orientation of a picture, from its EXIF block (Exif 2.3, section 4.6: a TIFF header, then a directory of entries of 12 bytes). Of all
 * that EXIF holds only this one number is wanted, and from every picture: a library would read the rest of the block as well, camera
 * makers' notes and all. */
#include "data/image/image.h"

enum { ORIENTATION_TAG = 0x0112, TYPE_BYTE = 1, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY = 12, DIRECTORY_AT = 4, HEADER = 8 };

typedef struct exif_block {
    const uint8_t *bytes;
    size_t size;
    bool big_endian;
} exif_block;

/* A number of `width` bytes; 0 where the block ends before. */
static uint32_t number_at(const exif_block *b, size_t at, size_t width) {
    uint32_t number = 0;
    if (at > b->size || width > b->size - at)
        return 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | b->bytes[at + (b->big_endian ? i : width - 1 - i)];
    return number;
}

static size_t width_of(uint32_t type) {
    return type == TYPE_BYTE ? 1 : type == TYPE_SHORT ? 2 : type == TYPE_LONG ? 4 : 0;
}

int exif_orientation(const uint8_t *block, size_t size) {
    if (size < HEADER || block[0] != block[1] || (block[0] != 'I' && block[0] != 'M'))
        return 1;
    exif_block b = {block, size, block[0] == 'M'};
    size_t directory = number_at(&b, DIRECTORY_AT, 4);
    uint32_t entries = number_at(&b, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + (size_t)i * ENTRY;
        if (number_at(&b, entry, 2) != ORIENTATION_TAG)
            continue;
        uint32_t value = number_at(&b, entry + 8, width_of(number_at(&b, entry + 2, 2)));
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

void image_turn(image *im, int orientation) {
    bool swapped = orientation >= 5, from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    image turned = {0};
    image_resize_buffer(&turned, swapped ? im->height : im->width, swapped ? im->width : im->height, im->channels);
    uint8_t *to = turned.pixels;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++) {
            int column = swapped ? y : x, row = swapped ? x : y;
            column = from_right ? im->width - 1 - column : column;
            row = from_below ? im->height - 1 - row : row;
            const uint8_t *from = im->pixels + ((size_t)row * (size_t)im->width + (size_t)column) * (size_t)im->channels;
            for (int c = 0; c < im->channels; c++)
                *to++ = from[c];
        }
    image_reset(im);
    *im = turned;
}
