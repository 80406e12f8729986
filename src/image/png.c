/* PNG pictures through libpng. Not through its simplified interface, which blends alpha and applies gamma: Pillow drops both.
 * libpng can report errors only by a jump; it stays within this file. */
#include "image/internal.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_HEAD = 8 }; /* libpng reads length and kind at once */

typedef struct png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t n_bytes, at;
    bool has_all; /* all rows are there */
    err code;     /* what was recorded before the jump, or OK */
    jmp_buf bail;
} png_reader;

/* A file that ends where its last chunk, an empty one, should begin lacks nothing that is wanted: the chunk is put there. */
static void read_bytes(png_structp png, png_bytep to, size_t count) {
    static const uint8_t end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    png_reader *r = png_get_io_ptr(png);
    if (r->has_all && r->at == r->n_bytes && count == CHUNK_HEAD) {
        r->bytes = end;
        r->n_bytes = sizeof end;
        r->at = 0;
    }
    if (count > r->n_bytes - r->at) {
        r->code = fail(ERR_DATA, "truncated PNG picture");
        png_error(png, "truncated");
    }
    memcpy(to, r->bytes + r->at, count);
    r->at += count;
}

static void on_error(png_structp png, png_const_charp text) {
    png_reader *r = png_get_error_ptr(png);
    if (r->code == OK)
        r->code = fail(ERR_DATA, "PNG picture cannot be decoded: %s", text);
    longjmp(r->bail, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* Out of memory is an error like others to libpng; here it is none of the picture's. */
static png_voidp take(png_structp png, png_alloc_size_t bytes) {
    png_reader *r = png_get_mem_ptr(png);
    void *block = malloc(bytes);
    if (!block)
        r->code = fail(ERR_BROKEN, "out of memory: PNG decoder");
    return block;
}

static void give_back(png_structp png, png_voidp block) {
    (void)png;
    free(block);
}

/* ---- the header ---- */

static bool is_grey_of_16_bits(const png_reader *r) {
    int color = png_get_color_type(r->png, r->info);
    return png_get_bit_depth(r->png, r->info) == 16 && !(color & PNG_COLOR_MASK_COLOR) && !(color & PNG_COLOR_MASK_ALPHA);
}

/* Whether the file is too short for so many pixels: deflate makes at most 1032 bytes of one. */
static err check_length(const image_file *f, png_reader *r) {
    const int64_t bytes_a_byte = 1032;
    const int width_most = 1000000; /* rows are held several times over */
    if (f->width > width_most)
        return fail(ERR_DATA, "its header says %d pixels in a row, more than %d", f->width, width_most);
    int64_t row = (int64_t)png_get_rowbytes(r->png, r->info) + 1;
    if (row * f->height / bytes_a_byte <= (int64_t)f->n_bytes)
        return OK;
    return fail(ERR_DATA, "truncated PNG picture: its header says %d x %d pixels, too many for %zu bytes", f->width, f->height, f->n_bytes);
}

static err open_png(image_file *f) {
    png_reader *r = f->reader = mem_new(1, sizeof *r);
    r->bytes = f->bytes;
    r->n_bytes = f->n_bytes;
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, take, give_back);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return fail(ERR_BROKEN, "out of memory: PNG decoder");
    if (setjmp(r->bail) != 0)
        return r->code;
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);         /* image_check_size() has a clearer text */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* texts, profiles and the like are passed over */
    png_set_read_fn(r->png, r, read_bytes);
    png_read_info(r->png, r->info);
    f->width = (int)png_get_image_width(r->png, r->info);
    f->height = (int)png_get_image_height(r->png, r->info);
    f->orientation = png_orientation(f->bytes, f->n_bytes);
    err code = image_check_size(f, is_grey_of_16_bits(r) ? 2 * f->channels : 3);
    return code == OK ? check_length(f, r) : code;
}

/* ---- the pixels ---- */

/* Asks libpng for 8-bit grey or RGB: palettes looked up, the high bytes of 16 bits, transparency left out. */
static void ask_for_plain_pixels(png_reader *r, int channels) {
    bool color = (png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR) != 0;
    if (!is_grey_of_16_bits(r))
        png_set_strip_16(r->png);
    png_set_expand(r->png);
    png_set_strip_alpha(r->png);
    if (!color && channels == 3)
        png_set_gray_to_rgb(r->png);
}

static err decode_png(image_file *f, image *im, image_region *region) {
    png_reader *r = f->reader;
    if (setjmp(r->bail) != 0)
        return r->code;
    bool wide = is_grey_of_16_bits(r);
    ask_for_plain_pixels(r, f->channels);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    window whole = region->part;
    image_resize_buffer(im, wide ? 2 * whole.width : whole.width, whole.height, png_get_channels(r->png, r->info));
    size_t row_bytes = png_get_rowbytes(r->png, r->info);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < whole.height; y++)
            png_read_row(r->png, im->pixels + (size_t)y * row_bytes, NULL);
    r->has_all = true;
    png_read_end(r->png, NULL);
    if (wide)
        image_narrow(im);
    return OK;
}

static void close_png(image_file *f) {
    png_reader *r = f->reader;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    mem_free(r);
}

const image_format image_format_png = {"PNG", open_png, decode_png, close_png, false};
