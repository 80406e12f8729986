/* TIFF pictures through libtiff: strips or tiles, samples side by side or in planes, in any compression that the library has. */
#include "image/tiff.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

typedef struct tiff_reader {
    TIFF *tiff;
    const uint8_t *bytes;
    uint64_t n_bytes, at;
    char text[160]; /* what the library complained of first */
    tiff_samples samples;
    bool is_ycc; /* the library makes RGB of it, and alpha */
    bool planes; /* each sample has strips or tiles of its own */
} tiff_reader;

/* ---- the file is in memory ---- */

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t size) {
    tiff_reader *r = handle;
    uint64_t left = r->at < r->n_bytes ? r->n_bytes - r->at : 0, n = (uint64_t)size < left ? (uint64_t)size : left;
    memcpy(to, r->bytes + (n ? r->at : 0), n);
    r->at += n;
    return (tmsize_t)n;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t size) {
    (void)handle, (void)from, (void)size;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t to, int whence) {
    tiff_reader *r = handle;
    r->at = to + (whence == SEEK_CUR ? r->at : whence == SEEK_END ? r->n_bytes : 0);
    return r->at;
}

static int close_nothing(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle) {
    return ((tiff_reader *)handle)->n_bytes;
}

static int map(thandle_t handle, void **bytes, toff_t *size) {
    tiff_reader *r = handle;
    *bytes = (void *)r->bytes;
    *size = r->n_bytes;
    return 1;
}

static void unmap(thandle_t handle, void *bytes, toff_t size) {
    (void)handle, (void)bytes, (void)size;
}

/* ---- complaints: the library has one place for them in the whole process, and says whose they are ---- */

__attribute__((format(printf, 3, 0))) static void on_error(thandle_t handle, const char *module, const char *format, va_list list) {
    tiff_reader *r = handle;
    (void)module;
    if (r && !r->text[0])
        vsnprintf(r->text, sizeof r->text, format, list);
}

static void take_complaints(void) {
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    TIFFSetErrorHandlerExt(on_error);
}

static err cannot(const tiff_reader *r) {
    return fail(ERR_DATA, "TIFF picture cannot be decoded: %s", r->text[0] ? r->text : "it is damaged");
}

/* ---- the header ---- */

static uint16_t tag_value(const tiff_reader *r, uint32_t tag) {
    uint16_t value = 0;
    TIFFGetFieldDefaulted(r->tiff, tag, &value);
    return value;
}

static err check_bits(const tiff_reader *r) {
    int bits = r->samples.bits, format = tag_value(r, TIFFTAG_SAMPLEFORMAT);
    bool whole = (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) && bits <= 16 && (bits & (bits - 1)) == 0 && bits > 0;
    if (whole || (format == SAMPLEFORMAT_IEEEFP && bits == 32))
        return OK;
    return fail(ERR_DATA, "a TIFF picture of %d-bit %s; whole numbers from 0 of 1, 2, 4, 8 and 16 bits and floats of 32 can be read", bits,
                format == SAMPLEFORMAT_IEEEFP ? "floats"
                : format == SAMPLEFORMAT_INT  ? "signed numbers"
                                              : "numbers");
}

static err check_count(const tiff_samples *s, int least, int most, const char *colors) {
    if (s->count >= least && s->count <= most)
        return OK;
    return fail(ERR_DATA, "a TIFF picture of %d channels, in %s; grey, RGB, CMYK and palettes can be read", s->count, colors);
}

/* Colours need their samples; what is behind these is left out, alpha too. */
static err find_colors(tiff_reader *r) {
    tiff_samples *s = &r->samples;
    uint16_t photometric = tag_value(r, TIFFTAG_PHOTOMETRIC), n_extra = 0, *extra = NULL, **p = (uint16_t **)s->palette;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
    switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        s->colors = TIFF_GREY;
        s->inverted = photometric == PHOTOMETRIC_MINISWHITE;
        return check_count(s, 1, 2, "grey");
    case PHOTOMETRIC_PALETTE:
        s->colors = TIFF_PALETTE;
        if (s->bits > 8 || !TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &p[0], &p[1], &p[2]))
            return fail(ERR_DATA, "a TIFF picture whose palette is missing, or has more than 256 colours");
        return check_count(s, 1, 2, "a palette");
    case PHOTOMETRIC_RGB:
        s->colors = TIFF_RGB;
        s->premultiplied = n_extra > 0 && s->count > 3 && s->bits <= 16 && extra[0] == EXTRASAMPLE_ASSOCALPHA;
        return s->bits < 8 ? fail(ERR_DATA, "a TIFF picture in RGB of %d bits; 8, 16 and 32 can be read", s->bits)
                           : check_count(s, 3, 16, "RGB");
    case PHOTOMETRIC_SEPARATED:
        s->colors = TIFF_CMYK;
        return s->bits < 8 ? fail(ERR_DATA, "a TIFF picture in CMYK of %d bits; 8, 16 and 32 can be read", s->bits)
                           : check_count(s, 4, 16, "CMYK");
    case PHOTOMETRIC_YCBCR:
        r->is_ycc = true;
        return OK;
    }
    return fail(ERR_DATA, "a TIFF picture whose colours are of kind %d; grey, RGB, CMYK, YCbCr and palettes can be read", photometric);
}

static int sample_bytes(const tiff_samples *s) {
    return s->bits <= 8 ? 1 : s->bits / 8;
}

static err read_header(image_file *f, tiff_reader *r) {
    uint32_t width = 0, height = 0;
    TIFFGetField(r->tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(r->tiff, TIFFTAG_IMAGELENGTH, &height);
    f->width = r->samples.width = width > INT32_MAX ? INT32_MAX : (int)width;
    f->height = r->samples.height = height > INT32_MAX ? INT32_MAX : (int)height;
    f->orientation = tag_value(r, TIFFTAG_ORIENTATION);
    r->samples.count = tag_value(r, TIFFTAG_SAMPLESPERPIXEL);
    r->samples.bits = tag_value(r, TIFFTAG_BITSPERSAMPLE);
    r->planes = tag_value(r, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
    if (f->orientation > 8)
        f->orientation = 0;
    if (!TIFFLastDirectory(r->tiff))
        return fail(ERR_DATA, "a TIFF file of several pages; save the one that is meant as a file of its own");
    err code = check_bits(r);
    if (code == OK)
        code = find_colors(r);
    int stored = r->is_ycc ? 4 : r->samples.count * sample_bytes(&r->samples);
    return code == OK ? image_check_size(f, stored + (r->samples.bits == 16 ? 2 * f->channels : 3)) : code;
}

static err open_tiff(image_file *f) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, take_complaints);
    tiff_reader *r = f->reader = mem_new(1, sizeof *r);
    r->bytes = f->bytes;
    r->n_bytes = f->n_bytes;
    r->tiff = TIFFClientOpen("the file", "r", r, read_bytes, write_nothing, seek, close_nothing, size_of, map, unmap);
    return r->tiff ? read_header(f, r) : cannot(r);
}

/* ---- the samples ---- */

/* Strips or tiles: all of one size, which may reach beyond the picture. */
typedef struct blocks {
    bool tiles;
    int width, height;
    int count; /* samples a pixel */
    tmsize_t row_bytes, bytes;
    uint8_t *bytes_of_one;
} blocks;

static err find_blocks(const tiff_reader *r, blocks *b) {
    const tiff_samples *s = &r->samples;
    uint32_t width = (uint32_t)s->width, height = (uint32_t)s->height;
    b->tiles = TIFFIsTiled(r->tiff);
    b->count = r->planes ? 1 : s->count;
    if (b->tiles) {
        TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &width);
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &height);
    } else {
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &height);
    }
    const tmsize_t free_bytes = 16 << 20;
    b->row_bytes = b->tiles ? TIFFTileRowSize(r->tiff) : TIFFScanlineSize(r->tiff);
    b->bytes = b->tiles ? TIFFTileSize(r->tiff) : TIFFStripSize(r->tiff);
    if (width < 1 || height < 1 || b->bytes < 1 || b->row_bytes < ((int64_t)width * b->count * s->bits + 7) / 8)
        return cannot(r);
    if (b->bytes > free_bytes && b->bytes / 4 > (tmsize_t)s->width * s->height * s->count * sample_bytes(s))
        return fail(ERR_DATA, "TIFF picture cannot be decoded: its tiles of %u x %u pixels are much larger than itself", width, height);
    b->width = width > INT32_MAX ? INT32_MAX : (int)width;
    b->height = height > (uint32_t)s->height && !b->tiles ? s->height : (int)height;
    b->bytes_of_one = mem_new((size_t)b->bytes, 1);
    return OK;
}

/* A row of a block into the picture's: bits are unpacked, planes go side by side. */
static void place_row(const tiff_samples *s, const blocks *b, const uint8_t *from, int columns, int plane, uint8_t *to) {
    size_t bytes = (size_t)sample_bytes(s), step = bytes * (size_t)s->count;
    int count = columns * b->count;
    if (s->bits >= 8 && b->count == s->count) {
        memcpy(to, from, (size_t)count * bytes);
        return;
    }
    to += (size_t)plane * bytes;
    for (int i = 0; i < count; i++) {
        size_t bit = (size_t)i * (size_t)s->bits;
        uint8_t *place = b->count == s->count ? to + i : to + (size_t)i * step;
        if (s->bits < 8)
            *place = (uint8_t)(from[bit / 8] >> (8 - (size_t)s->bits - bit % 8) & ((1 << s->bits) - 1));
        else
            memcpy(place, from + (size_t)i * bytes, bytes);
    }
}

static err read_block(tiff_reader *r, const blocks *b, int top, int left, int plane) {
    tiff_samples *s = &r->samples;
    int rows = s->height - top < b->height ? s->height - top : b->height;
    int columns = s->width - left < b->width ? s->width - left : b->width;
    uint32_t x = (uint32_t)left, y = (uint32_t)top;
    uint16_t sample = (uint16_t)plane;
    tmsize_t size = rows * b->row_bytes, got;
    if (b->tiles)
        got = TIFFReadEncodedTile(r->tiff, TIFFComputeTile(r->tiff, x, y, 0, sample), b->bytes_of_one, b->bytes);
    else
        got = TIFFReadEncodedStrip(r->tiff, TIFFComputeStrip(r->tiff, y, sample), b->bytes_of_one, size);
    if (got < size)
        return cannot(r);
    size_t pixel = (size_t)s->count * (size_t)sample_bytes(s);
    for (int row = 0; row < rows; row++)
        place_row(s, b, b->bytes_of_one + row * b->row_bytes, columns, plane,
                  s->data + ((size_t)(top + row) * (size_t)s->width + (size_t)left) * pixel);
    return OK;
}

static err read_samples(tiff_reader *r) {
    tiff_samples *s = &r->samples;
    blocks b = {.bytes_of_one = NULL};
    err code = find_blocks(r, &b);
    if (code == OK)
        s->data = mem_new((size_t)s->width * (size_t)s->height, (size_t)(s->count * sample_bytes(s)));
    for (int plane = 0; plane < (r->planes ? s->count : 1) && code == OK; plane++)
        for (int64_t top = 0; top < s->height && code == OK; top += b.height)
            for (int64_t left = 0; left < s->width && code == OK; left += b.width)
                code = read_block(r, &b, (int)top, (int)left, plane);
    mem_free(b.bytes_of_one);
    return code;
}

/* The library's own conversion, not turned. */
static err read_ycc(tiff_reader *r, image *im) {
    const tiff_samples *s = &r->samples;
    size_t count = (size_t)s->width * (size_t)s->height;
    uint32_t *raster = mem_new(count, sizeof *raster);
    int whole = TIFFReadRGBAImageOriented(r->tiff, (uint32_t)s->width, (uint32_t)s->height, raster, tag_value(r, TIFFTAG_ORIENTATION), 1);
    image_resize_buffer(im, s->width, s->height, 3);
    for (size_t i = 0; i < count; i++) {
        im->pixels[3 * i] = TIFFGetR(raster[i]);
        im->pixels[3 * i + 1] = TIFFGetG(raster[i]);
        im->pixels[3 * i + 2] = TIFFGetB(raster[i]);
    }
    mem_free(raster);
    return whole ? OK : cannot(r);
}

static err decode_tiff(image_file *f, image *im, image_region *region) {
    tiff_reader *r = f->reader;
    (void)region;
    if (r->is_ycc)
        return read_ycc(r, im);
    err code = read_samples(r);
    if (code == OK)
        tiff_to_pixels(&r->samples, f->channels, im);
    return code;
}

static void close_tiff(image_file *f) {
    tiff_reader *r = f->reader;
    if (r->tiff)
        TIFFClose(r->tiff);
    mem_free(r->samples.data);
    mem_free(r);
}

const image_format image_format_tiff = {"TIFF", open_tiff, decode_tiff, close_tiff, false};
