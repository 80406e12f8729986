/* What every file of a data set carries beside its pictures. Version 2 of the format is written only where version 1 has no place for it.
 */
#include "pack/internal.h"

#include <zlib.h>

bool dataset_tables_are_new(const dataset_tables *t) {
    return t->label_offsets || t->n_targets > 0;
}

static err write_attributes(const dataset_tables *t, h5_file *f) {
    int32_t version = dataset_tables_are_new(t) ? 2 : 1;
    err code = h5_write_attribute_text(f, "/", "format", "shoal-dataset");
    if (code == OK)
        code = h5_write_attribute(f, "/", "version", H5_I32, 0, &version);
    if (code == OK)
        code = h5_write_attribute_text(f, "/", "task", t->task ? t->task : "classification");
    if (code == OK)
        code = h5_write_attribute_text(f, "/", "pack_id", t->pack_id);
    if (code == OK)
        code = h5_write_attribute(f, "/", "mean", H5_F32, (uint64_t)t->channels, t->mean);
    return code == OK ? h5_write_attribute(f, "/", "std", H5_F32, (uint64_t)t->channels, t->std) : code;
}

/* ---- version 1 ---- */

static err write_old(const dataset_tables *t, h5_file *f) {
    uint64_t ends = t->count + 1;
    err code = h5_write(f, "labels", H5_I32, 1, &t->count, t->labels);
    if (code == OK)
        code = h5_write(f, "crc32", H5_U32, 1, &t->count, t->crcs);
    if (code == OK && t->offsets)
        code = h5_write(f, "encoded/offsets", H5_U64, 1, &ends, t->offsets);
    return code;
}

/* ---- version 2: fields, each with CRCs ---- */

/* The CRCs of rows of numbers; `ends` NULL: each of `row` bytes, otherwise of as many numbers as lie between two. */
static err write_crcs(const dataset_tables *t, h5_file *f, const char *object, const void *numbers, const uint64_t *ends, size_t row) {
    uint32_t *crcs = mem_new((size_t)t->count, sizeof *crcs);
    const uint8_t *at = numbers;
    for (uint64_t i = 0; i < t->count; i++) {
        size_t bytes = ends ? (size_t)(ends[i + 1] - ends[i]) * sizeof(int32_t) : row;
        crcs[i] = (uint32_t)crc32_z(crc32_z(0, NULL, 0), at, bytes);
        at += bytes;
    }
    err code = h5_write(f, object, H5_U32, 1, &t->count, crcs);
    mem_free(crcs);
    return code;
}

static err write_labels(const dataset_tables *t, h5_file *f) {
    uint64_t ends = t->count + 1;
    err code = OK;
    if (t->label_offsets) {
        code = h5_write(f, "labels/values", H5_I32, 1, &t->label_offsets[t->count], t->labels);
        if (code == OK)
            code = h5_write(f, "labels/offsets", H5_U64, 1, &ends, t->label_offsets);
    } else {
        code = h5_write(f, "labels", H5_I32, 1, &t->count, t->labels);
    }
    return code == OK ? write_crcs(t, f, "crc32/labels", t->labels, t->label_offsets, sizeof *t->labels) : code;
}

static err write_targets(const dataset_tables *t, h5_file *f) {
    uint64_t size[2] = {t->count, (uint64_t)t->n_targets};
    err code = h5_write(f, "targets", H5_F32, 2, size, t->targets);
    return code == OK ? write_crcs(t, f, "crc32/targets", t->targets, NULL, (size_t)t->n_targets * sizeof *t->targets) : code;
}

static err write_new(const dataset_tables *t, h5_file *f) {
    uint64_t ends = t->count + 1;
    err code = h5_write(f, "crc32/images", H5_U32, 1, &t->count, t->crcs);
    if (code == OK && t->n_classes)
        code = write_labels(t, f);
    if (code == OK && t->n_targets)
        code = write_targets(t, f);
    if (code == OK)
        code = h5_write(f, "images/offsets", H5_U64, 1, &ends, t->offsets);
    return code == OK ? h5_write_attribute_text(f, "images", "encoding", "file") : code;
}

err dataset_tables_write(const dataset_tables *t, h5_file *f) {
    err code = write_attributes(t, f);
    if (code == OK && t->n_classes)
        code = h5_write_strings(f, "classes", t->classes, (uint64_t)t->n_classes);
    if (code != OK)
        return code;
    return dataset_tables_are_new(t) ? write_new(t, f) : write_old(t, f);
}
