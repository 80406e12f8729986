/* Second pass: one file of the set. Position p of a split's order holds picture rng_permute(p) of its index, and a file holds a range of
 * positions. What goes into a file is known before the first byte is read, so its pictures are read in the order in which they lie in the
 * source, and each is written to its place: random places are cheap in a file of a gigabyte, but not in one of a hundred. */
#define _POSIX_C_SOURCE 200809L
#include "h5/h5.h"
#include "pack/imagenet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

typedef struct place {
    uint64_t index, position; /* of the picture: in the split's index; in the file */
} place;

struct shard {
    imagenet *work;
    split part;
    char *path, *temporary;
    h5_file *file;
    uint64_t count, next, first;
    place *places;          /* by index */
    picture_entry *entries; /* of `places` */
    uint64_t *offsets;
    int32_t *labels;
    uint32_t *crcs;
};

void shard_range(const imagenet *work, split part, int number, uint64_t *first, uint64_t *last) {
    uint64_t count = work->index[part].head.count, files = (uint64_t)work->shards[part], n = (uint64_t)number;
    *first = count * n / files;
    *last = count * (n + 1) / files;
}

static int compare_places(const void *a, const void *b) {
    uint64_t x = ((const place *)a)->index, y = ((const place *)b)->index;
    return (x > y) - (x < y);
}

static void find_places(shard *s) {
    uint64_t total = s->work->index[s->part].head.count;
    rng_key key = rng_make_key(s->work->options->seed, RNG_DATA, rng_hash("imagenet"), s->part);
    s->places = mem_new(s->count, sizeof *s->places);
    for (uint64_t p = 0; p < s->count; p++)
        s->places[p] = (place){rng_permute(key, total, s->first + p), p};
    qsort(s->places, s->count, sizeof *s->places, compare_places);
}

static err read_entries(shard *s) {
    const survey_file *index = &s->work->index[s->part];
    s->entries = mem_new(s->count, sizeof *s->entries);
    s->offsets = mem_new(s->count + 1, sizeof *s->offsets);
    s->labels = mem_new(s->count, sizeof *s->labels);
    s->crcs = mem_new(s->count, sizeof *s->crcs);
    for (uint64_t i = 0; i < s->count; i++) {
        picture_entry *e = &s->entries[i];
        err code = survey_file_entries(index, s->places[i].index, 1, e);
        if (code != OK)
            return code;
        uint64_t p = s->places[i].position;
        s->labels[p] = e->label;
        s->crcs[p] = e->crc;
        s->offsets[p + 1] = e->kept;
    }
    for (uint64_t p = 0; p < s->count; p++)
        s->offsets[p + 1] += s->offsets[p];
    return OK;
}

static err begin_file(shard *s) {
    const imagenet *w = s->work;
    dataset_tables t = {.pack_id = w->id,
                        .classes = w->source.classes,
                        .n_classes = w->source.n_classes,
                        .channels = IMAGENET_CHANNELS,
                        .count = s->count,
                        .offsets = s->offsets,
                        .labels = s->labels,
                        .crcs = s->crcs};
    pixel_sums_finish(&w->index[s->part].head.sums, IMAGENET_CHANNELS, t.mean, t.std);
    err code = h5_create(&s->file, s->temporary);
    if (code == OK)
        code = dataset_tables_write(&t, s->file);
    if (code == OK)
        code = h5_make_dataset(s->file, "encoded/bytes", H5_U8, 1, &s->offsets[s->count]);
    if (code == OK)
        h5_leave_unsealed(s->file, "encoded/bytes");
    return code;
}

err shard_begin(shard **out, imagenet *work, split part, int number) {
    shard *s = mem_new(1, sizeof *s);
    *out = s;
    uint64_t last;
    *s = (shard){.work = work, .part = part, .path = state_shard_path(work, part, number)};
    s->temporary = text_format("%s.part", s->path);
    shard_range(work, part, number, &s->first, &last);
    s->count = last - s->first;
    find_places(s);
    err code = read_entries(s);
    return code == OK ? begin_file(s) : code;
}

void shard_free(shard *s) {
    if (!s)
        return;
    h5_close(s->file);
    unlink(s->temporary); /* gone by now, where all went well */
    mem_free(s->path);
    mem_free(s->temporary);
    mem_free(s->places);
    mem_free(s->entries);
    mem_free(s->offsets);
    mem_free(s->labels);
    mem_free(s->crcs);
    mem_free(s);
}

/* ---- a batch of pictures ---- */

/* Where the picture is, if it has a file of its own: its name within the unit's folder. */
static err find_file(const shard *s, picture_job *job) {
    const source_unit *u = &s->work->source.units[job->entry.unit];
    if (!u->folder)
        return OK;
    char name[4096];
    err code = survey_file_name(&s->work->index[s->part], &job->entry, name, sizeof name);
    if (code == OK)
        job->path = text_format("%s/%s", u->folder, name + (u->label >= 0 ? strlen(u->name) + 1 : 0));
    return code;
}

static err read_picture(picture_job *job) {
    const source *from = &job->work->source;
    split part = from->units[job->entry.unit].part;
    if (job->path)
        return byte_buffer_read(&job->file, job->path);
    byte_buffer_resize(&job->file, job->entry.bytes);
    return read_at(from->files[part], from->tars[part], (int64_t)job->entry.place, job->file.bytes, job->file.size);
}

static bool is_as_surveyed(const picture_job *job, const byte_buffer *kept) {
    return kept->size == job->entry.kept && crc32_z(crc32_z(0, NULL, 0), kept->bytes, kept->size) == job->entry.crc;
}

static void fetch(void *context, int item, int thread) {
    picture_job *job = (picture_job *)context + item;
    uint32_t odd = job->entry.odd & (ODD_GREY | ODD_PNG);
    job->kept.size = 0;
    err code = read_picture(job);
    if (code == OK && job->entry.odd & ODD_REENCODED)
        code = picture_keep(&job->file, job->work->rule, &odd, &job->work->tools[thread], &job->kept);
    if (code == OK && !is_as_surveyed(job, job->kept.size ? &job->kept : &job->file))
        code = fail(ERR_DATA, "%s: has changed since its pictures were looked at; remove %s and start again", job->work->options->source,
                    job->work->state);
    job->code = code;
    job->error = *err_last();
}

/* The system may fetch what the next batch needs while this one is worked on. */
static void announce(const shard *s, uint64_t first) {
    const source *from = &s->work->source;
    for (uint64_t i = first; i < s->count && i < first + IMAGENET_BATCH; i++)
        if (from->files[s->part] >= 0)
            posix_fadvise(from->files[s->part], (off_t)s->entries[i].place, s->entries[i].bytes, POSIX_FADV_WILLNEED);
}

static err write_picture(shard *s, const picture_job *job, uint64_t position) {
    if (job->code) {
        *err_last() = job->error;
        return job->code;
    }
    const byte_buffer *kept = job->kept.size ? &job->kept : &job->file;
    return h5_write_part(s->file, "encoded/bytes", H5_U8, s->offsets[position], kept->size, kept->bytes);
}

/* ---- the end ---- */

static err check_bytes(const shard *s, int fd, int64_t at) {
    byte_buffer b = {0};
    err code = OK;
    for (uint64_t p = 0; p < s->count && code == OK; p++) {
        byte_buffer_resize(&b, s->offsets[p + 1] - s->offsets[p]);
        code = read_at(fd, s->temporary, at + (int64_t)s->offsets[p], b.bytes, b.size);
        if (code == OK && crc32_z(crc32_z(0, NULL, 0), b.bytes, b.size) != s->crcs[p])
            code = fail(ERR_IO, "%s: does not hold what was written to it: is the disk sound?", s->temporary);
    }
    byte_buffer_reset(&b);
    return code;
}

/* Opens the file as any reader would, and compares every picture's bytes with its CRC. */
static err verify(const shard *s) {
    dataset *d;
    h5_file *f;
    h5_info info;
    err code = dataset_open(&d, s->temporary);
    dataset_close(d);
    if (code == OK)
        code = h5_open(&f, s->temporary);
    if (code != OK)
        return code;
    code = h5_get_info(f, "encoded/bytes", &info);
    h5_close(f);
    int fd = code == OK ? open(s->temporary, O_RDONLY | O_CLOEXEC) : -1;
    if (code == OK)
        code = fd < 0 ? fail(ERR_IO, "%s: cannot be read: %s", s->temporary, strerror(errno)) : check_bytes(s, fd, info.offset);
    if (fd >= 0)
        close(fd);
    return code;
}

static err finish(shard *s) {
    err code = h5_finish(s->file);
    s->file = NULL;
    if (code == OK)
        code = verify(s);
    return code == OK ? durable_rename(s->temporary, s->path) : code;
}

err shard_step(shard *s, int64_t *pictures, bool *done) {
    picture_job *jobs = s->work->jobs;
    uint64_t left = s->count - s->next;
    int n = left < IMAGENET_BATCH ? (int)left : IMAGENET_BATCH;
    err code = OK;
    announce(s, s->next + (uint64_t)n);
    for (int i = 0; i < n && code == OK; i++) {
        jobs[i].entry = s->entries[s->next + (uint64_t)i];
        code = find_file(s, &jobs[i]);
    }
    if (code == OK)
        threads_run(n, fetch, jobs);
    for (int i = 0; i < n; i++) {
        if (code == OK)
            code = write_picture(s, &jobs[i], s->places[s->next + (uint64_t)i].position);
        mem_free(jobs[i].path);
        jobs[i].path = NULL;
    }
    s->next += (uint64_t)n;
    *pictures = n;
    *done = s->next == s->count;
    return code == OK && *done ? finish(s) : code;
}
