/* JPEG pictures through TurboJPEG. */
#include "data/image.h"

#include <string.h>
#include <turbojpeg.h>

/* CMYK as Adobe stores it, inverted, to RGB, in place: Pillow's arithmetic, c * k / 255 rounded. */
static void cmyk_to_rgb(image *im) {
    const uint8_t *from = im->pixels;
    uint8_t *to = im->pixels;
    size_t count = (size_t)im->width * (size_t)im->height;
    for (size_t i = 0; i < count; i++, from += 4, to += 3) {
        int white = from[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - from[c]) * white + 128;
            int value = white - (((product >> 8) + product) >> 8);
            to[c] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
    im->channels = 3;
}

/* Whether the end marker is missing, so that the picture's end is missing too. */
static bool lacks_end(const uint8_t *bytes, size_t n_bytes) {
    for (size_t i = n_bytes; i >= 2; i--)
        if (bytes[i - 2] == 0xff && bytes[i - 1] == 0xd9)
            return false;
    return true;
}

/* Warnings tell of odd but whole pictures, and of pictures cut off; only these are errors. */
static err check_outcome(tjhandle decoder, int status, const uint8_t *bytes, size_t n_bytes) {
    if (status == 0)
        return OK;
    const char *text = tjGetErrorStr2(decoder);
    if (strstr(text, "Premature end of JPEG file") || lacks_end(bytes, n_bytes))
        return fail(ERR_DATA, "truncated JPEG picture");
    if (tjGetErrorCode(decoder) == TJERR_WARNING)
        return OK;
    return fail(ERR_DATA, "JPEG picture cannot be decoded: %s", text);
}

static int pixel_format(int colors, int channels) {
    if (colors == TJCS_CMYK || colors == TJCS_YCCK)
        return TJPF_CMYK;
    return channels == 1 && colors == TJCS_GRAY ? TJPF_GRAY : TJPF_RGB;
}

static err decode(tjhandle decoder, image *im, const uint8_t *bytes, size_t n_bytes, int channels) {
    int width = 0, height = 0, sampling, colors;
    int status = tjDecompressHeader3(decoder, bytes, n_bytes, &width, &height, &sampling, &colors);
    err code = check_outcome(decoder, status, bytes, n_bytes);
    if (code == OK)
        code = width && height ? image_check_size(width, height) : fail(ERR_DATA, "JPEG file without a picture");
    if (code != OK)
        return code;
    int format = pixel_format(colors, channels);
    image_resize_buffer(im, width, height, tjPixelSize[format]);
    status = tjDecompress2(decoder, bytes, n_bytes, im->pixels, width, 0, height, format, 0);
    return check_outcome(decoder, status, bytes, n_bytes);
}

err image_decode_jpeg(image *im, const uint8_t *bytes, size_t n_bytes, int channels) {
    tjhandle decoder = tjInitDecompress(); /* takes less than a microsecond, so none is kept */
    if (!decoder)
        return fail(ERR_BROKEN, "out of memory: JPEG decoder");
    err code = decode(decoder, im, bytes, n_bytes, channels);
    tjDestroy(decoder);
    if (code != OK)
        return code;
    if (im->channels == 4)
        cmyk_to_rgb(im);
    if (im->channels == 3 && channels == 1)
        image_to_grey(im);
    return OK;
}
