/* JPEG pictures through libjpeg-turbo: at a smaller scale and in parts where that is enough. libjpeg can report errors only by a jump; it
 * stays within this file. */
#include "image/internal.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h wants it before */
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

typedef struct jpeg_reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    bool ends_early;
    err code; /* what was recorded before the jump */
    jmp_buf bail;
} jpeg_reader;

static void on_error(j_common_ptr jpeg) {
    jpeg_reader *r = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    r->errors.format_message(jpeg, text);
    if (r->errors.msg_code == JERR_OUT_OF_MEMORY)
        r->code = fail(ERR_BROKEN, "out of memory: JPEG decoder");
    else
        r->code = r->ends_early ? fail(ERR_DATA, "truncated JPEG picture") : fail(ERR_DATA, "JPEG picture cannot be decoded: %s", text);
    longjmp(r->bail, 1);
}

/* Warnings tell of odd but whole pictures, and of pictures cut off; only these matter. */
static void on_message(j_common_ptr jpeg, int level) {
    jpeg_reader *r = jpeg->client_data;
    if (level < 0 && r->errors.msg_code == JWRN_JPEG_EOF)
        r->ends_early = true;
}

/* ---- the header ---- */

/* The first EXIF block counts, as in Pillow, which does not look at XMP here. */
static int orientation_of(const struct jpeg_decompress_struct *jpeg) {
    static const char head[] = "Exif"; /* and its zero */
    for (const struct jpeg_marker_struct *m = jpeg->marker_list; m; m = m->next)
        if (m->data_length >= sizeof head && memcmp(m->data, head, sizeof head) == 0)
            return exif_orientation(m->data, m->data_length);
    return 0;
}

/* Whether no end marker follows the header: the picture's end is missing then, whichever part of it will be wanted. */
static bool lacks_end(const struct jpeg_decompress_struct *jpeg) {
    const uint8_t *first = jpeg->src->next_input_byte;
    for (const uint8_t *end = first + jpeg->src->bytes_in_buffer; end - first >= 2; end--)
        if (end[-2] == 0xff && end[-1] == JPEG_EOI)
            return false;
    return true;
}

/* A few bytes can ask for scan after scan over a large picture. Encoders make ten or so. */
static void on_progress(j_common_ptr common) {
    enum { SCANS_MOST = 100 };
    jpeg_reader *r = common->client_data;
    if (r->jpeg.input_scan_number <= SCANS_MOST)
        return;
    r->code = fail(ERR_DATA, "JPEG picture of more than %d scans", SCANS_MOST);
    longjmp(r->bail, 1);
}

/* Whether the file is too short for so many pixels: Huffman's codes have a bit at least for each block of 8 x 8. */
static err check_length(const image_file *f, const struct jpeg_decompress_struct *jpeg) {
    const int64_t pixels_a_byte = 8 * 64;
    if (jpeg->arith_code || (int64_t)f->width * f->height / pixels_a_byte <= (int64_t)f->n_bytes)
        return OK;
    return fail(ERR_DATA, "truncated JPEG picture: its header says %d x %d pixels, too many for %zu bytes", f->width, f->height,
                f->n_bytes);
}

/* Pictures of several scans are collected whole, as numbers of 16 bits, before there is a pixel. */
static err check_size(const image_file *f, const struct jpeg_decompress_struct *jpeg) {
    int made = jpeg->out_color_space == JCS_CMYK ? 4 : jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    int collected = jpeg_has_multiple_scans((j_decompress_ptr)jpeg) ? (int)sizeof(JCOEF) * jpeg->num_components : 0;
    err code = image_check_size(f, made + collected);
    return code == OK ? check_length(f, jpeg) : code;
}

static J_COLOR_SPACE output_colors(J_COLOR_SPACE stored, int channels) {
    if (stored == JCS_CMYK || stored == JCS_YCCK)
        return JCS_CMYK;
    return channels == 1 && stored == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
}

static err open_jpeg(image_file *f) {
    jpeg_reader *r = f->reader = mem_new(1, sizeof *r);
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    if (setjmp(r->bail) != 0)
        return r->code;
    jpeg_create_decompress(&r->jpeg);
    r->progress.progress_monitor = on_progress;
    r->jpeg.progress = &r->progress;
    jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_mem_src(&r->jpeg, f->bytes, f->n_bytes);
    jpeg_read_header(&r->jpeg, TRUE);
    f->width = (int)r->jpeg.image_width;
    f->height = (int)r->jpeg.image_height;
    f->orientation = orientation_of(&r->jpeg);
    if (r->ends_early || lacks_end(&r->jpeg))
        return fail(ERR_DATA, "truncated JPEG picture: it has no end marker");
    r->jpeg.out_color_space = output_colors(r->jpeg.jpeg_color_space, f->channels);
    return check_size(f, &r->jpeg);
}

/* ---- the pixels ---- */

static void all_to_rgb(image *im) {
    const uint8_t *from = im->pixels;
    uint8_t *to = im->pixels;
    size_t count = (size_t)im->width * (size_t)im->height;
    for (size_t i = 0; i < count; i++, from += 4, to += 3)
        cmyk_to_rgb(from, to);
    im->channels = 3;
}

static int lower(int a, int b) {
    return a < b ? a : b;
}

static int upper(int a, int b) {
    return a > b ? a : b;
}

/* Leaves out whole blocks beside the part. Chroma is interpolated between columns: so one more at each side than is wanted, as there is
 * nothing to interpolate with beyond what is decoded, and NARROW at least, as libjpeg goes another way with fewer. */
static void leave_out_columns(struct jpeg_decompress_struct *jpeg, window *part) {
    enum { NARROW = 8 };
    int whole = (int)jpeg->output_width;
    int first = upper(0, lower(part->left - 1, whole - NARROW)), last = upper(part->left + part->width + 1, first + NARROW);
    JDIMENSION left = (JDIMENSION)first, width = (JDIMENSION)(lower(last, whole) - first);
    if ((int)width < whole)
        jpeg_crop_scanline(jpeg, &left, &width);
    part->left = (int)left;
    part->width = (int)width;
}

static void read_rows(struct jpeg_decompress_struct *jpeg, image *im) {
    size_t row_bytes = (size_t)im->width * (size_t)im->channels;
    for (int y = 0; y < im->height;) {
        JSAMPROW rows[8];
        int count = 0;
        for (; count < 8 && y + count < im->height; count++)
            rows[count] = im->pixels + (size_t)(y + count) * row_bytes;
        y += (int)jpeg_read_scanlines(jpeg, rows, (JDIMENSION)count);
    }
}

static err decode_jpeg(image_file *f, image *im, image_region *region) {
    jpeg_reader *r = f->reader;
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->bail) != 0)
        return r->code;
    jpeg->scale_num = (unsigned)region->eighths;
    jpeg->scale_denom = 8;
    jpeg_start_decompress(jpeg);
    leave_out_columns(jpeg, &region->part);
    if (region->part.top > 0)
        jpeg_skip_scanlines(jpeg, (JDIMENSION)region->part.top);
    image_resize_buffer(im, region->part.width, region->part.height, jpeg->output_components);
    read_rows(jpeg, im);
    if (r->ends_early)
        return fail(ERR_DATA, "truncated JPEG picture");
    if (im->channels == 4)
        all_to_rgb(im);
    return OK;
}

static void close_jpeg(image_file *f) {
    jpeg_reader *r = f->reader;
    jpeg_destroy_decompress(&r->jpeg);
    mem_free(r);
}

const image_format image_format_jpeg = {"JPEG", open_jpeg, decode_jpeg, close_jpeg, true};
