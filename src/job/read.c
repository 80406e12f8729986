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
    return job_type_of(m->key->option)->read(r, m->key, root, m->base);
}

void job_set_text(const job_key *key, void *base, const char *text) {
    member m = {key, base};
    job_with_document(text, strlen(text), key->option->name, false, read_member, &m);
}

void job_set_standard(const job_key *key, void *base) {
    if (key->option->standard && !job_key_followed(key))
        job_set_text(key, base, key->option->standard);
}

static void forget_place(job *j, int index) {
    mem_free(j->given[index].place);
    j->given[index] = (job_given){0};
}

static void drop_options(job *j) {
    while (j->model.n_options > 0) {
        j->model.n_options--;
        mem_free(j->model.options[j->model.n_options].name);
        forget_place(j, job_n_keys() + j->model.n_options);
    }
}

void job_set_defaults(job *j, const char *section) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++) {
        const job_key *key = &s->keys[i];
        if (section && strcmp(key->section, section) != 0)
            continue;
        if (job_type_of(key->option)->release)
            job_type_of(key->option)->release(key, job_base(j, key));
        job_set_standard(key, job_base(j, key));
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

job_given *job_given_of(const job *j, const char *section, const char *name) {
    const job_key *key = job_find_key(section, name);
    if (key)
        return &j->given[key - job_keys()->keys];
    int option = strcmp(section, JOB_OPTIONS_SECTION) == 0 ? option_index(j, name) : j->model.n_options;
    return option < j->model.n_options ? &j->given[job_n_keys() + option] : NULL;
}

static err read_option(job *j, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *yaml) {
    double value;
    int index = option_index(j, name);
    if (index == JOB_MAX_OPTIONS)
        return job_error(r, key, JOB_OPTIONS_SECTION, name, "more than %d options", JOB_MAX_OPTIONS);
    if (!job_number_or_bool(yaml, &value)) {
        job_key key_of = {.section = JOB_OPTIONS_SECTION, .option = &(option){.name = name}};
        return job_wrong_type(r, &key_of, yaml, "a number, true or false");
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

/* The key, and those of its name that other kinds of the section have. */
static err read_twins(job *j, const reading *r, const job_key *key, const yaml_node_t *value) {
    const job_schema *s = job_keys();
    err code = OK;
    for (const job_key *k = key; k < s->keys + s->n_keys && code == OK; k++)
        if (k == key || (k->is_twin && strcmp(k->section, key->section) == 0 && strcmp(k->option->name, key->option->name) == 0))
            code = job_type_of(k->option)->read(r, k, value, job_base(j, k));
    return code;
}

static err read_key(job *j, const reading *r, const char *section, const char *name, const yaml_node_t *yaml, const yaml_node_t *value) {
    const job_key *key = job_find_key(section, name);
    err code;
    if (key)
        code = read_twins(j, r, key, value);
    else if (strcmp(section, JOB_OPTIONS_SECTION) == 0)
        code = read_option(j, r, name, yaml, value);
    else
        code = unknown_key(r, section, name, yaml);
    if (code != OK)
        return code;
    job_given *given = job_given_of(j, section, name);
    mem_free(given->place);
    *given = (job_given){job_place_of(r, yaml), true};
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
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++) {
        const option *o = s->keys[i].option;
        if (!j->given[i].place && o->standard && !job_key_followed(&s->keys[i]) && strcmp(s->keys[i].section, section) == 0)
            j->given[i].place = job_place_of(r, NULL);
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
    return key && key->option->type == OPTION_TEXT && !strchr("\"'", *value) && !strpbrk(value, "\n\r");
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
