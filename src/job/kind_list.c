/* Lists of kinds with their options: `[random_resized_crop: {size: 224}, hflip]`. */
#include <string.h>

#include "job/internal.h"

/* ---- reading ---- */

typedef struct target {
    const option_kind *kind;
    void *values;
    uint64_t given; /* bit i: option i */
} target;

static job_key key_of(const option_kind *kind, int i) {
    return (job_key){kind->name, &kind->options[i], kind, -1, false};
}

static err read_argument(void *context, const reading *r, const char *name, const yaml_node_t *yaml, const yaml_node_t *value) {
    target *t = context;
    const option *o = option_find(t->kind, name);
    char hint[128];
    if (!o)
        return job_error(r, yaml, t->kind->name, name, "unknown key%s", option_suggest(hint, t->kind, name));
    job_key key = key_of(t->kind, (int)(o - t->kind->options));
    t->given |= (uint64_t)1 << (o - t->kind->options);
    return job_type_of(o)->read(r, &key, value, t->values);
}

static err complete(const reading *r, const yaml_node_t *yaml, target *t) {
    for (int i = 0; i < t->kind->n_options; i++) {
        job_key key = key_of(t->kind, i);
        if (t->given >> i & 1)
            continue;
        if (!key.option->standard)
            return job_error(r, yaml, t->kind->name, key.option->name, "is missing: write %s: {%s: 224}, or what it should be",
                             t->kind->name, key.option->name);
        job_set_standard(&key, t->values);
    }
    return OK;
}

static err find_kind(const reading *r, const job_key *key, const yaml_node_t *yaml, const char *name, const option_kind **out) {
    *out = option_find_kind(key->option->kinds, name);
    if (*out)
        return OK;
    if (strcmp(name, "normalize") == 0)
        return job_error(r, yaml, key->section, key->option->name,
                         "pictures are normalised by data.mean and data.std, after all "
                         "transforms; leave out \"normalize\"");
    char hint[128];
    return job_error(r, yaml, key->section, key->option->name, "there is no transform \"%s\"%s", name,
                     option_suggest_word(hint, key->option, name));
}

static err read_item(const reading *r, const job_key *key, const yaml_node_t *item, option_item *out) {
    const yaml_node_t *word = item, *arguments = NULL;
    if (item->type == YAML_MAPPING_NODE && item->data.mapping.pairs.top - item->data.mapping.pairs.start == 1) {
        word = yaml_document_get_node(r->document, item->data.mapping.pairs.start->key);
        arguments = yaml_document_get_node(r->document, item->data.mapping.pairs.start->value);
    }
    const char *name = job_scalar(word);
    if (!name)
        return job_error(r, item, key->section, key->option->name, "each transform is an element of its own, like - hflip: {p: 0.5}");
    target t = {0};
    err code = find_kind(r, key, word, name, &t.kind);
    if (code != OK)
        return code;
    *out = (option_item){t.kind, t.values = option_new(t.kind)};
    if (arguments && arguments->type == YAML_MAPPING_NODE)
        code = job_each_pair(r, arguments, t.kind->name, read_argument, &t);
    else if (!job_is_null(arguments))
        code = job_error(r, arguments, key->section, key->option->name, "%s wants its arguments by name%s%s%s%s%s", name,
                         t.kind->n_options ? ", like " : "", t.kind->n_options ? name : "", t.kind->n_options ? ": {" : "",
                         t.kind->n_options ? t.kind->options[0].name : "", t.kind->n_options ? ": …}" : "");
    return code == OK ? complete(r, item, &t) : code;
}

static void release_list(const job_key *key, void *base) {
    option_list *list = job_member(key, base);
    for (; list->count > 0; list->count--) {
        option_item *item = &list->list[list->count - 1];
        for (int i = 0; i < item->kind->n_options; i++) {
            job_key own = key_of(item->kind, i);
            if (job_type_of(own.option)->release)
                job_type_of(own.option)->release(&own, item->values);
        }
        mem_free(item->values);
    }
}

static err read_list(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    option_list *list = job_member(key, base);
    if (!yaml || yaml->type != YAML_SEQUENCE_NODE)
        return job_wrong_type(r, key, yaml, "a list of transforms, like [random_crop: {size: 32, padding: 4}, hflip: {}]");
    if (job_n_items(yaml) > OPTION_MAX_LIST)
        return job_error(r, yaml, key->section, key->option->name, "%d transforms are too many: at most %d", job_n_items(yaml),
                         OPTION_MAX_LIST);
    release_list(key, base);
    err code = OK;
    for (int i = 0; i < job_n_items(yaml) && code == OK; i++) {
        list->list[i] = (option_item){0};
        code = read_item(r, key, job_item(r, yaml, i), &list->list[i]);
        list->count += list->list[i].kind != NULL;
    }
    return code;
}

/* ---- writing ---- */

static void write_list(writer *w, const job_key *key, const void *base) {
    const option_list *list = job_member(key, base);
    job_begin_list(w);
    for (int i = 0; i < list->count; i++) {
        const option_item *item = &list->list[i];
        job_begin_map(w, true);
        job_write_scalar(w, item->kind->name);
        job_begin_map(w, true);
        for (int k = 0; k < item->kind->n_options; k++) {
            job_key own = key_of(item->kind, k);
            job_write_scalar(w, own.option->name);
            job_type_of(own.option)->write(w, &own, item->values);
        }
        job_end_map(w);
        job_end_map(w);
    }
    job_end_list(w);
}

const job_type job_type_list = {read_list, write_list, release_list};

void job_print_list(FILE *out, const option *list) {
    for (int i = 0; list->kinds(i); i++) {
        const option_kind *kind = list->kinds(i);
        fprintf(out, "    %s: {", kind->name);
        for (int k = 0; k < kind->n_options; k++) {
            const option *o = &kind->options[k];
            fprintf(out, "%s%s: %s", k ? ", " : "", o->name, o->standard ? o->standard : "(required)");
        }
        fprintf(out, "}\n");
    }
}
