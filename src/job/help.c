/* What --help prints of the keys of a job. */
#include <string.h>

#include "job/internal.h"

enum { INDENT = 38, WIDTH = 110 };

/* `step, multistep: `: the kinds that have the option. New string. */
static char *owners(const job_key *key) {
    const job_schema *s = job_keys();
    char *text = mem_string("");
    for (const job_key *k = key; k->kind && k < s->keys + s->n_keys; k++)
        if (k->kind && strcmp(k->section, key->section) == 0 && strcmp(k->option->name, key->option->name) == 0)
            text_append(&text, text_format("%s%s", *text ? ", " : "", k->kind->name));
    if (*text)
        text_append(&text, mem_string(": "));
    return text;
}

/* `fast, accurate. ` New string. */
static char *words_of(const option *o) {
    char *text = mem_string("");
    for (int i = 0; o->type == OPTION_WORD && option_word(o, i); i++)
        text_append(&text, text_format("%s%s", i ? ", " : "", option_word(o, i)));
    if (*text && *o->help)
        text_append(&text, mem_string(". "));
    return text;
}

/* ` (adamw: 0.01)`: where a kind has another default. New string. */
static char *other_defaults(const job_key *key) {
    const job_schema *s = job_keys();
    char *text = mem_string("");
    for (int i = 0; i < s->n_own; i++) {
        const option *o = option_default(s->own[i].kind, key->option->name);
        if (!key->kind && o && strcmp(s->own[i].section, key->section) == 0)
            text_append(&text, text_format("%s%s: %s", *text ? ", " : " (", s->own[i].kind->name, o->standard));
    }
    if (*text)
        text_append(&text, mem_string(")"));
    return text;
}

static void print_key(FILE *out, const job_key *key) {
    static const char marks[] = {[OPTION_UNSAID] = '?', [OPTION_FREE] = ' ', [OPTION_RESULT] = '*', [OPTION_FIXED] = '='};
    const option *o = key->option;
    fprintf(out, "  %c %-18s %-14s ", marks[o->change], o->name, o->standard ? o->standard : "(required)");
    char *text = owners(key);
    text_append(&text, words_of(o));
    text_append(&text, mem_string(o->help));
    text_append(&text, other_defaults(key));
    char *lines = text_wrapped(text, INDENT, WIDTH);
    fprintf(out, "%s\n", lines);
    mem_free(lines);
    mem_free(text);
}

void job_print_keys(FILE *out) {
    fprintf(out, "Keys of a job file and their defaults. Where a run is resumed, the keys marked = must be as they were, as must a model's "
                 "options;\n"
                 "another value of those marked * is another result: it must come from the command line, and a run that is finished takes\n"
                 "none (more train.epochs from the command line makes it unfinished); the others may change at any time.\n");
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++) {
        const job_key *key = &s->keys[i];
        if (*key->section && strcmp(key->section, key[-1].section) != 0)
            fprintf(out, "  %s:\n", key->section);
        if (!key->is_twin)
            print_key(out, key);
    }
    fprintf(out, "Transforms of data.augment and data.eval:\n");
    job_print_list(out, job_find_key("data", "augment")->option);
}
