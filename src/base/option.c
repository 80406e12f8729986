/* Options by their names. */
#include "base/option.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

const char *option_word(const option *o, int index) {
    if (o->words)
        return o->words[index];
    const option_kind *kind = o->kinds(index);
    return kind ? kind->name : NULL;
}

const option_kind *option_find_kind(const option_kind *(*kinds)(int index), const char *name) {
    int i = 0;
    while (kinds(i) && strcmp(kinds(i)->name, name) != 0)
        i++;
    return kinds(i);
}

static const option *find(const option_kind *kind, const char *name, bool is_default) {
    for (int i = 0; i < kind->n_options; i++)
        if ((kind->options[i].type == OPTION_DEFAULT) == is_default && strcmp(kind->options[i].name, name) == 0)
            return &kind->options[i];
    return NULL;
}

const option *option_find(const option_kind *kind, const char *name) {
    return find(kind, name, false);
}

const option *option_default(const option_kind *kind, const char *name) {
    return find(kind, name, true);
}

char *option_suggest_word(char out[128], const option *o, const char *word) {
    enum { MOST = 256 };
    const char *words[MOST];
    size_t count = 0;
    while (count < MOST && option_word(o, (int)count)) {
        words[count] = option_word(o, (int)count);
        count++;
    }
    return text_suggest(out, word, words, count, sizeof *words);
}

char *option_suggest(char out[128], const option_kind *kind, const char *word) {
    return text_suggest(out, word, kind->options, (size_t)kind->n_options, sizeof *kind->options);
}

void *option_new(const option_kind *kind) {
    return mem_new(1, kind->size > 0 ? kind->size : 1);
}

void option_set_number(const option_kind *kind, void *values, const char *name, double value) {
    const option *o = option_find(kind, name);
    void *member = o ? option_member(o, values) : NULL;
    if (o && o->type == OPTION_BOOL)
        *(bool *)member = value != 0;
    else if (o && o->type == OPTION_INT)
        *(int *)member = (int)value;
    else if (o && o->type == OPTION_WHOLE)
        *(int64_t *)member = (int64_t)value;
    else if (o && o->type == OPTION_REAL)
        *(double *)member = value;
    else
        err_end(ERR_BROKEN, "%s has no number %s", kind->name, name);
}
