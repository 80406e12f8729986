/* What a file declares against what it can hold: sizes are only numbers in a file, and memory is taken for them. */
#include "h5/internal.h"

#include <inttypes.h>

enum {
    PROPORTION = 16,         /* times the file's length: more than that is nobody's numbers, however well they are compressed */
    ALWAYS = 64 << 20,       /* bytes that may be declared in any file */
    STRING_BYTES = 64 + 40,  /* memory that a string takes beside its text */
};

/* `more` times as much, or the largest number there is. */
static uint64_t times(uint64_t bytes, uint64_t more) {
    uint64_t product;
    return __builtin_mul_overflow(bytes, more, &product) ? UINT64_MAX : product;
}

/* Elements of the space; HDF5's own count may have gone round. */
static uint64_t elements(hid_t space) {
    hsize_t size[H5S_MAX_RANK];
    uint64_t count = 1;
    int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || H5Sget_simple_extent_dims(space, size, NULL) < 0)
        return UINT64_MAX;
    if (H5Sget_simple_extent_type(space) == H5S_NULL)
        return 0;
    for (int i = 0; i < rank; i++)
        if (size[i] == 0)
            return 0;
    for (int i = 0; i < rank; i++)
        count = times(count, size[i]);
    return count;
}

/* Memory of one element as it is read. */
static uint64_t element_bytes(const h5_source *s) {
    uint64_t width = H5Tget_size(s->type), least = s->name ? sizeof(double) : sizeof(float); /* small numbers are read as large ones */
    if (H5Tget_class(s->type) == H5T_STRING)
        return width + STRING_BYTES;
    return width > least ? width : least;
}

/* Bytes of a chunk: HDF5 holds one at a time. */
static uint64_t chunk_bytes(const h5_source *s, hid_t list) {
    hsize_t size[H5S_MAX_RANK];
    uint64_t bytes = H5Tget_size(s->type);
    int rank = H5Pget_layout(list) == H5D_CHUNKED ? H5Pget_chunk(list, H5S_MAX_RANK, size) : 0;
    for (int i = 0; i < rank; i++)
        bytes = times(bytes, size[i]);
    return rank > 0 ? bytes : 0;
}

err h5_check_size(const h5_source *s, h5_file *f, const char *object) {
    char what[H5_WHAT];
    uint64_t bytes = times(elements(s->space), element_bytes(s)), most = times(f->bytes, PROPORTION), chunk = 0;
    if (!s->name) {
        hid_t list = H5Dget_create_plist(s->id);
        chunk = chunk_bytes(s, list);
        H5Pclose(list);
    }
    if (chunk > bytes)
        bytes = chunk;
    if (bytes <= most || bytes <= ALWAYS)
        return OK;
    return fail(ERR_DATA, "%s: %s is said to have %" PRIu64 " bytes, more than a file of %" PRIu64 " bytes can hold: is it damaged?",
                f->path, h5_what(what, object, s->name), bytes, f->bytes);
}

err h5_check_extent(const h5_source *s, h5_file *f, const char *object) {
    hid_t list = H5Dget_create_plist(s->id);
    bool contiguous = H5Pget_layout(list) == H5D_CONTIGUOUS && H5Pget_external_count(list) == 0;
    H5Pclose(list);
    haddr_t at = contiguous ? H5Dget_offset(s->id) : HADDR_UNDEF;
    uint64_t bytes = times(elements(s->space), H5Tget_size(s->type));
    if (at == HADDR_UNDEF || (bytes <= f->bytes && at <= f->bytes - bytes))
        return OK;
    return fail(ERR_DATA, "%s: truncated or damaged: %" PRIu64 " bytes of %s begin at byte %" PRIu64 ", the file has %" PRIu64 " bytes",
                f->path, bytes, object, (uint64_t)at, f->bytes);
}

err h5_check_here(const h5_source *s, h5_file *f, const char *object) {
    hid_t list = H5Dget_create_plist(s->id);
    bool is_virtual = H5Pget_layout(list) == H5D_VIRTUAL, external = H5Pget_external_count(list) > 0;
    H5Pclose(list);
    if (!is_virtual && !external)
        return OK;
    return fail(ERR_DATA, "%s: %s %s: copy its numbers into this file (h5repack, or with h5py: f[name] = values)", f->path, object,
                is_virtual ? "is virtual, put together from other datasets" : "keeps its numbers in another file");
}

err h5_check_stored(const h5_source *s, h5_file *f, const char *object) {
    err code = s->name ? OK : h5_check_here(s, f, object);
    if (code == OK && !s->name)
        code = h5_check_extent(s, f, object);
    return code == OK ? h5_check_size(s, f, object) : code;
}
