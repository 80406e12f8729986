/* Datasets and their checksums (CRC-32 as zlib and PNG have it). */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "ckpt/internal.h"

enum { LONG_DATA = 4096 }; /* bytes: shorter data may as well lie under the seal */

uint32_t ckpt_crc(const void *bytes, size_t count) {
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, count);
}

size_t ckpt_type_bytes(h5_type type) {
    switch (type) {
    case H5_U8:
    case H5_I8:
        return 1;
    case H5_I16:
    case H5_U16:
    case H5_F16:
        return 2;
    case H5_I32:
    case H5_U32:
    case H5_F32:
        return 4;
    case H5_I64:
    case H5_U64:
    case H5_F64:
        return 8;
    default:
        return 0;
    }
}

static err write_crc(h5_file *f, const char *object, uint32_t crc) {
    return h5_write_attribute(f, object, "crc32", H5_U32, 0, &crc);
}

err ckpt_write_tensor(h5_file *f, const char *object, h5_type type, dims size, const void *values) {
    uint64_t extent[DIMS_MAX] = {0};
    for (int i = 0; i < size.rank; i++)
        extent[i] = (uint64_t)size.size[i];
    place_tick();
    size_t bytes = (size_t)dims_size(size) * ckpt_type_bytes(type);
    err code = h5_write(f, object, type, size.rank, extent, values);
    if (code == OK && bytes >= LONG_DATA)
        h5_leave_unsealed(f, object);
    return code == OK ? write_crc(f, object, ckpt_crc(values, bytes)) : code;
}

static err check_crc(h5_file *f, const char *object, uint32_t is) {
    uint32_t should = is;
    err code = h5_has_attribute(f, object, "crc32") ? h5_read_attribute(f, object, "crc32", H5_U32, 0, &should) : OK;
    if (code == OK && is != should)
        code = fail(ERR_DATA, "%s: /%s is damaged: its CRC-32 is %08x and should be %08x", h5_path(f), object, is, should);
    return code;
}

err ckpt_read_tensor(h5_file *f, const char *object, h5_type type, void *values) {
    h5_info info;
    place_tick();
    err code = h5_get_info(f, object, &info);
    if (code == OK)
        code = h5_read(f, object, type, 0, UINT64_MAX, values);
    if (code == OK && info.type == type)
        code = check_crc(f, object, ckpt_crc(values, info.count * ckpt_type_bytes(type)));
    return code;
}

static bool is_variance(const char *object) {
    const char *last = strstr(object, "running_var");
    return last && strcmp(last, "running_var") == 0;
}

/* Weights that are no numbers make a network that answers nothing, without a word. */
err ckpt_check_values(h5_file *f, const char *object, const float *values, int64_t count) {
    int64_t bad = 0, first = 0;
    for (int64_t i = count; i-- > 0;)
        if (!isfinite(values[i])) {
            bad++;
            first = i;
        }
    if (bad > 0)
        return fail(ERR_DATA, "%s: %s holds %s: %" PRId64 " of its %" PRId64 " numbers, the first is number %" PRId64, h5_path(f), object,
                    isnan(values[first]) ? "NaN" : "infinity, or numbers beyond float32", bad, count, first);
    if (is_variance(object))
        for (int64_t i = 0; i < count; i++)
            if (values[i] < 0)
                return fail(ERR_DATA, "%s: %s holds %g: a variance is not below 0", h5_path(f), object, (double)values[i]);
    return OK;
}

/* ---- texts ---- */

/* Over the raw bytes: fields of `width` bytes, padded with NULs. In files of version 1 (width 0) over the texts, joined by NULs. */
static uint32_t crc_of_texts(char *const *texts, uint64_t count, size_t width) {
    uLong crc = crc32_z(0, NULL, 0);
    for (uint64_t i = 0; i < count; i++) {
        size_t length = strlen(texts[i]), end = width ? width : length + (i + 1 < count);
        crc = crc32_z(crc, (const unsigned char *)texts[i], length);
        for (; length < end; length++)
            crc = crc32_z(crc, (const unsigned char *)"", 1);
    }
    return (uint32_t)crc;
}

static err write_crc_of_texts(h5_file *f, const char *object, char *const *texts, uint64_t count) {
    h5_info info;
    err code = h5_get_info(f, object, &info);
    return code == OK ? write_crc(f, object, crc_of_texts(texts, count, info.width)) : code;
}

err ckpt_write_texts(h5_file *f, const char *object, char *const *texts, uint64_t count) {
    err code = h5_write_strings(f, object, texts, count);
    return code == OK ? write_crc_of_texts(f, object, texts, count) : code;
}

err ckpt_write_text(h5_file *f, const char *object, char *text) {
    err code = h5_write_text(f, object, text);
    return code == OK ? write_crc_of_texts(f, object, &text, 1) : code;
}

err ckpt_read_texts(h5_file *f, const char *object, char ***texts, uint64_t *count) {
    h5_info info;
    *texts = NULL;
    *count = 0;
    err code = h5_get_info(f, object, &info);
    if (code == OK)
        code = h5_read_strings(f, object, texts, count);
    if (code != OK)
        return code;
    code = check_crc(f, object, crc_of_texts(*texts, *count, info.width));
    if (code != OK) {
        mem_free_strings(*texts, *count);
        *texts = NULL;
        *count = 0;
    }
    return code;
}
