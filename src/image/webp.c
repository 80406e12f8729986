/* WebP pictures through libwebp: alpha is dropped, of an animation the first frame is the picture, as for Pillow. */
#include "image/internal.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

enum { CHANNELS = 3 };

typedef struct webp_reader {
    WebPDemuxer *parts; /* the file's chunks */
    WebPIterator frame; /* the first: an animation's may be smaller than its canvas */
} webp_reader;

static int orientation_of(const webp_reader *r) {
    WebPChunkIterator chunk;
    int orientation = 0;
    if (WebPDemuxGetChunk(r->parts, "EXIF", 1, &chunk))
        orientation = exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

static err open_webp(image_file *f) {
    webp_reader *r = f->reader = mem_new(1, sizeof *r);
    WebPDemuxState state;
    r->parts = WebPDemuxPartial(&(WebPData){f->bytes, f->n_bytes}, &state);
    if (state == WEBP_DEMUX_PARSING_HEADER || state == WEBP_DEMUX_PARSED_HEADER)
        return fail(ERR_DATA, "truncated WebP picture");
    if (!r->parts || !WebPDemuxGetFrame(r->parts, 1, &r->frame))
        return fail(ERR_DATA, "WebP picture cannot be decoded: its chunks are damaged");
    f->width = (int)WebPDemuxGetI(r->parts, WEBP_FF_CANVAS_WIDTH);
    f->height = (int)WebPDemuxGetI(r->parts, WEBP_FF_CANVAS_HEIGHT);
    f->orientation = orientation_of(r);
    return image_check_size(f, CHANNELS + 4); /* libwebp itself holds four bytes a pixel */
}

/* The first frame into its part of the picture. */
static VP8StatusCode decode_frame(const WebPIterator *frame, image *im) {
    WebPDecoderConfig how;
    size_t row = (size_t)im->width * CHANNELS, first = (size_t)frame->y_offset * row + (size_t)frame->x_offset * CHANNELS;
    if (!WebPInitDecoderConfig(&how))
        return VP8_STATUS_INVALID_PARAM;
    how.output.colorspace = MODE_RGB;
    how.output.is_external_memory = 1;
    how.output.u.RGBA = (WebPRGBABuffer){im->pixels + first, (int)row, row * (size_t)im->height - first};
    return WebPDecode(frame->fragment.bytes, frame->fragment.size, &how);
}

static err decode_webp(image_file *f, image *im, image_region *region) {
    const webp_reader *r = f->reader;
    const WebPIterator *frame = &r->frame;
    window whole = region->part;
    image_resize_buffer(im, whole.width, whole.height, CHANNELS);
    if (frame->x_offset + frame->width > whole.width || frame->y_offset + frame->height > whole.height)
        return fail(ERR_DATA, "WebP picture cannot be decoded: its first frame lies outside of it");
    if (frame->width < whole.width || frame->height < whole.height)
        memset(im->pixels, 0, (size_t)whole.width * (size_t)whole.height * CHANNELS);
    switch (decode_frame(frame, im)) {
    case VP8_STATUS_OK:
        return OK;
    case VP8_STATUS_OUT_OF_MEMORY:
        return fail(ERR_BROKEN, "out of memory: WebP decoder");
    default:
        return fail(ERR_DATA, "WebP picture cannot be decoded: its pixels are damaged");
    }
}

static void close_webp(image_file *f) {
    webp_reader *r = f->reader;
    WebPDemuxReleaseIterator(&r->frame);
    WebPDemuxDelete(r->parts);
    mem_free(r);
}

const image_format image_format_webp = {"WebP", open_webp, decode_webp, close_webp, false};
