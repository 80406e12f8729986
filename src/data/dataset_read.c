/* Samples of a data set: labels and pictures, read at their place in the file, each picture checked against its CRC. */
#define _POSIX_C_SOURCE 200809L /* posix_fadvise */
#include "data/dataset.h"
#include "image/image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <zlib.h>

enum {
    LARGEST_RECORD = 1 << 28, /* bytes of an encoded picture: a damaged offset must not ask for the whole file */
    FETCH_AT_ONCE = 1 << 17,  /* bytes: Linux cuts longer advice off at a device's read-ahead, often 128 KiB, and reads no more of it */
};

static const dataset_part *part_of(const dataset *d, int64_t id) {
    int low = 0, high = d->n_parts - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (d->parts[middle].first <= id)
            low = middle;
        else
            high = middle - 1;
    }
    return &d->parts[low];
}

err dataset_label(const dataset *d, int64_t id, int32_t *label) {
    const dataset_part *p = part_of(d, id);
    int32_t stored = 0;
    err code = dataset_table_read(p, &p->labels, id - p->first, 1, &stored);
    if (code == OK && (stored < 0 || stored >= dataset_n_classes(d)))
        code = fail(ERR_DATA, "%s: picture %" PRId64 ": its label is %" PRId32 " now and was good when the file was opened", p->path,
                    id - p->first, stored);
    if (code == OK)
        *label = stored;
    return code;
}

static err check_crc(const dataset_part *p, int64_t i, const uint8_t *bytes, size_t n_bytes) {
    uint32_t stored;
    err code = dataset_table_read(p, &p->crcs, i, 1, &stored);
    if (code != OK)
        return code;
    uint32_t computed = (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, n_bytes);
    if (stored != computed)
        return fail(ERR_DATA, "%s: picture %" PRId64 ": CRC mismatch (stored %08" PRIx32 ", computed %08" PRIx32 ")", p->path, i, stored,
                    computed);
    return OK;
}

/* Where the bytes of a record are in its file. */
static err find_bytes(const dataset_part *p, int64_t i, int64_t *at, size_t *size) {
    if (!p->encoded) {
        *size = (size_t)shape_size(p->image);
        *at = p->images_at + i * (int64_t)*size;
        return OK;
    }
    uint64_t ends[2];
    err code = dataset_table_read(p, &p->offsets, i, 2, ends);
    if (code != OK)
        return code;
    if (ends[0] > ends[1] || ends[1] > p->total)
        return fail(ERR_DATA, "%s: picture %" PRId64 ": offsets %" PRIu64 " to %" PRIu64 " are not within the %" PRIu64 " bytes", p->path,
                    i, ends[0], ends[1], p->total);
    if (ends[1] - ends[0] > LARGEST_RECORD)
        return fail(ERR_DATA, "%s: picture %" PRId64 ": its offsets say that it has %" PRIu64 " bytes", p->path, i, ends[1] - ends[0]);
    *at = p->images_at + (int64_t)ends[0];
    *size = (size_t)(ends[1] - ends[0]);
    return OK;
}

err dataset_record(const dataset *d, int64_t id, byte_buffer *record) {
    const dataset_part *p = part_of(d, id);
    int64_t at = 0;
    size_t size = 0;
    err code = find_bytes(p, id - p->first, &at, &size);
    if (code != OK)
        return code;
    byte_buffer_resize(record, size);
    code = dataset_part_read(p, at, record->bytes, size);
    return code == OK ? check_crc(p, id - p->first, record->bytes, size) : code;
}

static void fetch_from(const dataset_part *p, int64_t first, int64_t count) {
    int64_t begin = first * shape_size(p->image), end = begin + count * shape_size(p->image);
    if (p->encoded) {
        uint64_t from, to;
        bool known = dataset_table_read(p, &p->offsets, first, 1, &from) == OK &&
                     dataset_table_read(p, &p->offsets, first + count, 1, &to) == OK && from <= to && to <= p->total;
        begin = known ? (int64_t)from : 0;
        end = known ? (int64_t)to : 0;
    }
    for (int64_t at = begin; at < end; at += FETCH_AT_ONCE) { /* advice only: reading tells of errors */
        int64_t left = end - at;
        posix_fadvise(p->fd, p->images_at + at, left < FETCH_AT_ONCE ? left : FETCH_AT_ONCE, POSIX_FADV_WILLNEED);
    }
}

void dataset_fetch(const dataset *d, int64_t first, int64_t count) {
    while (count > 0) {
        const dataset_part *p = part_of(d, first);
        int64_t left = p->first + p->count - first, here = count < left ? count : left;
        fetch_from(p, first - p->first, here);
        first += here;
        count -= here;
    }
}

const char *dataset_path(const dataset *d, int64_t id, int64_t *record) {
    const dataset_part *p = part_of(d, id);
    *record = id - p->first;
    return p->path;
}

err dataset_image(const dataset *d, int64_t id, image *im, byte_buffer *buffer) {
    const dataset_part *p = part_of(d, id);
    err code = dataset_record(d, id, buffer);
    if (code != OK)
        return code;
    if (!p->encoded) {
        image_from_pixels(im, buffer->bytes, p->image);
        return OK;
    }
    code = image_decode(im, buffer->bytes, buffer->size, p->channels);
    return code ? err_prefix("%s: picture %" PRId64, p->path, id - p->first) : OK;
}
