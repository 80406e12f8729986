/* A model's own options: what the job gives, against what the kind lists. */
#include "nn/internal.h"

#include <string.h>

static const shoal_model_option *listed(const shoal_model_kind *kind, const char *name) {
    for (int i = 0; i < kind->n_options; i++)
        if (strcmp(kind->options[i].name, name) == 0)
            return &kind->options[i];
    return NULL;
}

static err unknown(const shoal_model_kind *kind, const char *name) {
    if (kind->n_options == 0)
        return fail(ERR_USAGE, "model.%s: %s has no options", name, kind->name);
    char hint[128];
    text_suggest(hint, name, kind->options, (size_t)kind->n_options, sizeof *kind->options);
    return fail(ERR_USAGE, "model.%s: %s has no such option%s", name, kind->name, hint);
}

static err check(const shoal_model_option *option, double value) {
    if (option->is_bool && value != 0 && value != 1)
        return fail(ERR_USAGE, "model.%s: %g is neither true nor false", option->name, value);
    if (!(value >= option->least && value <= option->most))
        return fail(ERR_USAGE, "model.%s: %g does not lie in %g … %g", option->name, value, option->least, option->most);
    return OK;
}

err options_check(const model_spec *spec) {
    for (int i = 0; i < spec->n_options; i++) {
        const model_option_value *given = &spec->options[i];
        const shoal_model_option *option = listed(spec->kind, given->name);
        err code = option ? check(option, given->value) : unknown(spec->kind, given->name);
        if (code != OK)
            return code;
    }
    return OK;
}

bool options_value(const model_spec *spec, const char *name, double *value) {
    const shoal_model_option *option = listed(spec->kind, name);
    if (!option)
        return false;
    *value = option->standard;
    for (int i = 0; i < spec->n_options; i++)
        if (strcmp(spec->options[i].name, name) == 0)
            *value = spec->options[i].value;
    return true;
}
