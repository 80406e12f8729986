/* Lists of transforms: `[random_resized_crop: {size: 224}, hflip]`. Arguments and defaults are torchvision's. */
#include <string.h>

#include "job/internal.h"

enum { MAX_ARGUMENTS = 4 };

typedef struct transform_schema {
    const char *name;
    transform_kind kind;
    job_key arguments[MAX_ARGUMENTS];
} transform_schema;

#define SIZE(NAME) {.section = NAME, .name = "size", .type = &job_type_int, .place = offsetof(transform, size), .least = 1, .most = 65536}

#define JITTER(NAME, MEMBER, MOST) \
    {"color_jitter", NAME, &job_type_real, offsetof(transform, MEMBER), "0", "", .least = 0, .most = MOST}

static const transform_schema schemas[] = {
    {"random_crop", TRANSFORM_RANDOM_CROP,
     {SIZE("random_crop"),
      {"random_crop", "padding", &job_type_int, offsetof(transform, padding), "0", "", .least = 0, .most = 65536}}},
    {"random_resized_crop", TRANSFORM_RANDOM_RESIZED_CROP,
     {SIZE("random_resized_crop"),
      {"random_resized_crop", "scale", &job_type_pair, offsetof(transform, scale), "[0.08, 1]", "", .least = 1e-6, .most = 1},
      {"random_resized_crop", "ratio", &job_type_pair, offsetof(transform, ratio), "[0.75, 1.3333333333333333]", "", .least = 1e-3,
       .most = 1e3}}},
    {"resize", TRANSFORM_RESIZE, {SIZE("resize")}},
    {"center_crop", TRANSFORM_CENTER_CROP, {SIZE("center_crop")}},
    {"hflip", TRANSFORM_HFLIP, {{"hflip", "p", &job_type_real, offsetof(transform, p), "0.5", "", .least = 0, .most = 1}}},
    {"vflip", TRANSFORM_VFLIP, {{"vflip", "p", &job_type_real, offsetof(transform, p), "0.5", "", .least = 0, .most = 1}}},
    {"color_jitter", TRANSFORM_COLOR_JITTER,
     {JITTER("brightness", brightness, 1e3), JITTER("contrast", contrast, 1e3), JITTER("saturation", saturation, 1e3),
      JITTER("hue", hue, 0.5)}},
};
enum { N_SCHEMAS = sizeof schemas / sizeof *schemas };

static int n_arguments(const transform_schema *s) {
    int count = 0;
    while (count < MAX_ARGUMENTS && s->arguments[count].name)
        count++;
    return count;
}

static const transform_schema *schema_of(transform_kind kind) {
    int i = 0;
    while (schemas[i].kind != kind)
        i++;
    return &schemas[i];
}

/* ---- reading ---- */

typedef struct target {
    const transform_schema *schema;
    transform *transform;
    bool given[MAX_ARGUMENTS];
} target;

static err read_argument(void *context, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *value) {
    target *t = context;
    const job_key *arguments = t->schema->arguments;
    const char *names[MAX_ARGUMENTS];
    for (int i = 0; i < n_arguments(t->schema); i++) {
        names[i] = arguments[i].name;
        if (strcmp(name, arguments[i].name) == 0) {
            t->given[i] = true;
            return arguments[i].type->read(r, &arguments[i], value, t->transform);
        }
    }
    char hint[128];
    text_suggest(hint, name, names, (size_t)n_arguments(t->schema), sizeof *names);
    return job_error(r, key, t->schema->name, name, "unknown key%s", hint);
}

static err complete(const reading *r, const yaml_node_t *yaml, target *t) {
    for (int i = 0; i < n_arguments(t->schema); i++) {
        const job_key *argument = &t->schema->arguments[i];
        if (t->given[i])
            continue;
        if (!argument->standard)
            return job_error(r, yaml, t->schema->name, argument->name, "is missing: write %s: {%s: 224}, or what it should be",
                             t->schema->name, argument->name);
        job_set_standard(argument, t->transform);
    }
    return OK;
}

static err find_schema(const reading *r, const job_key *key, const yaml_node_t *yaml, const char *name, const transform_schema **out) {
    for (int i = 0; i < N_SCHEMAS; i++)
        if (strcmp(name, schemas[i].name) == 0) {
            *out = &schemas[i];
            return OK;
        }
    if (strcmp(name, "normalize") == 0)
        return job_error(r, yaml, key->section, key->name, "pictures are normalised by data.mean and data.std, after all transforms; leave "
                         "out \"normalize\"");
    char hint[128];
    text_suggest(hint, name, schemas, N_SCHEMAS, sizeof *schemas);
    return job_error(r, yaml, key->section, key->name, "there is no transform \"%s\"%s", name, hint);
}

static err read_transform(const reading *r, const job_key *key, const yaml_node_t *item, transform *out) {
    const yaml_node_t *word = item, *arguments = NULL;
    if (item->type == YAML_MAPPING_NODE && item->data.mapping.pairs.top - item->data.mapping.pairs.start == 1) {
        word = yaml_document_get_node(r->document, item->data.mapping.pairs.start->key);
        arguments = yaml_document_get_node(r->document, item->data.mapping.pairs.start->value);
    }
    const char *name = job_scalar(word);
    if (!name)
        return job_error(r, item, key->section, key->name, "each transform is an element of its own, like - hflip: {p: 0.5}");
    target t = {.transform = out};
    err code = find_schema(r, key, word, name, &t.schema);
    if (code != OK)
        return code;
    *out = (transform){.kind = t.schema->kind};
    if (arguments && arguments->type == YAML_MAPPING_NODE)
        code = job_each_pair(r, arguments, t.schema->name, read_argument, &t);
    else if (!job_is_null(arguments))
        code = job_error(r, arguments, key->section, key->name, "%s wants its arguments by name, like %s: {%s: …}", name, name,
                         t.schema->arguments[0].name);
    return code == OK ? complete(r, item, &t) : code;
}

static err read_transforms(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    job_transforms *list = job_member(key, base);
    if (!yaml || yaml->type != YAML_SEQUENCE_NODE)
        return job_wrong_type(r, key, yaml, "a list of transforms, like [random_crop: {size: 32, padding: 4}, hflip: {}]");
    if (job_n_items(yaml) > JOB_MAX_TRANSFORMS)
        return job_error(r, yaml, key->section, key->name, "%d transforms are too many: at most %d", job_n_items(yaml), JOB_MAX_TRANSFORMS);
    err code = OK;
    list->count = job_n_items(yaml);
    for (int i = 0; i < list->count && code == OK; i++)
        code = read_transform(r, key, job_item(r, yaml, i), &list->list[i]);
    return code;
}

/* ---- writing ---- */

static void write_transforms(writer *w, const job_key *key, const void *base) {
    const job_transforms *list = job_member(key, base);
    job_begin_list(w);
    for (int i = 0; i < list->count; i++) {
        const transform_schema *schema = schema_of(list->list[i].kind);
        job_begin_map(w, true);
        job_write_scalar(w, schema->name);
        job_begin_map(w, true);
        for (int k = 0; k < n_arguments(schema); k++) {
            job_write_scalar(w, schema->arguments[k].name);
            schema->arguments[k].type->write(w, &schema->arguments[k], &list->list[i]);
        }
        job_end_map(w);
        job_end_map(w);
    }
    job_end_list(w);
}

const job_type job_type_transforms = {"a list of transforms", read_transforms, write_transforms, NULL};

void job_print_transforms(FILE *out) {
    for (int i = 0; i < N_SCHEMAS; i++) {
        fprintf(out, "    %s: {", schemas[i].name);
        for (int k = 0; k < n_arguments(&schemas[i]); k++) {
            const job_key *argument = &schemas[i].arguments[k];
            fprintf(out, "%s%s: %s", k ? ", " : "", argument->name, argument->standard ? argument->standard : "(required)");
        }
        fprintf(out, "}\n");
    }
}
