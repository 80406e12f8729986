/* JPEG pictures written through TurboJPEG. */
#include "image/internal.h"

#include <turbojpeg.h>

static err encode(tjhandle encoder, const image *im, int quality, byte_buffer *to) {
    bool grey = im->channels == 1;
    int sampling = grey ? TJSAMP_GRAY : TJSAMP_420;
    byte_buffer_resize(to, tjBufSize(im->width, im->height, sampling));
    unsigned long size = to->size;
    int status = tjCompress2(encoder, im->pixels, im->width, 0, im->height, grey ? TJPF_GRAY : TJPF_RGB, &to->bytes, &size, sampling,
                             quality, TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT);
    to->size = size;
    return status == 0 ? OK : fail(ERR_BROKEN, "cannot be encoded: %s", tjGetErrorStr2(encoder));
}

err jpeg_encode(const image *im, int quality, byte_buffer *to) {
    tjhandle encoder = tjInitCompress();
    if (!encoder)
        return fail(ERR_BROKEN, "out of memory: JPEG encoder");
    err code = encode(encoder, im, quality, to);
    tjDestroy(encoder);
    return code;
}
