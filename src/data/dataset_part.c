/* One file of a data set: opened and checked against the format of version 1. */
#define _POSIX_C_SOURCE 200809L
#include "data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_IN_MEMORY = 1 << 24 }; /* bytes of a table: every rank would hold it */

static err check_text(h5_file *f, const char *name, const char *wanted) {
    if (!h5_has_attribute(f, "/", name))
        return fail(ERR_DATA, "%s: not a Shoal data set: it has no attribute `%s`", h5_path(f), name);
    char *text = NULL;
    err code = h5_read_attribute_text(f, "/", name, &text);
    if (code == OK && strcmp(text, wanted) != 0)
        code = fail(ERR_DATA, "%s: its %s is \"%s\", not \"%s\"", h5_path(f), name, text, wanted);
    mem_free(text);
    return code;
}

static err check_format(h5_file *f) {
    err code = check_text(f, "format", "shoal-dataset");
    if (code != OK)
        return code;
    int64_t version = 0;
    code = h5_read_attribute(f, "/", "version", H5_I64, 0, &version);
    if (code == OK && version != 1)
        code = fail(ERR_DATA, "%s: its version is %" PRId64 "; this program reads version 1", h5_path(f), version);
    return code == OK ? check_text(f, "task", "classification") : code;
}

/* A dataset of one type and rank. */
static err get_typed(h5_file *f, const char *object, h5_type type, const char *type_text, int rank, h5_info *info) {
    err code = h5_get_info(f, object, info);
    if (code == OK && (info->type != type || info->rank != rank))
        code = fail(ERR_DATA, "%s: %s is not %s of %d dimension%s", h5_path(f), object, type_text, rank, text_plural(rank));
    return code;
}

/* What is read piece by piece has to lie in the file as it is. */
static err check_plain(h5_file *f, const char *object, const h5_info *info) {
    if (info->offset >= 0 || info->count == 0)
        return OK;
    return fail(ERR_DATA, "%s: %s is chunked, compressed or of another byte order; it has to be stored contiguously (h5repack -f NONE -l CONTI IN OUT)",
                h5_path(f), object);
}

static err open_images(dataset_part *p, h5_file *f) {
    h5_info info;
    err code = h5_get_info(f, "images", &info);
    if (code != OK)
        return code;
    uint64_t channels = info.rank == 4 ? info.size[3] : 1;
    if (info.type != H5_U8 || (info.rank != 3 && info.rank != 4))
        return fail(ERR_DATA, "%s: images is not uint8 [pictures, height, width, channels]", p->path);
    if (channels != 1 && channels != 3)
        return fail(ERR_DATA, "%s: images has %" PRIu64 " channels, not 1 or 3", p->path, channels);
    if (info.size[1] < 1 || info.size[2] < 1 || info.size[1] > INT16_MAX || info.size[2] > INT16_MAX)
        return fail(ERR_DATA, "%s: its pictures are %" PRIu64 " x %" PRIu64 " pixels", p->path, info.size[1], info.size[2]);
    p->count = (int64_t)info.size[0];
    p->image = (shape){(int64_t)info.size[1], (int64_t)info.size[2], (int64_t)channels};
    p->images_at = info.offset;
    p->total = info.count;
    return check_plain(f, "images", &info);
}

/* A table of `count` numbers; into memory where HDF5 does not keep it plain. */
static err open_table(dataset_part *p, h5_file *f, const char *object, h5_type type, const char *type_text, int64_t count,
                      dataset_table *t) {
    h5_info info;
    err code = get_typed(f, object, type, type_text, 1, &info);
    if (code != OK)
        return code;
    if (info.count != (uint64_t)count)
        return fail(ERR_DATA, "%s: %s has %" PRIu64 " entries, not %" PRId64 " as there are pictures", p->path, object, info.count, count);
    *t = (dataset_table){.at = info.offset, .width = type == H5_U64 ? 8 : 4};
    if (t->at >= 0)
        return OK;
    if (info.count * t->width > LARGEST_IN_MEMORY)
        return check_plain(f, object, &info);
    t->memory = mem_new((size_t)count, t->width);
    return h5_read(f, object, type, 0, UINT64_MAX, t->memory);
}

static err open_encoded(dataset_part *p, h5_file *f) {
    h5_info info;
    err code = get_typed(f, "encoded/offsets", H5_U64, "uint64", 1, &info);
    if (code == OK && info.count == 0)
        code = fail(ERR_DATA, "%s: encoded/offsets is empty", p->path);
    if (code != OK)
        return code;
    p->count = (int64_t)info.count - 1;
    p->encoded = true;
    code = open_table(p, f, "encoded/offsets", H5_U64, "uint64", p->count + 1, &p->offsets);
    if (code == OK)
        code = get_typed(f, "encoded/bytes", H5_U8, "uint8", 1, &info);
    if (code != OK)
        return code;
    p->images_at = info.offset;
    p->total = info.count;
    return check_plain(f, "encoded/bytes", &info);
}

static err open_pictures(dataset_part *p, h5_file *f) {
    bool images = h5_exists(f, "images"), encoded = h5_exists(f, "encoded/bytes");
    if (images == encoded)
        return fail(ERR_DATA, "%s: has %s images and encoded/bytes; there has to be one of them", p->path, images ? "both" : "neither");
    err code = images ? open_images(p, f) : open_encoded(p, f);
    if (code == OK && p->count == 0)
        code = fail(ERR_DATA, "%s: holds no picture", p->path);
    return code;
}

/* Of x/255, both lie between 0 and 1. A std of 0 is that of a set of one colour. */
static err check_statistics(const dataset_part *p, const char *name, const float *values) {
    for (int c = 0; c < p->channels; c++) {
        if (values[c] > 1 && values[c] <= 255)
            return fail(ERR_DATA, "%s: its %s is %g in channel %d, as of pixels from 0 to 255: it has to be that of x/255", p->path, name,
                        (double)values[c], c);
        if (!(values[c] >= 0 && values[c] <= 1))
            return fail(ERR_DATA, "%s: its %s is %g in channel %d: that of x/255 lies between 0 and 1", p->path, name, (double)values[c], c);
    }
    return OK;
}

static err open_statistics(dataset_part *p, h5_file *f) {
    h5_info info;
    err code = h5_get_attribute_info(f, "/", "mean", &info);
    if (code != OK)
        return code;
    p->channels = (int)(info.count <= DATASET_CHANNELS ? info.count : 0);
    if (p->channels != 1 && p->channels != 3)
        return fail(ERR_DATA, "%s: its mean has %" PRIu64 " numbers, not 1 or 3", p->path, info.count);
    if (!p->encoded && p->channels != p->image.c)
        return fail(ERR_DATA, "%s: its mean has %d numbers, its pictures have %" PRId64 " channels", p->path, p->channels, p->image.c);
    code = h5_read_attribute(f, "/", "mean", H5_F32, (uint64_t)p->channels, p->mean);
    if (code == OK)
        code = h5_read_attribute(f, "/", "std", H5_F32, (uint64_t)p->channels, p->std);
    if (code == OK)
        code = check_statistics(p, "mean", p->mean);
    return code == OK ? check_statistics(p, "std", p->std) : code;
}

static err open_classes(dataset_part *p, h5_file *f) {
    err code = h5_read_strings(f, "classes", &p->classes, &p->n_classes);
    if (code == OK && (p->n_classes == 0 || p->n_classes > INT32_MAX))
        code = fail(ERR_DATA, "%s: it has no classes", p->path);
    return code;
}

static err check_file_size(const dataset_part *p) {
    struct stat s;
    if (fstat(p->fd, &s) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", p->path, strerror(errno));
    uint64_t bytes = (uint64_t)s.st_size;
    if (p->total == 0 || (p->total <= bytes && (uint64_t)p->images_at <= bytes - p->total))
        return OK;
    return fail(ERR_DATA, "%s: truncated: %" PRIu64 " bytes of pictures begin at byte %" PRId64 ", the file has %" PRIu64 " bytes", p->path,
                p->total, p->images_at, bytes);
}

static err check_labels(const dataset_part *p) {
    enum { AT_ONCE = 16384 };
    int32_t *labels = mem_new(AT_ONCE, sizeof *labels);
    err code = OK;
    for (int64_t first = 0; first < p->count && code == OK; first += AT_ONCE) {
        int64_t n = p->count - first < AT_ONCE ? p->count - first : AT_ONCE;
        code = dataset_table_read(p, &p->labels, first, n, labels);
        for (int64_t i = 0; i < n && code == OK; i++)
            if (labels[i] < 0 || (uint64_t)labels[i] >= p->n_classes)
                code = fail(ERR_DATA, "%s: label %d of picture %" PRId64 " is not in 0…%" PRIu64, p->path, labels[i], first + i,
                            p->n_classes - 1);
    }
    mem_free(labels);
    return code;
}

static err open_pack_id(dataset_part *p, h5_file *f) {
    return h5_has_attribute(f, "/", "pack_id") ? h5_read_attribute_text(f, "/", "pack_id", &p->pack_id) : OK;
}

static err open_all(dataset_part *p, h5_file *f) {
    err code = check_format(f);
    if (code == OK)
        code = open_pictures(p, f);
    if (code == OK)
        code = open_table(p, f, "labels", H5_I32, "int32", p->count, &p->labels);
    if (code == OK)
        code = open_table(p, f, "crc32", H5_U32, "uint32", p->count, &p->crcs);
    if (code == OK)
        code = open_classes(p, f);
    if (code == OK)
        code = open_pack_id(p, f);
    return code == OK ? open_statistics(p, f) : code;
}

err dataset_part_open(dataset_part *p, const char *path) {
    *p = (dataset_part){.path = mem_string(path), .fd = -1};
    h5_file *f;
    err code = h5_open(&f, path);
    if (code != OK)
        return code;
    code = h5_check_trouble(f, open_all(p, f));
    h5_close(f);
    if (code != OK)
        return code;
    p->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    code = check_file_size(p);
    return code == OK ? check_labels(p) : code;
}

void dataset_part_forget_classes(dataset_part *p) {
    mem_free_strings(p->classes, p->n_classes);
    p->classes = NULL;
    p->n_classes = 0;
}

void dataset_part_reset(dataset_part *p) {
    if (p->fd >= 0)
        close(p->fd);
    mem_free(p->offsets.memory);
    mem_free(p->labels.memory);
    mem_free(p->crcs.memory);
    dataset_part_forget_classes(p);
    mem_free(p->pack_id);
    mem_free(p->path);
    *p = (dataset_part){.fd = -1};
}

err dataset_part_read(const dataset_part *p, int64_t at, void *to, size_t bytes) {
    char *next = to;
    while (bytes > 0) {
        ssize_t n = pread(p->fd, next, bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(ERR_IO, "%s: cannot be read: %s", p->path, strerror(errno));
        if (n == 0)
            return fail(ERR_IO, "%s: ends before byte %" PRId64 " and was longer when it was opened: is something writing to it?", p->path, at);
        next += n;
        at += n;
        bytes -= (size_t)n;
    }
    return OK;
}

err dataset_table_read(const dataset_part *p, const dataset_table *t, int64_t first, int64_t count, void *to) {
    if (!t->memory)
        return dataset_part_read(p, t->at + first * (int64_t)t->width, to, (size_t)count * t->width);
    memcpy(to, (const char *)t->memory + (size_t)first * t->width, (size_t)count * t->width);
    return OK;
}
