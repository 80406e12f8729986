/* One sample: its record read and checked, decoded, augmented; and who takes its place where the record is bad. A substitute is a function
 * of the sample's id and of what the set holds, so that every rank and every resumed run finds the same. */
#include "data/sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SUBSTITUTES = 64 }; /* bad ones in a row: the set is not worth going on with */

void sample_reader_reset(sample_reader *r) {
    image_reset(&r->im);
    image_reset(&r->spare);
    byte_buffer_reset(&r->record);
}

static err check_shape(const image *im, shape wanted, const dataset *data, int64_t id) {
    shape is = {im->height, im->width, im->channels};
    if (shape_equal(is, wanted))
        return OK;
    char is_text[SHAPE_TEXT], wanted_text[SHAPE_TEXT];
    int64_t record;
    const char *path = dataset_path(data, id, &record);
    return fail(ERR_USAGE, "%s: picture %" PRId64 ": %s after the transforms, not %s; put a resize and a crop into them", path, record,
                shape_text(is_text, is), shape_text(wanted_text, wanted));
}

static bool is_named(const field *f, const char *name) {
    return strcmp(f->name, name) == 0;
}

static err load_picture(sample_reader *r, const loader_options *o, const field *f, int64_t id, rng_key key, void *to) {
    err code = dataset_record(o->data, id, &r->record);
    if (code == OK)
        code = transforms_load(o->transforms, o->n_transforms, &r->record, dataset_image_shape(o->data), key, &r->im, &r->spare);
    if (code == OK)
        code = check_shape(&r->im, f->shape, o->data, id);
    if (code == OK)
        memcpy(to, r->im.pixels, field_bytes(f));
    return code;
}

/* ERR_DATA: the record is bad. */
static err load_record(sample_reader *r, const loader_options *o, int64_t id, rng_key key, const batch_store *to, int64_t place) {
    err code = OK;
    for (int i = 0; i < o->n_fields && code == OK; i++) {
        const field *f = &o->fields[i];
        void *value = batch_store_at(to, i, place);
        code = is_named(f, "images") ? load_picture(r, o, f, id, key, value) : dataset_label(o->data, id, value);
    }
    return code;
}

err sample_check_fields(const loader_options *o) {
    for (int i = 0; i < o->n_fields; i++) {
        const field *f = &o->fields[i];
        bool label = is_named(f, "labels") && f->type == FIELD_I32 && shape_size(f->shape) == 1;
        if (!label && !(is_named(f, "images") && f->type == FIELD_U8))
            return fail(ERR_DATA, "%s: has no field %s of type %s", dataset_path(o->data, 0, &(int64_t){0}), f->name,
                        field_type_text(f->type));
    }
    return OK;
}

/* The last error's text; where it begins with file and record, what comes after them. */
static void add_bad(bad_records *bad, const dataset *data, int64_t id) {
    if (bad->count == bad->capacity) {
        bad->capacity = 2 * bad->capacity + 8;
        bad->list = mem_resize(bad->list, (size_t)bad->capacity, sizeof *bad->list);
    }
    int64_t record;
    const char *path = dataset_path(data, id, &record), *text = err_last()->text;
    char *place = text_format("%s: picture %" PRId64 ": ", path, record);
    size_t length = strlen(place);
    bad_record *b = &bad->list[bad->count++];
    *b = (bad_record){.id = id};
    snprintf(b->reason, sizeof b->reason, "%.*s", (int)sizeof b->reason - 1, strncmp(text, place, length) == 0 ? text + length : text);
    mem_free(place);
}

static int64_t nth_choice(const loader_options *o, int64_t id, int n) {
    uint64_t count = (uint64_t)dataset_count(o->data);
    return n == 0 ? id : (int64_t)rng_below(rng_make_key(o->seed, RNG_SUBSTITUTE, (uint64_t)id, 0), (uint64_t)n, count);
}

static void leave_out(const loader_options *o, const batch_store *to, int64_t place) {
    for (int i = 0; i < o->n_fields; i++)
        memset(batch_store_at(to, i, place), 0, field_bytes(&o->fields[i]));
    to->present[place] = 0;
}

err sample_load(sample_reader *r, const loader_options *o, int64_t epoch, int64_t id, const batch_store *to, int64_t place,
                bad_records *bad) {
    rng_key key = rng_make_key(o->seed, RNG_AUGMENT, (uint64_t)epoch, (uint64_t)id);
    to->present[place] = 1;
    for (int n = 0; n <= MOST_SUBSTITUTES; n++) {
        int64_t choice = nth_choice(o, id, n);
        err code = load_record(r, o, choice, key, to, place);
        if (code != ERR_DATA)
            return code;
        add_bad(bad, o->data, choice);
        if (o->leave_out_bad) {
            leave_out(o, to, place);
            return OK;
        }
    }
    return fail(ERR_DATA, "%s; nor is one of %d others good: is this data set what it should be?", err_last()->text, MOST_SUBSTITUTES);
}
