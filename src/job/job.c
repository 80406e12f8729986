/* Jobs from files and text, and back. */
#include "job/job.h"

#include <errno.h>
#include <string.h>

#include "job/internal.h"

static err parse(job **out, const char *text, size_t length, const char *origin, const char *const *overrides, int n_overrides) {
    job *j = mem_new(1, sizeof *j);
    j->places = mem_new((size_t)n_job_keys + JOB_MAX_OPTIONS + 1, sizeof *j->places);
    j->places[n_job_keys + JOB_MAX_OPTIONS] = mem_string(origin);
    job_set_defaults(j, NULL);
    err code = job_read_file_text(j, text, length, origin);
    for (int i = 0; i < n_overrides && code == OK; i++)
        code = job_read_override(j, overrides[i]);
    if (code == OK)
        code = job_check(j, origin);
    if (code != OK) {
        job_free(j);
        j = NULL;
    }
    *out = j;
    return code;
}

err job_parse(job **out, const char *text, const char *origin, const char *const *overrides, int n_overrides) {
    return parse(out, text, strlen(text), origin, overrides, n_overrides);
}

static err read_file(const char *path, char **text, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    enum { PIECE = 65536, MOST = 16 * PIECE };
    *text = NULL;
    *length = 0;
    for (size_t got = PIECE; got == PIECE && *length <= MOST; *length += got) {
        *text = mem_resize(*text, *length + PIECE, 1);
        got = fread(*text + *length, 1, PIECE, file);
    }
    err code = ferror(file) ? fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno)) : OK;
    if (code == OK && *length > MOST)
        code = fail(ERR_USAGE, "%s: is no job: it has more than a megabyte", path);
    fclose(file);
    return code;
}

err job_read(job **out, const char *path, const char *const *overrides, int n_overrides) {
    char *text = NULL;
    size_t length = 0;
    *out = NULL;
    err code = read_file(path, &text, &length);
    if (code == OK)
        code = parse(out, text, length, path, overrides, n_overrides);
    mem_free(text);
    return code;
}

void job_free(job *j) {
    if (!j)
        return;
    for (int i = 0; i < n_job_keys; i++)
        if (job_keys[i].type->release)
            job_keys[i].type->release(&job_keys[i], j);
    for (int i = 0; i < j->model.n_options; i++)
        mem_free(j->model.options[i].name);
    for (int i = 0; i <= n_job_keys + JOB_MAX_OPTIONS; i++)
        mem_free(j->places[i]);
    mem_free(j->places);
    mem_free(j);
}

const char *job_place(const job *j, const char *key) {
    char *section = mem_string(key), *dot = strchr(section, '.');
    if (dot)
        *dot = '\0';
    char **place = dot ? job_place_slot(j, section, dot + 1) : job_place_slot(j, "", section);
    mem_free(section);
    return place && *place ? *place : j->places[n_job_keys + JOB_MAX_OPTIONS];
}

static void write_options(writer *w, const job *j) {
    for (int i = 0; i < j->model.n_options; i++) {
        job_write_text(w, j->model.options[i].name);
        job_write_real(w, j->model.options[i].value);
    }
}

/* The keys of a section stand together in the table. */
static int write_section(writer *w, const job *j, int first) {
    const char *section = job_keys[first].section;
    job_write_scalar(w, section);
    job_begin_map(w, false);
    int i = first;
    for (; i < n_job_keys && strcmp(job_keys[i].section, section) == 0; i++) {
        job_write_scalar(w, job_keys[i].name);
        job_keys[i].type->write(w, &job_keys[i], j);
    }
    if (strcmp(section, JOB_OPTIONS_SECTION) == 0)
        write_options(w, j);
    job_end_map(w);
    return i;
}

char *job_text(const job *j) {
    writer *w = job_writer_new();
    job_begin_map(w, false);
    for (int i = 0; i < n_job_keys;) {
        if (*job_keys[i].section) {
            i = write_section(w, j, i);
            continue;
        }
        job_write_scalar(w, job_keys[i].name);
        job_keys[i].type->write(w, &job_keys[i], j);
        i++;
    }
    job_end_map(w);
    return job_writer_finish(w);
}
