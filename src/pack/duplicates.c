/* Pictures that are in a set more than once, by their bytes. One in train and val makes the figures of val too good; one under two classes
 * teaches a contradiction. */
#include "pack/duplicates.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct duplicate_entry {
    char id[PACK_ID];
    char *path;
    split part;
    int32_t label;
} duplicate_entry;

void duplicates_add(duplicates *d, split part, int32_t label, const uint8_t *bytes, size_t n_bytes, const char *path) {
    if (d->count == d->room) {
        d->room = d->room ? 2 * d->room : 1024;
        d->entries = mem_resize(d->entries, (size_t)d->room, sizeof *d->entries);
    }
    duplicate_entry *e = &d->entries[d->count++];
    *e = (duplicate_entry){.path = mem_string(path), .part = part, .label = label};
    pack_hash *h = pack_hash_new();
    pack_hash_add(h, bytes, n_bytes);
    pack_hash_finish(h, e->id);
}

/* The same pictures next to each other, in the order of their names. */
static int compare(const void *a, const void *b) {
    const duplicate_entry *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : strcmp(x->path, y->path);
}

/* One way of being there twice: how many pictures are, and the first two by name. */
typedef struct finding {
    int64_t count;
    const duplicate_entry *one, *other;
} finding;

static void note(finding *f, const duplicate_entry *one, const duplicate_entry *other) {
    if (f->count++ == 0 || strcmp(one->path, f->one->path) < 0)
        f->one = one, f->other = other;
}

static void warn(const finding *f, const char *where) {
    if (f->count)
        log_warn("%" PRId64 " picture%s there more than once, %s: %s is %s", f->count, f->count == 1 ? " is" : "s are", where, f->one->path,
                 f->other->path);
}

void duplicates_report(duplicates *d) {
    finding splits = {0}, classes = {0}, alike = {0};
    if (d->count)
        qsort(d->entries, (size_t)d->count, sizeof *d->entries, compare);
    for (int64_t first = 0, end; first < d->count; first = end) {
        const duplicate_entry *a = &d->entries[first], *other_part = NULL, *other_class = NULL;
        for (end = first + 1; end < d->count && strcmp(d->entries[end].id, a->id) == 0; end++) {
            other_part = d->entries[end].part != a->part ? &d->entries[end] : other_part;
            other_class = d->entries[end].label != a->label ? &d->entries[end] : other_class;
        }
        if (other_part)
            note(&splits, a, other_part);
        if (other_class)
            note(&classes, a, other_class);
        if (!other_part && !other_class && end > first + 1)
            note(&alike, a, a + 1);
    }
    warn(&splits, "in train and in val");
    warn(&classes, "under different classes");
    warn(&alike, "in one class");
}

void duplicates_reset(duplicates *d) {
    for (int64_t i = 0; i < d->count; i++)
        mem_free(d->entries[i].path);
    mem_free(d->entries);
    *d = (duplicates){0};
}
