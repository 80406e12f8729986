/* Jobs from files and text, and back. */
#include "job/job.h"

#include <errno.h>
#include <string.h>

#include "job/internal.h"

static err parse(job **out, const char *text, size_t length, const char *origin, const char *const *overrides, int n_overrides) {
    job *j = mem_new(1, sizeof *j);
    const job_schema *schema = job_keys();
    j->given = mem_new((size_t)schema->n_keys + JOB_MAX_OPTIONS + 1, sizeof *j->given);
    j->given[schema->n_keys + JOB_MAX_OPTIONS].place = mem_string(origin);
    j->own = mem_new((size_t)schema->n_own, sizeof *j->own);
    for (int i = 0; i < schema->n_own; i++)
        j->own[i] = option_new(schema->own[i].kind);
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
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++) {
        const job_type *type = job_type_of(s->keys[i].option);
        if (type->release)
            type->release(&s->keys[i], job_base(j, &s->keys[i]));
    }
    for (int i = 0; i < j->model.n_options; i++)
        mem_free(j->model.options[i].name);
    for (int i = 0; i <= s->n_keys + JOB_MAX_OPTIONS; i++)
        mem_free(j->given[i].place);
    for (int i = 0; i < s->n_own; i++)
        mem_free(j->own[i]);
    mem_free(j->given);
    mem_free(j->own);
    mem_free(j);
}

const char *job_place(const job *j, const char *key) {
    char *section = mem_string(key), *dot = strchr(section, '.');
    if (dot)
        *dot = '\0';
    const job_given *given = dot ? job_given_of(j, section, dot + 1) : job_given_of(j, "", section);
    mem_free(section);
    return given && given->place ? given->place : j->given[job_n_keys() + JOB_MAX_OPTIONS].place;
}

static void write_options(writer *w, const job *j) {
    for (int i = 0; i < j->model.n_options; i++) {
        job_write_text(w, j->model.options[i].name);
        job_write_real(w, j->model.options[i].value);
    }
}

char *job_value_text(const job_key *key, const job *j) {
    writer *w = job_writer_new();
    job_begin_list(w);
    job_type_of(key->option)->write(w, key, job_base(j, key));
    job_end_list(w);
    char *text = job_writer_finish(w);
    size_t length = strcspn(text, "\n");
    memmove(text, text + 1, length - 2); /* without the brackets of the list */
    text[length - 2] = '\0';
    return text;
}

static bool is_quiet(const job *j, const job_key *key) {
    char *text = key->option->quiet ? job_value_text(key, j) : NULL;
    bool is_default = text && strcmp(text, key->option->standard) == 0;
    mem_free(text);
    return is_default;
}

static void write_key(writer *w, const job *j, const job_key *key) {
    const job_key *said = key->is_twin ? NULL : job_key_said(j, key);
    if (!said || is_quiet(j, said))
        return;
    job_write_scalar(w, said->option->name);
    job_type_of(said->option)->write(w, said, job_base(j, said));
}

/* The keys of a section stand together in the table. */
static const job_key *write_section(writer *w, const job *j, const job_key *key, const job_key *end) {
    const char *section = key->section;
    job_write_scalar(w, section);
    job_begin_map(w, false);
    for (; key < end && strcmp(key->section, section) == 0; key++)
        write_key(w, j, key);
    if (strcmp(section, JOB_OPTIONS_SECTION) == 0)
        write_options(w, j);
    job_end_map(w);
    return key;
}

char *job_text(const job *j) {
    const job_schema *s = job_keys();
    writer *w = job_writer_new();
    job_begin_map(w, false);
    for (const job_key *key = s->keys, *end = key + s->n_keys; key < end;) {
        if (*key->section)
            key = write_section(w, j, key, end);
        else
            write_key(w, j, key++);
    }
    job_end_map(w);
    return job_writer_finish(w);
}
