/* Pictures: their buffers, and which decoder reads which bytes. */
#include "data/image.h"

#include <inttypes.h>
#include <string.h>

void image_reset(image *im) {
    mem_free(im->pixels);
    *im = (image){0};
}

void image_resize_buffer(image *im, int width, int height, int channels) {
    size_t bytes = (size_t)width * (size_t)height * (size_t)channels;
    if (bytes > im->capacity) {
        mem_free(im->pixels);
        im->pixels = mem_new(bytes, 1);
        im->capacity = bytes;
    }
    im->width = width;
    im->height = height;
    im->channels = channels;
}

void image_from_pixels(image *im, const uint8_t *pixels, shape s) {
    image_resize_buffer(im, (int)s.w, (int)s.h, (int)s.c);
    memcpy(im->pixels, pixels, (size_t)shape_size(s));
}

err image_check_size(int64_t width, int64_t height) {
    const int64_t most = INT64_C(1) << 28;
    if (width < 1 || height < 1)
        return fail(ERR_DATA, "its header says %" PRId64 " x %" PRId64 " pixels", width, height);
    if (width > most / height)
        return fail(ERR_DATA, "its header says %" PRId64 " x %" PRId64 " pixels, more than 2^28", width, height);
    return OK;
}

void image_to_grey(image *im) {
    const uint8_t *rgb = im->pixels;
    size_t count = (size_t)im->width * (size_t)im->height;
    for (size_t i = 0; i < count; i++, rgb += 3)
        im->pixels[i] = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 32768u) >> 16);
    im->channels = 1;
}

typedef struct signature {
    const char *bytes;
    size_t n_bytes, at;
    const char *name;
    err (*decode)(image *im, const uint8_t *bytes, size_t n_bytes, int channels);
} signature;

/* How files of the usual formats begin; those without a decoder are known only to be named. */
static const signature signatures[] = {
    {"\xff\xd8", 2, 0, "JPEG", image_decode_jpeg},
    {"\x89PNG\r\n\x1a\n", 8, 0, "PNG", image_decode_png},
    {"GIF8", 4, 0, "GIF", NULL},
    {"WEBP", 4, 8, "WebP", NULL},
    {"BM", 2, 0, "BMP", NULL},
    {"II*\0", 4, 0, "TIFF", NULL},
    {"MM\0*", 4, 0, "TIFF", NULL},
    {"ftypavif", 8, 4, "AVIF", NULL},
    {"ftyphei", 7, 4, "HEIF", NULL},
};

static const signature *recognise(const uint8_t *bytes, size_t n_bytes) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        if (n_bytes >= s->at + s->n_bytes && memcmp(bytes + s->at, s->bytes, s->n_bytes) == 0)
            return s;
    }
    return NULL;
}

err image_decode(image *im, const uint8_t *bytes, size_t n_bytes, int channels) {
    if (n_bytes == 0)
        return fail(ERR_DATA, "the file is empty");
    const signature *s = recognise(bytes, n_bytes);
    if (!s)
        return fail(ERR_DATA, "neither JPEG nor PNG");
    if (!s->decode)
        return fail(ERR_DATA, "a %s picture; JPEG and PNG can be read", s->name);
    return s->decode(im, bytes, n_bytes, channels);
}

err image_read(image *im, const char *path, int channels) {
    byte_buffer file = {0};
    err code = byte_buffer_read(&file, path);
    if (code == OK) {
        code = image_decode(im, file.bytes, file.size, channels);
        if (code != OK)
            err_prefix("%s", path);
    }
    byte_buffer_reset(&file);
    return code;
}
