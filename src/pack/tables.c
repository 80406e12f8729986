/* What every file of a data set carries beside its pictures. */
#include "pack/internal.h"

static err write_attributes(const dataset_tables *t, h5_file *f) {
    int32_t version = 1;
    err code = h5_write_attribute_text(f, "/", "format", "shoal-dataset");
    if (code == OK)
        code = h5_write_attribute(f, "/", "version", H5_I32, 0, &version);
    if (code == OK)
        code = h5_write_attribute_text(f, "/", "task", "classification");
    if (code == OK)
        code = h5_write_attribute_text(f, "/", "pack_id", t->pack_id);
    if (code == OK)
        code = h5_write_attribute(f, "/", "mean", H5_F32, (uint64_t)t->channels, t->mean);
    return code == OK ? h5_write_attribute(f, "/", "std", H5_F32, (uint64_t)t->channels, t->std) : code;
}

err dataset_tables_write(const dataset_tables *t, h5_file *f) {
    uint64_t ends = t->count + 1;
    err code = write_attributes(t, f);
    if (code == OK)
        code = h5_write_strings(f, "classes", t->classes, (uint64_t)t->n_classes);
    if (code == OK)
        code = h5_write(f, "labels", H5_I32, 1, &t->count, t->labels);
    if (code == OK)
        code = h5_write(f, "crc32", H5_U32, 1, &t->count, t->crcs);
    if (code == OK && t->offsets)
        code = h5_write(f, "encoded/offsets", H5_U64, 1, &ends, t->offsets);
    return code;
}
