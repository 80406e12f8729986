/* Pictures out: PNG files to look at. */
#include "image/image.h"

#include <errno.h>
#include <png.h>
#include <string.h>

err image_write_png(const image *im, const char *path) {
    png_image png = {
        .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)im->width,
        .height = (png_uint_32)im->height,
        .format = im->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB,
    };
    errno = 0;
    FILE *file = fopen(path, "wb");
    if (file && !png_image_write_to_stdio(&png, file, 0, im->pixels, im->width * im->channels, NULL)) {
        fail(ERR_IO, "%s: cannot be written: %s", path, errno ? strerror(errno) : png.message);
        fclose(file);
        return ERR_IO;
    }
    return durable_close(file, path);
}
