/* What the command line says of a file that holds weights and no job. */
#include "cli/cli.h"

#include <string.h>

/* `0.485,0.456,0.406` */
static err read_numbers(const char *option, const char *text, float values[3], int *count) {
    char *copy = mem_string(text), *rest = copy;
    err code = OK;
    for (*count = 0; rest && code == OK;) {
        char *next = strchr(rest, ',');
        double value;
        if (next)
            *next++ = '\0';
        if (*count == 3 || !text_to_real(rest, &value))
            code = fail(ERR_USAGE, "--%s \"%s\": a number for each channel is needed, with commas between", option, text);
        else
            values[(*count)++] = (float)value;
        rest = next;
    }
    mem_free(copy);
    return code;
}

/* `vgg11,dropout=0` */
static err read_model(weights_options *o, const char *text) {
    char *name = mem_string(text), *rest = strchr(name, ',');
    o->model = name;
    err code = OK;
    while (rest && code == OK) {
        *rest++ = '\0';
        char *pair = rest;
        rest = strchr(rest, ',');
        if (rest)
            *rest = '\0';
        o->options = mem_resize(o->options, (size_t)o->n_options + 1, sizeof *o->options);
        code = cli_read_pair(pair, &o->options[o->n_options].name, &o->options[o->n_options].value);
        o->n_options += code == OK;
    }
    return code;
}

err cli_read_weights(weights_options *o, const cli_weights *given) {
    *o = (weights_options){.like = given->data};
    if (!given->model && (given->mean || given->std || given->data))
        return fail(ERR_USAGE, "--data, --mean and --std are for files that hold weights and no job: they need --model NAME");
    err code = given->model ? read_model(o, given->model) : OK;
    if (code == OK && given->mean)
        code = read_numbers("mean", given->mean, o->mean, &o->n_mean);
    if (code == OK && given->std)
        code = read_numbers("std", given->std, o->std, &o->n_std);
    return code;
}

void cli_weights_reset(weights_options *o) {
    for (int i = 0; i < o->n_options; i++)
        mem_free(o->options[i].name);
    mem_free(o->options);
    mem_free(o->model);
    *o = (weights_options){0};
}
