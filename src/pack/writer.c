/* One file of a data set, written picture by picture. The pictures are collected in a file without a name
 * first: only at the end is known how many there are, and HDF5 can place them contiguously only then. */
#define _POSIX_C_SOURCE 200809L
#include "pack/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SPOOL_BUFFER = 1 << 20, COPY_AT_ONCE = 4 << 20 };

struct dataset_writer {
    char *folder, *name, *path;
    char *temporary; /* where the whole file is, before it has its name */
    char **classes;
    int n_classes, channels;
    shape image;
    FILE *spool;
    uint64_t *offsets; /* [count + 1] */
    uint32_t *crcs;
    int64_t count, capacity, expected;
    char *task;
    bool several_labels;
    int32_t *labels;
    uint64_t *label_offsets; /* [count + 1] */
    uint64_t label_capacity;
    float *targets; /* [count][n_targets] */
    int n_targets;
    pixel_sums sums;
    pack_progress progress;
};

/* A file in the folder that is gone as soon as it is closed, even where the program is killed. */
static err open_spool(dataset_writer *w) {
    char *path = text_format("%s/.%s-XXXXXX", w->folder, w->name);
    int fd = mkstemp(path);
    if (fd >= 0) {
        unlink(path);
        w->spool = fdopen(fd, "w+");
        if (w->spool)
            setvbuf(w->spool, NULL, _IOFBF, SPOOL_BUFFER);
        else
            close(fd);
    }
    mem_free(path);
    return w->spool ? OK : fail(ERR_IO, "%s: cannot be written into: %s", w->folder, strerror(errno));
}

err dataset_writer_new(dataset_writer **out, const dataset_writer_options *options) {
    *out = NULL;
    dataset_writer *w = mem_new(1, sizeof *w);
    w->folder = mem_string(options->folder);
    w->name = text_format("%s.h5", options->name);
    w->path = text_format("%s/%s", w->folder, w->name);
    w->classes = mem_new((size_t)options->n_classes, sizeof *w->classes);
    for (int i = 0; i < options->n_classes; i++)
        w->classes[i] = mem_string(options->classes[i]);
    w->n_classes = options->n_classes;
    w->channels = options->channels;
    w->image = options->image;
    w->offsets = mem_new(1, sizeof *w->offsets);
    w->label_offsets = mem_new(1, sizeof *w->label_offsets);
    w->task = mem_string(options->task ? options->task : "classification");
    w->several_labels = options->several_labels;
    w->n_targets = options->n_targets;
    w->expected = options->count;
    w->progress = (pack_progress){.name = w->name, .start = time_now(), .shown = time_now()};
    err code = open_spool(w);
    if (code != OK) {
        dataset_writer_free(w);
        w = NULL;
    }
    *out = w;
    return code;
}

static bool is_encoded(const dataset_writer *w) {
    return shape_size(w->image) == 0;
}

static void make_room(dataset_writer *w, int n_labels) {
    uint64_t labels = w->label_offsets[w->count] + (uint64_t)n_labels;
    if (labels > w->label_capacity) {
        w->label_capacity = 2 * labels + 1024;
        w->labels = mem_resize(w->labels, w->label_capacity, sizeof *w->labels);
    }
    if (w->count < w->capacity)
        return;
    w->capacity = w->capacity ? 2 * w->capacity : 1024;
    w->offsets = mem_resize(w->offsets, (size_t)w->capacity + 1, sizeof *w->offsets);
    w->label_offsets = mem_resize(w->label_offsets, (size_t)w->capacity + 1, sizeof *w->label_offsets);
    w->targets = mem_resize(w->targets, (size_t)w->capacity * (size_t)w->n_targets, sizeof *w->targets);
    w->crcs = mem_resize(w->crcs, (size_t)w->capacity, sizeof *w->crcs);
}

static void add_sums(dataset_writer *w, const uint8_t *pixels, const image *decoded) {
    shape s = w->image;
    if (decoded)
        s = (shape){decoded->height, decoded->width, decoded->channels};
    pixel_sums_add(&w->sums, decoded ? decoded->pixels : pixels, (size_t)(s.h * s.w), (int)s.c, w->channels);
}

/* What is known of the next picture, beside its bytes. */
static err add_fields(dataset_writer *w, const dataset_sample *s) {
    uint64_t first = w->label_offsets[w->count];
    for (int i = 0; i < s->n_labels; i++)
        if (s->labels[i] < 0 || s->labels[i] >= w->n_classes)
            return fail(ERR_DATA, "%s: label %d of picture %" PRId64 " is not in 0…%d", w->path, s->labels[i], w->count, w->n_classes - 1);
    make_room(w, s->n_labels);
    if (s->n_labels)
        memcpy(w->labels + first, s->labels, (size_t)s->n_labels * sizeof *s->labels);
    w->label_offsets[w->count + 1] = first + (uint64_t)s->n_labels;
    if (w->n_targets)
        memcpy(w->targets + w->count * w->n_targets, s->targets, (size_t)w->n_targets * sizeof *s->targets);
    return OK;
}

err dataset_writer_add_sample(dataset_writer *w, const dataset_sample *s) {
    err code = add_fields(w, s);
    if (code != OK)
        return code;
    if (fwrite(s->bytes, 1, s->n_bytes, w->spool) != s->n_bytes)
        return fail(ERR_IO, "%s: cannot be written: %s", w->path, strerror(errno));
    w->crcs[w->count] = (uint32_t)crc32_z(crc32_z(0, NULL, 0), s->bytes, s->n_bytes);
    w->offsets[w->count + 1] = w->offsets[w->count] + s->n_bytes;
    w->count++;
    add_sums(w, s->bytes, s->decoded);
    pack_progress_show(&w->progress, (double)w->count, (double)w->count, 0, (double)w->expected);
    return OK;
}

err dataset_writer_add(dataset_writer *w, const uint8_t *pixels, size_t n_bytes, int32_t label) {
    return dataset_writer_add_sample(w, &(dataset_sample){.bytes = pixels, .n_bytes = n_bytes, .labels = &label, .n_labels = 1});
}

int64_t dataset_writer_count(const dataset_writer *w) {
    return w->count;
}

void dataset_writer_hash(const dataset_writer *w, pack_hash *h) {
    size_t count = (size_t)w->count;
    pack_hash_add_text(h, w->name);
    for (int i = 0; i < w->n_classes; i++)
        pack_hash_add_text(h, w->classes[i]);
    pack_hash_add(h, &w->image, sizeof w->image);
    pack_hash_add(h, w->offsets, (count + 1) * sizeof *w->offsets);
    pack_hash_add(h, w->labels, w->label_offsets[count] * sizeof *w->labels);
    if (w->several_labels)
        pack_hash_add(h, w->label_offsets, (count + 1) * sizeof *w->label_offsets);
    pack_hash_add(h, w->targets, count * (size_t)w->n_targets * sizeof *w->targets);
    pack_hash_add(h, w->crcs, count * sizeof *w->crcs);
}

static dataset_tables tables_of(const dataset_writer *w) {
    return (dataset_tables){.task = w->task,
                            .classes = w->classes,
                            .n_classes = w->n_classes,
                            .channels = w->channels,
                            .count = (uint64_t)w->count,
                            .offsets = is_encoded(w) ? w->offsets : NULL,
                            .labels = w->labels,
                            .label_offsets = w->several_labels ? w->label_offsets : NULL,
                            .targets = w->targets,
                            .n_targets = w->n_targets,
                            .crcs = w->crcs};
}

static err write_tables(const dataset_writer *w, h5_file *f, const char *pack_id) {
    dataset_tables t = tables_of(w);
    t.pack_id = pack_id;
    pixel_sums_finish(&w->sums, w->channels, t.mean, t.std);
    return dataset_tables_write(&t, f);
}

/* Copies the collected bytes into a dataset: `rows` of `row_bytes` each, many at a time. */
static err copy_spool(const dataset_writer *w, h5_file *f, const char *object, uint64_t rows, size_t row_bytes) {
    uint64_t at_once = COPY_AT_ONCE / row_bytes ? COPY_AT_ONCE / row_bytes : 1;
    uint8_t *block = mem_new(at_once, row_bytes);
    err code = fseek(w->spool, 0, SEEK_SET) == 0 ? OK : fail(ERR_IO, "%s: cannot be written: %s", w->path, strerror(errno));
    for (uint64_t first = 0; first < rows && code == OK; first += at_once) {
        uint64_t n = rows - first < at_once ? rows - first : at_once;
        if (fread(block, row_bytes, n, w->spool) != n)
            code = fail(ERR_IO, "%s: its pictures cannot be read back: %s", w->path, strerror(errno));
        else
            code = h5_write_part(f, object, H5_U8, first, n, block);
    }
    mem_free(block);
    return code;
}

static err write_pictures(const dataset_writer *w, h5_file *f) {
    dataset_tables t = tables_of(w);
    const char *object = !is_encoded(w) ? "images" : dataset_tables_are_new(&t) ? "images/bytes" : "encoded/bytes";
    uint64_t count = (uint64_t)w->count, total = w->offsets[w->count];
    uint64_t size[4] = {count, (uint64_t)w->image.h, (uint64_t)w->image.w, (uint64_t)w->image.c};
    err code = h5_make_dataset(f, object, H5_U8, is_encoded(w) ? 1 : 4, is_encoded(w) ? &total : size);
    if (code != OK)
        return code;
    h5_leave_unsealed(f, object);
    return is_encoded(w) ? copy_spool(w, f, object, total, 1) : copy_spool(w, f, object, count, (size_t)shape_size(w->image));
}

static err write_file(const dataset_writer *w, const char *pack_id) {
    h5_file *f;
    err code = h5_create(&f, w->temporary);
    if (code != OK)
        return code;
    code = write_tables(w, f, pack_id);
    if (code == OK)
        code = write_pictures(w, f);
    if (code == OK)
        return h5_finish(f);
    h5_close(f);
    return code;
}

static void print_summary(const dataset_writer *w) {
    char pictures[TEXT_NUMBER], bytes[TEXT_NUMBER], form[96] = "picture files";
    struct stat s;
    size_t size = stat(w->path, &s) == 0 ? (size_t)s.st_size : 0;
    if (!is_encoded(w))
        snprintf(form, sizeof form, "%" PRId64 " x %" PRId64 " x %" PRId64, w->image.h, w->image.w, w->image.c);
    char *holds = mem_string("");
    if (w->n_classes)
        text_append(&holds, text_format(", %d class%s", w->n_classes, w->n_classes == 1 ? "" : "es"));
    if (w->n_targets)
        text_append(&holds, text_format(", %d number%s of each", w->n_targets, text_plural(w->n_targets)));
    log_status("%s", "");
    log_info("%s: %s picture%s%s, %s, %s", w->name, text_count(pictures, w->count), text_plural(w->count), holds, form,
             text_bytes(bytes, size));
    mem_free(holds);
}

err dataset_writer_write(dataset_writer *w, const char *pack_id) {
    if (w->count == 0)
        return fail(ERR_DATA, "%s: there is no picture to write", w->path);
    if (fflush(w->spool) != 0)
        return fail(ERR_IO, "%s: cannot be written: %s", w->path, strerror(errno));
    w->temporary = text_format("%s/.%s-%ld.tmp", w->folder, w->name, (long)getpid());
    return write_file(w, pack_id);
}

err dataset_writer_publish(dataset_writer *w) {
    err code = durable_rename(w->temporary, w->path);
    if (code == OK)
        print_summary(w);
    return code;
}

void dataset_writer_free(dataset_writer *w) {
    if (!w)
        return;
    if (w->spool)
        fclose(w->spool);
    if (w->temporary)
        unlink(w->temporary); /* gone by now, where all went well */
    mem_free(w->temporary);
    mem_free_strings(w->classes, (size_t)w->n_classes);
    mem_free(w->offsets);
    mem_free(w->labels);
    mem_free(w->label_offsets);
    mem_free(w->targets);
    mem_free(w->task);
    mem_free(w->crcs);
    mem_free(w->folder);
    mem_free(w->name);
    mem_free(w->path);
    mem_free(w);
}
