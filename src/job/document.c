/* libyaml's documents, with errors that name file and line. */
#include <stdarg.h>
#include <string.h>

#include "job/internal.h"

/* ---- parsing ---- */

/* `did not find expected key` is what libyaml says of most mistakes; the context helps. */
static err syntax_error(const yaml_parser_t *p, const reading *r) {
    if (p->error == YAML_MEMORY_ERROR)
        err_end(ERR_BROKEN, "%s: out of memory", r->origin);
    const char *problem = p->problem ? p->problem : "cannot be parsed", *context = p->context ? p->context : "";
    size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;
    if (r->is_override)
        return fail(ERR_USAGE, "override %s: the value is not YAML: %s (special characters need quotes of their own: key='\"value\"')",
                    r->origin, problem);
    return fail(ERR_USAGE, "%s:%zu: not YAML: %s%s%s", r->origin, line + 1, problem, *context ? ", " : "", context);
}

static bool opens(yaml_event_type_t type) {
    return type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
}

static bool closes(yaml_event_type_t type) {
    return type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
}

/* `!!str` (in its long form), `!mine`; NULL: none. */
static const char *tag_of(const yaml_event_t *event) {
    const yaml_char_t *tag = event->type == YAML_SCALAR_EVENT           ? event->data.scalar.tag
                             : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.tag
                             : event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.tag
                                                                        : NULL;
    return (const char *)tag;
}

/* Deep nesting costs libyaml the square of its depth; a job has a depth of five. Tags would be passed over in silence. */
static err check_event(const yaml_event_t *event, int *depth, const reading *r) {
    enum { MOST = 32 };
    *depth += opens(event->type) - closes(event->type);
    static const char common[] = "tag:yaml.org,2002:";
    const char *tag = tag_of(event);
    if (!tag && *depth <= MOST)
        return OK;
    char *place = r->is_override ? text_format("override %.40s%s", r->origin, strlen(r->origin) > 40 ? " …" : "")
                                 : text_format("%s:%zu", r->origin, event->start_mark.line + 1);
    bool is_common = tag && strncmp(tag, common, strlen(common)) == 0;
    char *shown = text_format("%s%s", is_common ? "!!" : "", is_common ? tag + strlen(common) : tag ? tag : "");
    err code = tag ? fail(ERR_USAGE, "%s: %s is a YAML tag, and a job has none: leave it out; a text may stand in quotes", place, shown)
                   : fail(ERR_USAGE, "%s: nested too deeply: no key of a job has more than %d levels", place, MOST);
    mem_free(shown);
    mem_free(place);
    return code;
}

/* What is no YAML is found when it is read. */
static err check_events(const char *text, size_t length, const reading *r) {
    yaml_parser_t parser;
    yaml_event_t event;
    if (!yaml_parser_initialize(&parser))
        err_end(ERR_BROKEN, "%s: out of memory", r->origin);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    int depth = 0;
    err code = OK;
    for (bool more = true; more && code == OK && yaml_parser_parse(&parser, &event);) {
        more = event.type != YAML_STREAM_END_EVENT;
        code = check_event(&event, &depth, r);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return code;
}

static err check_end(yaml_parser_t *p, const reading *r) {
    yaml_document_t rest;
    if (!yaml_parser_load(p, &rest))
        return syntax_error(p, r);
    const yaml_node_t *root = yaml_document_get_root_node(&rest);
    err code = root ? fail(ERR_USAGE, "%s:%zu: a second document begins here: a job is one", r->origin, root->start_mark.line + 1) : OK;
    yaml_document_delete(&rest);
    return code;
}

err job_with_document(const char *text, size_t length, const char *origin, bool is_override,
                      err (*use)(void *context, const reading *r, const yaml_node_t *root), void *context) {
    yaml_parser_t parser;
    yaml_document_t document;
    reading r = {origin, is_override, &document};
    err code = check_events(text, length, &r);
    if (code != OK)
        return code;
    if (!yaml_parser_initialize(&parser))
        err_end(ERR_BROKEN, "%s: out of memory", origin);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    if (yaml_parser_load(&parser, &document)) {
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        code = root ? check_end(&parser, &r) : OK;
        if (code == OK)
            code = use(context, &r, root);
        yaml_document_delete(&document);
    } else {
        code = syntax_error(&parser, &r);
    }
    yaml_parser_delete(&parser);
    return code;
}

/* ---- errors ---- */

static const char override_place[] = "override ";

char *job_place_of(const reading *r, const yaml_node_t *yaml) {
    if (r->is_override)
        return text_format("%s%s", override_place, r->origin);
    return yaml ? text_format("%s:%zu", r->origin, yaml->start_mark.line + 1) : mem_string(r->origin);
}

bool job_is_override(const char *place) {
    return strncmp(place, override_place, strlen(override_place)) == 0;
}

err job_error(const reading *r, const yaml_node_t *yaml, const char *section, const char *name, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *place = job_place_of(r, yaml);
    const char *dot = *section && *name ? "." : "";
    err code = fail(ERR_USAGE, "%s: %s%s%s%s%s", place, section, dot, name, *section || *name ? ": " : "", text);
    mem_free(place);
    return code;
}

err job_wrong_type(const reading *r, const job_key *key, const yaml_node_t *yaml, const char *what) {
    if (yaml && yaml->type == YAML_MAPPING_NODE)
        return job_error(r, yaml, key->section, key->option->name, "a map is not %s", what);
    if (yaml && yaml->type == YAML_SEQUENCE_NODE)
        return job_error(r, yaml, key->section, key->option->name, "a list is not %s", what);
    if (job_is_null(yaml))
        return job_error(r, yaml, key->section, key->option->name, "has no value: %s is needed", what);
    bool quoted = yaml->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return job_error(r, yaml, key->section, key->option->name, "\"%s\"%s is not %s", (const char *)yaml->data.scalar.value,
                     quoted ? " in quotes" : "", what);
}

/* ---- nodes ---- */

bool job_is_null(const yaml_node_t *yaml) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (!yaml)
        return true;
    if (yaml->type != YAML_SCALAR_NODE || yaml->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp((const char *)yaml->data.scalar.value, words[i]) == 0)
            return true;
    return false;
}

const char *job_scalar(const yaml_node_t *yaml) {
    bool has_text = yaml && yaml->type == YAML_SCALAR_NODE && !job_is_null(yaml) &&
                    strlen((const char *)yaml->data.scalar.value) == yaml->data.scalar.length;
    return has_text ? (const char *)yaml->data.scalar.value : NULL;
}

int job_n_items(const yaml_node_t *list) {
    return (int)(list->data.sequence.items.top - list->data.sequence.items.start);
}

const yaml_node_t *job_item(const reading *r, const yaml_node_t *list, int index) {
    return yaml_document_get_node(r->document, list->data.sequence.items.start[index]);
}

static err check_new(const reading *r, const yaml_node_t *map, const yaml_node_pair_t *pair, const char *section) {
    const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
    const char *name = job_scalar(key);
    if (!name)
        return job_error(r, key, section, "", "a key must be a word");
    for (const yaml_node_pair_t *earlier = map->data.mapping.pairs.start; earlier < pair; earlier++) {
        const yaml_node_t *other = yaml_document_get_node(r->document, earlier->key);
        if (strcmp(name, job_scalar(other)) == 0)
            return job_error(r, key, section, name, "stands here twice, first in line %zu", other->start_mark.line + 1);
    }
    return OK;
}

err job_each_pair(const reading *r, const yaml_node_t *map, const char *section, pair_function *use, void *context) {
    err code = OK;
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top && code == OK; pair++) {
        const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
        code = check_new(r, map, pair, section);
        if (code == OK)
            code = use(context, r, job_scalar(key), key, yaml_document_get_node(r->document, pair->value));
    }
    return code;
}
