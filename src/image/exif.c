/* The orientation of a picture, from its EXIF block (Exif 2.3, section 4.6: a TIFF header, then a directory of entries of 12 bytes), read
 * as Pillow 9.4 reads it: the directory ends where an entry points out of the block, the last of several orientations counts. Of all that
 * EXIF holds only this one number is wanted, and from every picture: a library would read the rest of the block as well, camera makers'
 * notes and all. */
#include "image/internal.h"

#include <string.h>

enum { ORIENTATION_TAG = 0x0112, ENTRY = 12, ENTRY_VALUE = 8, INLINE_BYTES = 4, DIRECTORY_AT = 4, HEADER = 8 };

typedef struct exif_block {
    const uint8_t *bytes;
    size_t size;
    bool big_endian;
} exif_block;

/* TIFF's types of values: bytes of one, and whether it is a whole number that Pillow takes for an orientation (a BYTE is text to it). */
typedef struct exif_type {
    uint8_t width;
    bool whole;
} exif_type;
static const exif_type types[] = {
    [1] = {1, false}, [2] = {1, false}, [3] = {2, true},   [4] = {4, true},   [5] = {8, false},  [6] = {1, true},  [7] = {1, false},
    [8] = {2, true},  [9] = {4, true},  [10] = {8, false}, [11] = {4, false}, [12] = {8, false}, [13] = {4, true}, [16] = {8, true}};

static bool is_within(const exif_block *b, uint64_t at, uint64_t bytes) {
    return at <= b->size && bytes <= b->size - at;
}

/* A number of `width` bytes that lie within the block. */
static uint64_t number_at(const exif_block *b, size_t at, size_t width) {
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | b->bytes[at + (b->big_endian ? i : width - 1 - i)];
    return number;
}

/* Looks at the entry at `at`; sets *orientation where it is one. False where its value lies outside of the block. */
static bool read_entry(const exif_block *b, size_t at, int *orientation) {
    uint64_t tag = number_at(b, at, 2), type = number_at(b, at + 2, 2), count = number_at(b, at + 4, 4);
    exif_type t = type < sizeof types / sizeof *types ? types[type] : (exif_type){0, false};
    uint64_t bytes = count * t.width, value_at = at + ENTRY_VALUE;
    if (bytes > INLINE_BYTES)
        value_at = number_at(b, value_at, 4);
    if (bytes > INLINE_BYTES && !is_within(b, value_at, bytes))
        return false;
    if (tag != ORIENTATION_TAG || bytes == 0)
        return true;
    uint64_t value = t.whole ? number_at(b, value_at, t.width) : 0;
    *orientation = value >= 1 && value <= 8 ? (int)value : 1;
    return true;
}

int exif_orientation(const uint8_t *block, size_t size) {
    static const char head[] = "Exif\0"; /* six bytes, in front of the block in JPEG files */
    if (size >= sizeof head && memcmp(block, head, sizeof head) == 0)
        block += sizeof head, size -= sizeof head;
    if (size < HEADER || block[0] != block[1] || (block[0] != 'I' && block[0] != 'M'))
        return 0;
    exif_block b = {block, size, block[0] == 'M'};
    size_t directory = (size_t)number_at(&b, DIRECTORY_AT, 4);
    if (!is_within(&b, directory, 2))
        return 0;
    uint64_t entries = number_at(&b, directory, 2);
    int orientation = 0;
    for (uint64_t i = 0; i < entries; i++) {
        size_t at = directory + 2 + (size_t)i * ENTRY;
        if (!is_within(&b, at, ENTRY) || !read_entry(&b, at, &orientation))
            break;
    }
    return orientation;
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
