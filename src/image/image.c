/* Pictures: their buffers, and which decoder reads which bytes. */
#include "image/internal.h"

#include <inttypes.h>
#include <string.h>

enum { IMAGE_SLACK = 64 }; /* vectors may reach beyond the last pixel */

void image_reset(image *im) {
    mem_free(im->pixels);
    *im = (image){0};
}

void image_resize_buffer(image *im, int width, int height, int channels) {
    size_t bytes = (size_t)width * (size_t)height * (size_t)channels;
    if (bytes > im->capacity) {
        mem_free(im->pixels);
        im->pixels = mem_new(bytes + IMAGE_SLACK, 1);
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

err image_check_size(const image_file *f, int bytes_a_pixel) {
    const int64_t most_pixels = 178956970, free_bytes = 160 << 20, times_file = 20;
    int64_t width = f->width, height = f->height;
    if (width < 1 || height < 1)
        return fail(ERR_DATA, "its header says %" PRId64 " x %" PRId64 " pixels", width, height);
    if (width > most_pixels / height)
        return fail(ERR_DATA, "its header says %" PRId64 " x %" PRId64 " pixels, more than %" PRId64, width, height, most_pixels);
    int64_t bytes = width * height * bytes_a_pixel * (f->orientation > 1 ? 2 : 1), file = (int64_t)f->n_bytes;
    if (bytes > free_bytes && bytes / times_file > file)
        return fail(ERR_DATA, "its header says %" PRId64 " x %" PRId64 " pixels, too many for a file of %" PRId64 " bytes", width, height,
                    file);
    return OK;
}

void image_to_grey(image *im) {
    const uint8_t *rgb = im->pixels;
    size_t count = (size_t)im->width * (size_t)im->height;
    for (size_t i = 0; i < count; i++, rgb += 3)
        im->pixels[i] = pixel_grey(rgb);
    im->channels = 1;
}

void image_narrow(image *im) {
    size_t count = (size_t)im->width / 2 * (size_t)im->height * (size_t)im->channels;
    uint8_t high = 0;
    for (size_t i = 0; i < count; i++)
        high |= im->pixels[2 * i];
    for (size_t i = 0; i < count; i++)
        im->pixels[i] = im->pixels[2 * i + (high == 0)];
    im->width /= 2;
}

typedef struct signature {
    const char *bytes;
    size_t n_bytes, at;
    const char *name;
    const image_format *format;
} signature;

/* How files of the usual formats begin; those without a decoder are known only to be named. */
static const signature signatures[] = {
    {"\xff\xd8", 2, 0, "JPEG", &image_format_jpeg},
    {"\x89PNG\r\n\x1a\n", 8, 0, "PNG", &image_format_png},
    {"II*\0", 4, 0, "TIFF", &image_format_tiff},
    {"MM\0*", 4, 0, "TIFF", &image_format_tiff},
    {"II+\0", 4, 0, "TIFF", &image_format_tiff},
    {"MM\0+", 4, 0, "TIFF", &image_format_tiff},
    {"WEBP", 4, 8, "WebP", &image_format_webp},
    {"P", 1, 0, "PNM", &image_format_pnm}, /* and what is_pnm() asks for */
    {"GIF8", 4, 0, "GIF", NULL},
    {"BM", 2, 0, "BMP", NULL},
    {"ftypavif", 8, 4, "AVIF", NULL},
    {"ftyphei", 7, 4, "HEIF", NULL},
};

/* A digit, and white space or a comment: P alone begins many texts. */
static bool is_pnm(const uint8_t *bytes, size_t n_bytes) {
    return n_bytes > 2 && bytes[1] >= '1' && bytes[1] <= '6' && memchr(" \t\n\v\f\r#", bytes[2], 7);
}

static const signature *recognise(const uint8_t *bytes, size_t n_bytes) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        bool fits = n_bytes >= s->at + s->n_bytes && memcmp(bytes + s->at, s->bytes, s->n_bytes) == 0;
        if (fits && (s->format != &image_format_pnm || is_pnm(bytes, n_bytes)))
            return s;
    }
    return NULL;
}

const char *image_format_of(const uint8_t *bytes, size_t n_bytes) {
    const signature *s = recognise(bytes, n_bytes);
    return s ? s->name : NULL;
}

/* Orientations 5 to 8 have rows for columns. */
static bool lies_on_its_side(const image_file *f) {
    return f->orientation >= 5;
}

static void swap_sides(image_file *f) {
    int width = f->width;
    f->width = f->height;
    f->height = width;
}

err image_file_open(image_file *f, const uint8_t *bytes, size_t n_bytes, int channels) {
    *f = (image_file){.bytes = bytes, .n_bytes = n_bytes, .channels = channels, .orientation = 1};
    if (n_bytes == 0)
        return fail(ERR_DATA, "the file is empty");
    const signature *s = recognise(bytes, n_bytes);
    if (!s)
        return fail(ERR_DATA, "neither JPEG, PNG, TIFF, WebP nor PNM");
    if (!s->format)
        return fail(ERR_DATA, "a %s picture; JPEG, PNG, TIFF, WebP and PNM can be read", s->name);
    f->format = s->format;
    err code = f->format->open(f);
    if (f->orientation == 0)
        f->orientation = 1;
    if (lies_on_its_side(f))
        swap_sides(f);
    return code;
}

void image_file_close(image_file *f) {
    if (f->format)
        f->format->close(f);
}

/* Turned pictures are rare enough to be decoded whole. */
bool image_file_has_parts(const image_file *f) {
    return f->format->has_parts && f->orientation == 1;
}

err image_file_decode(image_file *f, image *im, image_region *region) {
    if (!image_file_has_parts(f))
        *region = (image_region){8, {0, 0, f->height, f->width}};
    image_region stored = *region;
    if (lies_on_its_side(f))
        stored.part = (window){0, 0, f->width, f->height};
    err code = f->format->decode(f, im, &stored);
    if (code != OK)
        return code;
    if (im->channels == 3 && f->channels == 1)
        image_to_grey(im);
    if (f->orientation == 1)
        *region = stored;
    else
        image_turn(im, f->orientation);
    return OK;
}

err image_decode(image *im, const uint8_t *bytes, size_t n_bytes, int channels) {
    image_file f;
    err code = image_file_open(&f, bytes, n_bytes, channels);
    if (code == OK)
        code = image_file_decode(&f, im, &(image_region){8, {0, 0, f.height, f.width}});
    image_file_close(&f);
    return code;
}

bool image_is_turned(const uint8_t *bytes, size_t n_bytes) {
    image_file f;
    bool turned = image_file_open(&f, bytes, n_bytes, 3) == OK && f.orientation > 1;
    image_file_close(&f);
    return turned;
}
