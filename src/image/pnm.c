/* PBM, PGM and PPM pictures, as text or binary: a header of a few numbers, and the samples. So little that no library is needed. Levels are
 * scaled from the file's white to 255 as Pillow 9.4 does; grey of more than 255 levels to 65535 first, and then as PNG's. */
#include "image/internal.h"

#include <math.h>

enum { GREY_MOST = 65535, LEVEL_MOST = 255 };

typedef struct pnm_reader {
    int kind;         /* 1, 2, 3: bits, grey, colour as text; 4, 5, 6: binary */
    int white;        /* the largest value */
    size_t at;        /* the next byte */
    uint16_t *levels; /* [white + 1] what values become */
    int *row;         /* [width * samples] values of a row */
} pnm_reader;

static bool has_bits(const pnm_reader *r) {
    return r->kind % 3 == 1;
}

static bool is_color(const pnm_reader *r) {
    return r->kind % 3 == 0;
}

static bool is_text(const pnm_reader *r) {
    return r->kind <= 3;
}

static bool is_wide(const pnm_reader *r) {
    return !is_color(r) && r->white > LEVEL_MOST;
}

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Passes over white space, and comments up to the end of their line. */
static void skip_space(const image_file *f, pnm_reader *r) {
    bool comment = false;
    for (; r->at < f->n_bytes; r->at++) {
        uint8_t c = f->bytes[r->at];
        comment = c == '#' || (comment && c != '\n' && c != '\r');
        if (!comment && !is_space(c))
            return;
    }
}

/* Up to `most`. */
static err read_number(const image_file *f, pnm_reader *r, int64_t most, int *number) {
    int64_t value = 0;
    skip_space(f, r);
    size_t first = r->at;
    if (first == f->n_bytes)
        return fail(ERR_DATA, "truncated PNM picture");
    for (; r->at < f->n_bytes && f->bytes[r->at] >= '0' && f->bytes[r->at] <= '9' && value <= most; r->at++)
        value = 10 * value + f->bytes[r->at] - '0';
    bool ends = r->at == f->n_bytes || is_space(f->bytes[r->at]) || f->bytes[r->at] == '#';
    if (r->at == first || !ends || value > most)
        return fail(ERR_DATA, "PNM picture cannot be decoded: at byte %zu there is no number from 0 to %lld", first, (long long)most);
    *number = (int)value;
    return OK;
}

static err read_header(image_file *f, pnm_reader *r) {
    r->kind = f->bytes[1] - '0';
    r->at = 2;
    r->white = 1;
    err code = read_number(f, r, INT32_MAX, &f->width);
    if (code == OK)
        code = read_number(f, r, INT32_MAX, &f->height);
    if (code == OK && !has_bits(r))
        code = read_number(f, r, GREY_MOST, &r->white);
    if (code == OK && r->white < 1)
        code = fail(ERR_DATA, "PNM picture cannot be decoded: its white is 0");
    r->at += r->at < f->n_bytes; /* a single white space stands before the samples */
    return code;
}

static int64_t samples_in_row(const image_file *f, const pnm_reader *r) {
    return (int64_t)f->width * (is_color(r) ? 3 : 1);
}

/* Whether all samples can be there: so much is a row at least, as text a digit and a space for each. */
static err check_length(const image_file *f, const pnm_reader *r) {
    int64_t samples = samples_in_row(f, r), bytes = samples * (r->white > LEVEL_MOST ? 2 : 1);
    if (is_text(r))
        bytes = has_bits(r) ? samples : 2 * samples;
    else if (has_bits(r))
        bytes = (samples + 7) / 8;
    if (bytes * f->height - is_text(r) <= (int64_t)(f->n_bytes - r->at))
        return OK;
    return fail(ERR_DATA, "truncated PNM picture: its header says %d x %d pixels, too many for %zu bytes", f->width, f->height, f->n_bytes);
}

static void make_levels(pnm_reader *r) {
    int most = is_wide(r) ? GREY_MOST : LEVEL_MOST;
    r->levels = mem_new((size_t)r->white + 1, sizeof *r->levels);
    for (int i = 0; i <= r->white; i++)
        r->levels[i] = (uint16_t)nearbyint((double)i / r->white * most);
}

static err open_pnm(image_file *f) {
    pnm_reader *r = f->reader = mem_new(1, sizeof *r);
    err code = read_header(f, r);
    if (code == OK)
        code = image_check_size(f, is_wide(r) ? 2 * f->channels : 3);
    if (code == OK)
        code = check_length(f, r);
    if (code != OK)
        return code;
    make_levels(r);
    r->row = mem_new((size_t)samples_in_row(f, r), sizeof *r->row);
    return OK;
}

/* ---- the samples ---- */

/* Bits may stand without a space between them; 1 is black. */
static err read_text_bit(const image_file *f, pnm_reader *r, int *value) {
    skip_space(f, r);
    if (r->at == f->n_bytes)
        return fail(ERR_DATA, "truncated PNM picture");
    uint8_t c = f->bytes[r->at++];
    *value = c == '0';
    return c == '0' || c == '1' ? OK : fail(ERR_DATA, "PNM picture cannot be decoded: at byte %zu there is neither 0 nor 1", r->at - 1);
}

static err read_text_row(const image_file *f, pnm_reader *r, int64_t count) {
    err code = OK;
    for (int64_t i = 0; i < count && code == OK; i++)
        code = has_bits(r) ? read_text_bit(f, r, &r->row[i]) : read_number(f, r, r->white, &r->row[i]);
    return code;
}

static int lower(int a, int b) {
    return a < b ? a : b;
}

static void read_binary_row(const image_file *f, pnm_reader *r, int64_t count) {
    const uint8_t *from = f->bytes + r->at;
    bool wide = r->white > LEVEL_MOST;
    for (int64_t i = 0; i < count; i++)
        if (has_bits(r))
            r->row[i] = !(from[i / 8] >> (7 - i % 8) & 1);
        else
            r->row[i] = lower(r->white, wide ? from[2 * i] << 8 | from[2 * i + 1] : from[i]);
    r->at += (size_t)(has_bits(r) ? (count + 7) / 8 : wide ? 2 * count : count);
}

/* Grey goes into every channel; grey of many levels as two bytes. */
static uint8_t *put_row(const image_file *f, const pnm_reader *r, int64_t count, uint8_t *to) {
    int copies = is_color(r) ? 1 : f->channels;
    bool wide = is_wide(r);
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < copies; c++) {
            uint16_t level = r->levels[r->row[i]];
            if (wide)
                *to++ = (uint8_t)(level >> 8);
            *to++ = (uint8_t)level;
        }
    return to;
}

static err decode_pnm(image_file *f, image *im, image_region *region) {
    pnm_reader *r = f->reader;
    window whole = region->part;
    int64_t count = samples_in_row(f, r);
    image_resize_buffer(im, is_wide(r) ? 2 * whole.width : whole.width, whole.height, is_color(r) ? 3 : f->channels);
    uint8_t *to = im->pixels;
    err code = OK;
    for (int y = 0; y < whole.height && code == OK; y++) {
        if (is_text(r))
            code = read_text_row(f, r, count);
        else
            read_binary_row(f, r, count);
        if (code == OK)
            to = put_row(f, r, count, to);
    }
    if (code == OK && is_wide(r))
        image_narrow(im);
    return code;
}

static void close_pnm(image_file *f) {
    pnm_reader *r = f->reader;
    mem_free(r->levels);
    mem_free(r->row);
    mem_free(r);
}

const image_format image_format_pnm = {"PNM", open_pnm, decode_pnm, close_pnm, false};
