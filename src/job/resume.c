/* Whether a run may go on with another job: keys are compared as text. */
#include <string.h>

#include "job/internal.h"

typedef struct differences {
    char text[768];
} differences;

static void add_difference(differences *d, const char *section, const char *name, const char *now, const char *before) {
    size_t used = strlen(d->text);
    snprintf(d->text + used, sizeof d->text - used, "%s%s.%s: %s now, %s before", used ? "; " : "", section, name, now, before);
}

/* The value as it stands in a job file. New string. */
static char *value_text(const job_key *key, const job *j) {
    writer *w = job_writer_new();
    job_begin_list(w);
    key->type->write(w, key, j);
    job_end_list(w);
    char *text = job_writer_finish(w);
    size_t length = strcspn(text, "\n");
    memmove(text, text + 1, length - 2); /* without the brackets of the list */
    text[length - 2] = '\0';
    return text;
}

static void compare_keys(differences *d, const job *now, const job *before) {
    for (int i = 0; i < n_job_keys; i++) {
        const job_key *key = &job_keys[i];
        if (!key->fixed)
            continue;
        char *a = value_text(key, now), *b = value_text(key, before);
        if (strcmp(a, b) != 0)
            add_difference(d, key->section, key->name, a, b);
        mem_free(a);
        mem_free(b);
    }
}

static const double *find_option(const job *j, const char *name) {
    for (int i = 0; i < j->model.n_options; i++)
        if (strcmp(j->model.options[i].name, name) == 0)
            return &j->model.options[i].value;
    return NULL;
}

static void option_text(char out[TEXT_NUMBER], const double *value) {
    if (value)
        snprintf(out, TEXT_NUMBER, "%.15g", *value);
    else
        snprintf(out, TEXT_NUMBER, "not given");
}

static void compare_option(differences *d, const char *name, const job *now, const job *before) {
    const double *a = find_option(now, name), *b = find_option(before, name);
    if (a && b && *a == *b)
        return;
    char a_text[TEXT_NUMBER], b_text[TEXT_NUMBER];
    option_text(a_text, a);
    option_text(b_text, b);
    add_difference(d, JOB_OPTIONS_SECTION, name, a_text, b_text);
}

static void compare_options(differences *d, const job *now, const job *before) {
    for (int i = 0; i < now->model.n_options; i++)
        compare_option(d, now->model.options[i].name, now, before);
    for (int i = 0; i < before->model.n_options; i++)
        if (!find_option(now, before->model.options[i].name))
            compare_option(d, before->model.options[i].name, now, before);
}

err job_check_resume(const job *now, const job *before) {
    differences d = {""};
    compare_keys(&d, now, before);
    compare_options(&d, now, before);
    return *d.text ? fail(ERR_USAGE, "the run cannot be resumed with another job than it began with: %s", d.text) : OK;
}
