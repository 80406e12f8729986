/* PNG pictures through libpng. Not through its simplified interface, which blends alpha and applies gamma: Pillow drops both.
 * libpng can report errors only by a jump; it stays within this file. */
#include "data/image.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

typedef struct png_reader {
    const uint8_t *bytes;
    size_t n_bytes, at;
    image *im;
    png_bytep *rows;
    err code; /* what was recorded before the jump, or OK */
    jmp_buf bail;
} png_reader;

static void read_bytes(png_structp png, png_bytep to, size_t count) {
    png_reader *r = png_get_io_ptr(png);
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

/* Asks libpng for 8-bit grey or RGB: palettes looked up, the high bytes of 16 bits, transparency left out. */
static void ask_for_plain_pixels(png_structp png, png_infop info, int channels) {
    bool color = (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) != 0;
    png_set_strip_16(png);
    png_set_expand(png);
    png_set_strip_alpha(png);
    if (!color && channels == 3)
        png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static void read_picture(png_reader *r, png_structp png, png_infop info, int channels) {
    png_read_info(png, info);
    r->code = image_check_size(png_get_image_width(png, info), png_get_image_height(png, info));
    if (r->code)
        longjmp(r->bail, 1);
    ask_for_plain_pixels(png, info, channels);
    int width = (int)png_get_image_width(png, info), height = (int)png_get_image_height(png, info);
    image_resize_buffer(r->im, width, height, png_get_channels(png, info));
    size_t row_bytes = png_get_rowbytes(png, info);
    r->rows = mem_new((size_t)height, sizeof *r->rows);
    for (int y = 0; y < height; y++)
        r->rows[y] = r->im->pixels + (size_t)y * row_bytes;
    png_read_image(png, r->rows);
    png_read_end(png, NULL);
}

/* The reader is the caller's: a jump leaves variables of this function undefined, but not what pointers lead to. */
static void read_guarded(png_reader *r, png_structp png, png_infop info, int channels) {
    if (setjmp(r->bail) != 0)
        return;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* image_check_size() has a clearer text */
    png_set_read_fn(png, r, read_bytes);
    read_picture(r, png, info, channels);
}

err image_decode_png(image *im, const uint8_t *bytes, size_t n_bytes, int channels) {
    png_reader r = {.bytes = bytes, .n_bytes = n_bytes, .im = im};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return fail(ERR_BROKEN, "out of memory: PNG decoder");
    }
    read_guarded(&r, png, info, channels);
    png_destroy_read_struct(&png, &info, NULL);
    mem_free(r.rows);
    if (r.code == OK && im->channels == 3 && channels == 1)
        image_to_grey(im);
    return r.code;
}
