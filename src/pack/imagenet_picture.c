/* One picture of ImageNet: what is odd about it, and what of it goes into the set. */
#include "image/image.h"
#include "pack/imagenet.h"

#include <string.h>
#include <strings.h>

const oddity_name oddity_names[] = {
    {ODD_PNG, "PNG"},
    {ODD_GREY, "grey"},
    {ODD_CMYK, "CMYK"},
    {ODD_PROGRESSIVE, "progressive"},
    {ODD_ARITHMETIC, "arithmetic coding"},
    {ODD_DEEP, "more than 8 bits"},
    {ODD_TURNED, "turned by EXIF"},
    {ODD_NAME, "wrongly named"},
    {ODD_REENCODED, "re-encoded"},
    {ODD_LEFT_OUT, "left out"},
};
const int n_oddities = sizeof oddity_names / sizeof *oddity_names;

static uint32_t read_u16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

/* What a start-of-frame segment says (ITU-T T.81, B.2.2): precision, height, width, components. Only grey and colour as YCbCr or RGB is
 * usual. */
static uint32_t frame_oddities(int marker, const uint8_t *frame) {
    int kind = marker & 15, components = frame[5];
    uint32_t odd = 0;
    odd |= kind == 2 || kind == 6 || kind == 10 || kind == 14 ? ODD_PROGRESSIVE : 0;
    odd |= kind > 8 ? ODD_ARITHMETIC : 0;
    odd |= frame[0] > 8 ? ODD_DEEP : 0;
    odd |= components == 1 ? ODD_GREY : components == 4 ? ODD_CMYK : 0;
    return odd;
}

static bool is_frame(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* Goes from segment to segment up to the frame, over junk between them as decoders do. */
static uint32_t jpeg_oddities(const uint8_t *bytes, size_t size) {
    for (size_t at = 2; at + 10 < size;) {
        int marker = bytes[at] == 0xFF ? bytes[at + 1] : 0;
        if (is_frame(marker))
            return frame_oddities(marker, bytes + at + 4);
        if (marker == 0xDA)
            return 0;
        bool bare = marker == 0 || marker == 0xFF || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9);
        at += bare ? 1 : 2 + read_u16(bytes + at + 2);
    }
    return 0;
}

/* IHDR: width, height, depth, type of colour (bit 1: colour). */
static uint32_t png_oddities(const uint8_t *bytes, size_t size) {
    if (size < 26)
        return ODD_PNG;
    return ODD_PNG | (bytes[24] > 8 ? ODD_DEEP : 0) | (bytes[25] & 2 ? 0 : ODD_GREY);
}

static bool ends_as_png(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && strcasecmp(dot, ".png") == 0;
}

uint32_t picture_oddities(const byte_buffer *file, const char *name) {
    bool png = file->size >= 8 && memcmp(file->bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
    uint32_t odd = png ? png_oddities(file->bytes, file->size) : file->size > 2 ? jpeg_oddities(file->bytes, file->size) : 0;
    odd |= image_is_turned(file->bytes, file->size) ? ODD_TURNED : 0;
    return odd | (png != ends_as_png(name) ? ODD_NAME : 0);
}

static int scaled(int side, int most, int longer) {
    int s = (int)(((int64_t)side * most + longer / 2) / longer);
    return s > 0 ? s : 1;
}

err picture_keep(const byte_buffer *file, keep_rule rule, uint32_t *odd, picture_tools *t, byte_buffer *kept) {
    kept->size = 0;
    bool small_grey = rule.most_side && (*odd & ODD_GREY) && !(*odd & ODD_PNG);
    err code = image_decode(&t->picture, file->bytes, file->size, small_grey ? 1 : IMAGENET_CHANNELS);
    int width = t->picture.width, height = t->picture.height, longer = width > height ? width : height;
    if (code || rule.most_side == 0 || longer <= rule.most_side)
        return code;
    *odd |= ODD_REENCODED;
    image_scale(&t->picture, &t->spare, scaled(width, rule.most_side, longer), scaled(height, rule.most_side, longer));
    return jpeg_encode(&t->picture, rule.quality, kept);
}
