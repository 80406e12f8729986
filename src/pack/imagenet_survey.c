/* First pass over the pictures: each is read in the order in which it lies in the source, decoded on one of the threads, and what is
 * known of it is written down: where it is, what it takes in the set, its CRC, what is odd. A unit's survey is written at once when it is
 * whole, so that a pass that was ended goes on with the next unit. */
#include "pack/imagenet.h"
#include "pack/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

struct survey {
    imagenet *work;
    const source_unit *unit;
    int number;
    tar *archive;        /* of the unit, or */
    class_folder folder; /* its files */
    int64_t next;
    picture_entry *entries;
    char *names;
    size_t entry_room, name_room;
    survey_head head;
};

err survey_begin(survey **out, imagenet *work, int number) {
    survey *s = mem_new(1, sizeof *s);
    *out = s;
    *s = (survey){.work = work, .unit = &work->source.units[number], .number = number};
    const source_unit *u = s->unit;
    if (!u->folder)
        return tar_open(&s->archive, work->source.files[u->part], work->source.tars[u->part], u->at, u->bytes, false);
    s->folder.path = mem_string(u->folder);
    err code = class_folder_scan(&s->folder);
    s->head.ignored = s->folder.others;
    return code;
}

void survey_free(survey *s) {
    if (!s)
        return;
    tar_close(s->archive);
    class_folder_reset(&s->folder);
    mem_free(s->entries);
    mem_free(s->names);
    mem_free(s);
}

/* ---- one picture of a batch ---- */

static bool next_file(survey *s, picture_job *job) {
    if (s->next == s->folder.count)
        return false;
    const char *name = s->folder.files[s->next++];
    job->name = mem_string(name);
    job->path = text_format("%s/%s", s->folder.path, name);
    return true;
}

/* As some systems leave beside every file. */
static bool is_hidden(const char *name) {
    const char *slash = strrchr(name, '/');
    return (slash ? slash + 1 : name)[0] == '.';
}

static err next_member(survey *s, picture_job *job, bool *found) {
    tar_member m;
    err code;
    do
        code = tar_next(s->archive, &m, found);
    while (code == OK && *found && is_hidden(m.name));
    if (code || !*found)
        return code;
    job->name = mem_string(m.name);
    job->entry.place = (uint64_t)m.place;
    if (m.bytes > INT32_MAX)
        return fail(ERR_DATA, "%s: %s is larger than any picture; get the archive again", s->work->source.tars[s->unit->part], m.name);
    return tar_read(s->archive, &job->file);
}

/* Its name within the set: the class, if it has a tar or folder of its own, and the file. */
static char *full_name(const survey *s, const char *name) {
    return s->unit->label >= 0 ? text_format("%s/%s", s->unit->name, name) : mem_string(name);
}

static err next_picture(survey *s, picture_job *job, bool *found) {
    job->entry = (picture_entry){.unit = (uint32_t)s->number, .label = s->unit->label};
    job->sums = (pixel_sums){0};
    job->code = OK;
    err code = OK;
    if (s->archive)
        code = next_member(s, job, found);
    else
        *found = next_file(s, job);
    if (code == OK && *found && s->unit->label < 0)
        code = label_list_find(&s->work->source.labels, job->name, &job->entry.label);
    return code;
}

/* The pixels of what is kept. */
static err add_pixels(picture_job *job, const byte_buffer *kept, picture_tools *t) {
    if (job->kept.size) {
        err code = image_decode(&t->picture, kept->bytes, kept->size, IMAGENET_CHANNELS);
        if (code != OK)
            return code;
    }
    size_t pixels = (size_t)t->picture.width * (size_t)t->picture.height;
    pixel_sums_add(&job->sums, t->picture.pixels, pixels, t->picture.channels, IMAGENET_CHANNELS);
    return OK;
}

static void look_at(void *context, int item, int thread) {
    picture_job *job = (picture_job *)context + item;
    picture_tools *t = &job->work->tools[thread];
    uint32_t odd = 0;
    err code = job->path ? byte_buffer_read(&job->file, job->path) : OK;
    if (code == OK && job->file.size > INT32_MAX)
        code = fail(ERR_DATA, "larger than any picture");
    if (code == OK) {
        odd = picture_oddities(&job->file, job->name);
        code = picture_keep(&job->file, job->work->rule, &odd, t, &job->kept);
    }
    const byte_buffer *kept = job->kept.size ? &job->kept : &job->file;
    if (code == OK)
        code = add_pixels(job, kept, t);
    job->code = code;
    job->entry.odd = code ? ODD_LEFT_OUT : odd;
    job->entry.bytes = (uint32_t)job->file.size;
    job->entry.kept = (uint32_t)kept->size;
    job->entry.crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), kept->bytes, kept->size);
    job->error = *err_last();
}

/* ---- what becomes of it ---- */

static void append_text(survey *s, const char *text) {
    size_t bytes = strlen(text) + 1;
    if (s->head.name_bytes + bytes > s->name_room) {
        s->name_room = 2 * (s->head.name_bytes + bytes);
        s->names = mem_resize(s->names, s->name_room, 1);
    }
    memcpy(s->names + s->head.name_bytes, text, bytes);
    s->head.name_bytes += bytes;
}

static void append_entry(survey *s, picture_entry e) {
    if (s->head.count == s->entry_room) {
        s->entry_room = s->entry_room ? 2 * s->entry_room : 1024;
        s->entries = mem_resize(s->entries, s->entry_room, sizeof *s->entries);
    }
    s->entries[s->head.count++] = e;
}

/* One that cannot be decoded is written down with the reason, or ends the run. */
static err record(survey *s, picture_job *job) {
    char *name = full_name(s, job->name);
    err code = OK;
    if (job->code == ERR_DATA && !s->work->options->strict)
        s->head.left_out++;
    else if (job->code != OK)
        code =
            job->path && job->code != ERR_DATA ? fail(job->code, "%s", job->error.text) : fail(job->code, "%s: %s", name, job->error.text);
    job->entry.name = s->head.name_bytes;
    append_text(s, name);
    if (job->code)
        append_text(s, job->error.text);
    append_entry(s, job->entry);
    if (job->code == OK) {
        s->head.kept_bytes += job->entry.kept;
        pixel_sums_join(&s->head.sums, &job->sums);
    }
    mem_free(name);
    return code;
}

static void forget(picture_job *job) {
    mem_free(job->name);
    mem_free(job->path);
    job->name = job->path = NULL;
}

/* A class of train is there to be learnt. */
static err finish(survey *s) {
    const source_unit *u = s->unit;
    if (u->part == TRAIN && s->head.count == s->head.left_out)
        return fail(ERR_DATA, "%s: class %s: no picture of it can be decoded; get it again, or take the class out",
                    u->folder ? u->folder : s->work->source.tars[TRAIN], u->name);
    char *path = state_survey_path(s->work, s->number);
    err code = survey_file_write(path, &s->head, s->entries, s->names);
    mem_free(path);
    return code;
}

/* How much of the unit has been gone through. */
static double share_done(const survey *s, const picture_job *last) {
    if (!s->archive)
        return s->folder.count ? (double)s->next / (double)s->folder.count : 1;
    return last ? (double)((int64_t)last->entry.place + last->entry.bytes - s->unit->at) / (double)s->unit->bytes : 1;
}

err survey_step(survey *s, int64_t *pictures, double *share, bool *done) {
    picture_job *jobs = s->work->jobs;
    bool found = true;
    err code = OK;
    int n = 0;
    while (n < IMAGENET_BATCH && code == OK) {
        code = next_picture(s, &jobs[n], &found);
        if (!found)
            break;
        n++;
    }
    if (code == OK)
        threads_run(n, look_at, jobs);
    for (int i = 0; i < n; i++) {
        if (code == OK)
            code = record(s, &jobs[i]);
        forget(&jobs[i]);
    }
    *pictures = n;
    *done = !found;
    *share = *done || n == 0 ? 1 : share_done(s, &jobs[n - 1]);
    return code == OK && *done ? finish(s) : code;
}
