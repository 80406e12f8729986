/* Every key of a job file, from the rows of its sections and of their kinds. */
#include <string.h>

#include "job/internal.h"

static const job_section *const sections[] = {
    &job_section_top,      &job_section_model, &job_section_data,       &job_section_train, &job_section_optimizer,
    &job_section_schedule, &job_section_init,  &job_section_checkpoint, &job_section_comm,  &job_section_log,
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

/* ---- the table ---- */

static const job_key *find_key(const job_schema *s, const char *section, const char *name) {
    for (int i = 0; i < s->n_keys; i++)
        if (strcmp(s->keys[i].section, section) == 0 && strcmp(s->keys[i].option->name, name) == 0)
            return &s->keys[i];
    return NULL;
}

static void add_key(job_schema *s, job_key key) {
    if (s->n_keys == JOB_MAX_KEYS)
        err_end(ERR_BROKEN, "jobs have more than %d keys", JOB_MAX_KEYS);
    key.is_twin = find_key(s, key.section, key.option->name) != NULL;
    s->keys[s->n_keys++] = key;
}

static void add_kinds(job_schema *s, const char *section, const option *chosen) {
    for (int k = 0; chosen->kinds(k); k++) {
        const option_kind *kind = chosen->kinds(k);
        if (s->n_own == JOB_MAX_OWN)
            err_end(ERR_BROKEN, "the sections of jobs have more than %d kinds", JOB_MAX_OWN);
        for (int i = 0; i < kind->n_options; i++)
            if (kind->options[i].type != OPTION_DEFAULT)
                add_key(s, (job_key){section, &kind->options[i], kind, s->n_own, false});
        s->own[s->n_own++] = (job_own){section, kind, chosen};
    }
}

const job_schema *job_keys(void) {
    static job_schema schema;
    for (int i = 0; i < N_SECTIONS && (i > 0 || schema.n_keys == 0); i++)
        for (int k = 0; k < sections[i]->n_options; k++) {
            const option *o = &sections[i]->options[k];
            if (o->type == OPTION_KINDS)
                add_kinds(&schema, sections[i]->name, o);
            else
                add_key(&schema, (job_key){sections[i]->name, o, NULL, -1, false});
        }
    return &schema;
}

int job_n_keys(void) {
    return job_keys()->n_keys;
}

/* ---- looking up ---- */

const job_key *job_find_key(const char *section, const char *name) {
    return find_key(job_keys(), section, name);
}

const job_key *job_key_followed(const job_key *key) {
    return key->option->type == OPTION_REAL && key->option->standard ? job_find_key(key->section, key->option->standard) : NULL;
}

bool job_is_section(const char *word) {
    for (int i = 0; i < N_SECTIONS; i++)
        if (*word && strcmp(sections[i]->name, word) == 0)
            return true;
    return false;
}

bool job_key_is_chosen(const job *j, const job_key *key) {
    return !key->kind || *(const void *const *)option_member(job_keys()->own[key->own].chosen, j) == j->own[key->own];
}

const job_key *job_key_said(const job *j, const job_key *key) {
    const job_schema *s = job_keys();
    const job_key *said = NULL;
    for (const job_key *k = key; k < s->keys + s->n_keys && strcmp(k->section, key->section) == 0; k++) {
        if (strcmp(k->option->name, key->option->name) != 0)
            continue;
        if (job_key_is_chosen(j, k))
            return k;
        if (!said && k->kind->in_every_job)
            said = k;
    }
    return said;
}

void *job_base(const job *j, const job_key *key) {
    return key->own < 0 ? (void *)(uintptr_t)j : j->own[key->own];
}

/* ---- suggestions ---- */

/* The section of which the word is a key, or NULL. */
static const char *home_of(const char *word) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++)
        if (strcmp(s->keys[i].option->name, word) == 0)
            return s->keys[i].section;
    return NULL;
}

char *job_suggest(char out[128], const char *section, const char *word) {
    const job_schema *s = job_keys();
    const char *near[JOB_MAX_KEYS];
    size_t count = 0;
    for (int i = 0; i < s->n_keys; i++)
        if (strcmp(s->keys[i].section, section) == 0)
            near[count++] = s->keys[i].option->name;
        else if (!*section)
            near[count++] = s->keys[i].section;
    text_suggest(out, word, near, count, sizeof *near);
    const char *home = home_of(word);
    if (!*out && home)
        snprintf(out, 128, " (did you mean \"%s%s%s\"?)", home, *home ? "." : "", word);
    return out;
}
