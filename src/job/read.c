/* From YAML to the members of a job: keys, sections, the model's options, overrides. */
#include <string.h>

#include "job/internal.h"

/* ---- defaults ---- */

typedef struct member {
    const job_key *key;
    void *base;
} member;

static err read_member(void *context, const reading *r, const yaml_node_t *root) {
    const member *m = context;
    return m->key->type->read(r, m->key, root, m->base);
}

void job_set_standard(const job_key *key, void *base) {
    member m = {key, base};
    if (key->standard && !job_key_followed(key))
        job_with_document(key->standard, strlen(key->standard), key->name, false, read_member, &m);
}

static void forget_place(job *j, int index) {
    mem_free(j->places[index]);
    j->places[index] = NULL;
}

static void drop_options(job *j) {
    while (j->model.n_options > 0) {
        j->model.n_options--;
        mem_free(j->model.options[j->model.n_options].name);
        forget_place(j, n_job_keys + j->model.n_options);
    }
}

void job_set_defaults(job *j, const char *section) {
    for (int i = 0; i < n_job_keys; i++) {
        const job_key *key = &job_keys[i];
        if (section && strcmp(key->section, section) != 0)
            continue;
        if (key->type->release)
            key->type->release(key, j);
        job_set_standard(key, j);
        forget_place(j, i);
    }
    if (!section || strcmp(section, JOB_OPTIONS_SECTION) == 0)
        drop_options(j);
}

/* ---- the model's own options ---- */

static int option_index(const job *j, const char *name) {
    int i = 0;
    while (i < j->model.n_options && strcmp(j->model.options[i].name, name) != 0)
        i++;
    return i;
}

char **job_place_slot(const job *j, const char *section, const char *name) {
    const job_key *key = job_find_key(section, name);
    if (key)
        return &j->places[key - job_keys];
    int option = strcmp(section, JOB_OPTIONS_SECTION) == 0 ? option_index(j, name) : j->model.n_options;
    return option < j->model.n_options ? &j->places[n_job_keys + option] : NULL;
}

static err read_option(job *j, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *yaml) {
    double value;
    int index = option_index(j, name);
    if (index == JOB_MAX_OPTIONS)
        return job_error(r, key, JOB_OPTIONS_SECTION, name, "more than %d options", JOB_MAX_OPTIONS);
    if (!job_number_or_bool(yaml, &value)) {
        job_key option = {.section = JOB_OPTIONS_SECTION, .name = name};
        return job_wrong_type(r, &option, yaml, "a number, true or false");
    }
    if (index == j->model.n_options)
        j->model.options[j->model.n_options++].name = mem_string(name);
    j->model.options[index].value = value;
    return OK;
}

/* ---- keys and sections ---- */

static err unknown_key(const reading *r, const char *section, const char *name, const yaml_node_t *key) {
    char hint[128];
    return job_error(r, key, section, name, "unknown key%s", job_suggest(hint, section, name));
}

static err read_key(job *j, const reading *r, const char *section, const char *name, const yaml_node_t *yaml, const yaml_node_t *value) {
    const job_key *key = job_find_key(section, name);
    err code;
    if (key)
        code = key->type->read(r, key, value, j);
    else if (strcmp(section, JOB_OPTIONS_SECTION) == 0)
        code = read_option(j, r, name, yaml, value);
    else
        code = unknown_key(r, section, name, yaml);
    if (code != OK)
        return code;
    char **place = job_place_slot(j, section, name);
    mem_free(*place);
    *place = job_place_of(r, yaml);
    return OK;
}

typedef struct target {
    job *job;
    const char *section, *name;
} target;

static err read_pair(void *context, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *value) {
    const target *t = context;
    return read_key(t->job, r, t->section, name, key, value);
}

/* An override that gives a whole section has given the defaults of its other keys too. */
static void place_defaults(job *j, const reading *r, const char *section) {
    for (int i = 0; i < n_job_keys; i++) {
        const job_key *key = &job_keys[i];
        if (!j->places[i] && key->standard && !job_key_followed(key) && strcmp(key->section, section) == 0)
            j->places[i] = job_place_of(r, NULL);
    }
}

/* A section stands for all of its keys: those that it does not name have their defaults. */
static err read_section(job *j, const reading *r, const char *section, const yaml_node_t *value) {
    job_set_defaults(j, section);
    target t = {j, section, NULL};
    if (!job_is_null(value) && value->type != YAML_MAPPING_NODE)
        return job_error(r, value, section, "", "is a section: its keys belong below it, as a map");
    err code = job_is_null(value) ? OK : job_each_pair(r, value, section, read_pair, &t);
    if (r->is_override)
        place_defaults(j, r, section);
    return code;
}

static err read_top_pair(void *context, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *value) {
    target *t = context;
    return job_is_section(name) ? read_section(t->job, r, name, value) : read_key(t->job, r, "", name, key, value);
}

/* ---- files ---- */

static err read_root(void *context, const reading *r, const yaml_node_t *root) {
    target t = {.job = context};
    if (!root)
        return fail(ERR_USAGE, "%s: holds nothing: a job has at least name, model, data, train, optimizer", r->origin);
    if (root->type != YAML_MAPPING_NODE)
        return fail(ERR_USAGE, "%s: is no job: that is a map with name, model, data, train, optimizer …", r->origin);
    return job_each_pair(r, root, "", read_top_pair, &t);
}

err job_read_file_text(job *j, const char *text, size_t length, const char *origin) {
    return job_with_document(text, length, origin, false, read_root, j);
}

/* ---- overrides ---- */

/* Where YAML would begin a comment, or NULL. Quotes hide it, where a value or an element begins with them. */
static const char *find_comment(const char *yaml) {
    char quote = '\0', before = ' ';
    for (; *yaml; before = *yaml++) {
        if (quote)
            quote = *yaml == quote ? '\0' : quote;
        else if (strchr("\"'", *yaml) && strchr(" \t\n[{,:'", before)) /* two are one within */
            quote = *yaml;
        else if (*yaml == '#' && strchr(" \t\n", before))
            return yaml;
    }
    return NULL;
}

/* A text that is given as it is, without quotes of its own, is the value from its first to its last character: what would mean something
 * to YAML (` #`, `: `, brackets) means itself. */
static bool is_bare_text(const job_key *key, const char *value) {
    static const char *const none[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(value, none[i]) == 0)
            return false;
    return key && key->type == &job_type_text && !strchr("\"'", *value) && !strpbrk(value, "\n\r");
}

/* In YAML's single quotes, where nothing means anything but the quote. New string. */
static char *quoted(const char *text) {
    char *out = mem_new(2 * strlen(text) + 3, 1), *end = out;
    *end++ = '\'';
    for (; *text; *end++ = *text++)
        if (*text == '\'')
            *end++ = '\'';
    *end = '\'';
    return out;
}

static err read_override_value(void *context, const reading *r, const yaml_node_t *root) {
    target *t = context;
    return *t->section ? read_key(t->job, r, t->section, t->name, NULL, root) : read_top_pair(t, r, t->name, NULL, root);
}

/* The value of an override as YAML. */
static err read_value(target *t, const char *origin, const char *yaml) {
    const char *comment = find_comment(yaml);
    if (comment)
        return fail(ERR_USAGE, "override %s: YAML takes \"%s\" for a comment: leave it out, or give it quotes of its own: key='\"value\"'",
                    origin, comment);
    return job_with_document(yaml, strlen(yaml), origin, true, read_override_value, t);
}

err job_read_override(job *j, const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || strspn(text, letters) != (size_t)(equals - text))
        return fail(ERR_USAGE, "override %s: must be section.key=value, like train.epochs=3", text);
    char *word = mem_string(text);
    word[equals - text] = '\0';
    char *dot = strchr(word, '.');
    if (dot)
        *dot = '\0';
    target t = {.job = j, .section = dot ? word : "", .name = dot ? dot + 1 : word};
    err code;
    if (dot && !job_is_section(word)) {
        char hint[128];
        code = fail(ERR_USAGE, "override %s: unknown section%s", text, job_suggest(hint, "", word));
    } else {
        char *bare = is_bare_text(job_find_key(t.section, t.name), equals + 1) ? quoted(equals + 1) : NULL;
        code = read_value(&t, text, bare ? bare : equals + 1);
        mem_free(bare);
    }
    mem_free(word);
    return code;
}
