/* Files of the work under way: what is known of pictures. A head, entries of one size, and their names behind them; read at its place,
 * so that a rank holds none of it. For the machine that wrote them: they are removed when the set is whole. */
#define _POSIX_C_SOURCE 200809L
#include "pack/imagenet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "shoalpk";

static int64_t names_at(const survey_file *f) {
    return (int64_t)(sizeof f->head + f->head.count * sizeof(picture_entry));
}

static err check_head(const survey_file *f) {
    struct stat s;
    if (fstat(f->fd, &s) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", f->path, strerror(errno));
    uint64_t bytes = (uint64_t)s.st_size;
    if (memcmp(f->head.magic, magic, sizeof magic) != 0 || f->head.count > bytes || f->head.name_bytes > bytes ||
        s.st_size != names_at(f) + (int64_t)f->head.name_bytes)
        return fail(ERR_DATA, "%s: damaged; remove its folder and start again", f->path);
    return OK;
}

err survey_file_open(survey_file *f, const char *path) {
    *f = (survey_file){.path = mem_string(path), .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (f->fd < 0)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    err code = read_at(f->fd, path, 0, &f->head, sizeof f->head);
    return code == OK ? check_head(f) : code;
}

void survey_file_close(survey_file *f) {
    if (f->path && f->fd >= 0)
        close(f->fd);
    mem_free(f->path);
    *f = (survey_file){.fd = -1};
}

err survey_file_entries(const survey_file *f, uint64_t first, uint64_t count, picture_entry *entries) {
    return read_at(f->fd, f->path, (int64_t)(sizeof f->head + first * sizeof *entries), entries, count * sizeof *entries);
}

err survey_file_names(const survey_file *f, byte_buffer *names) {
    byte_buffer_resize(names, f->head.name_bytes);
    return read_at(f->fd, f->path, names_at(f), names->bytes, names->size);
}

err survey_file_name(const survey_file *f, const picture_entry *e, char *name, size_t room) {
    uint64_t left = f->head.name_bytes - e->name;
    size_t bytes = left < room ? left : room;
    err code = read_at(f->fd, f->path, names_at(f) + (int64_t)e->name, name, bytes);
    return code == OK && !memchr(name, '\0', bytes) ? fail(ERR_DATA, "%s: damaged; remove its folder and start again", f->path) : code;
}

err file_writer_open(file_writer *w, const char *path) {
    *w = (file_writer){.path = mem_string(path), .temporary = text_format("%s.part", path)};
    w->file = fopen(w->temporary, "wb");
    return w->file ? OK : fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

err file_writer_add(file_writer *w, const void *bytes, size_t n_bytes) {
    if (n_bytes == 0 || fwrite(bytes, 1, n_bytes, w->file) == n_bytes)
        return OK;
    return fail(ERR_IO, "%s: cannot be written: %s", w->path, strerror(errno));
}

err file_writer_finish(file_writer *w) {
    err code = durable_close(w->file, w->path);
    w->file = NULL;
    return code == OK ? durable_rename(w->temporary, w->path) : code;
}

void file_writer_close(file_writer *w) {
    if (w->file)
        fclose(w->file);
    if (w->temporary)
        unlink(w->temporary); /* gone by now, where all went well */
    mem_free(w->path);
    mem_free(w->temporary);
    *w = (file_writer){0};
}

err survey_file_start(file_writer *w, survey_head *head) {
    memcpy(head->magic, magic, sizeof magic);
    return file_writer_add(w, head, sizeof *head);
}

err survey_file_write(const char *path, survey_head *head, const picture_entry *entries, const char *names) {
    file_writer w;
    err code = file_writer_open(&w, path);
    if (code == OK)
        code = survey_file_start(&w, head);
    if (code == OK)
        code = file_writer_add(&w, entries, head->count * sizeof *entries);
    if (code == OK)
        code = file_writer_add(&w, names, head->name_bytes);
    if (code == OK)
        code = file_writer_finish(&w);
    file_writer_close(&w);
    return code;
}
