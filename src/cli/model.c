/* shoal model: the layers of a network, with the numbers that papers give. */
#include "cli/cli.h"
#include "models/models.h"
#include "nn/nn.h"

#include <stdio.h>
#include <string.h>

typedef struct settings {
    int64_t size, channels, classes;
} settings;

static const cli_option options[] = {
    {"size", CLI_WHOLE, "N", "height and width of the pictures (the model's usual one)", offsetof(settings, size), 1, 1 << 14},
    {"channels", CLI_WHOLE, "N", "channels of the pictures (the model's usual number)", offsetof(settings, channels), 1, INT16_MAX},
    {"classes", CLI_WHOLE, "N", "classes (the model's usual number)", offsetof(settings, classes), 2, 1 << 24},
};

static void list_models(void) {
    puts("Models:");
    for (int i = 0; i < models_count(); i++)
        printf("  %-12s %s\n", models_at(i)->name, models_at(i)->what);
}

typedef struct totals {
    int64_t params, activation_bytes;
    double flops, multiply_adds;
} totals;

static bool is_buffer(const param *p) {
    return p->role == PARAM_BUFFER || p->role == PARAM_COUNTER;
}

/* What one node adds. Multiply-adds are those of weights, as papers count them. */
static totals count_node(const node *n) {
    totals t = {.activation_bytes = shape_size(n->out) * (int64_t)sizeof(float) + (int64_t)n->saved_bytes};
    t.flops = n->kind->flops ? n->kind->flops(n) : 0;
    for (int i = 0; i < n->n_params; i++) {
        if (!is_buffer(n->params[i]))
            t.params += n->params[i]->size;
        if (n->params[i]->role == PARAM_WEIGHT)
            t.multiply_adds = t.flops / 2;
    }
    return t;
}

static void print_row(const char *name, const char *kind, const char *out, const totals *t) {
    char numbers[4][TEXT_NUMBER];
    printf("%-28s %-20s %16s %14s %16s %16s %10s\n", name, kind, out, text_count(numbers[0], t->params),
           text_count(numbers[1], (int64_t)t->multiply_adds), text_count(numbers[2], (int64_t)t->flops),
           text_bytes(numbers[3], (size_t)t->activation_bytes));
}

static void print_table(const model *m) {
    totals sum = {0};
    printf("%-28s %-20s %16s %14s %16s %16s %10s\n", "layer", "kind", "output", "parameters", "multiply-adds", "FLOPs", "activation");
    for (int i = 0; i < graph_n_nodes(m->graph); i++) {
        const node *n = graph_node(m->graph, i);
        totals t = count_node(n);
        char out[SHAPE_TEXT];
        print_row(n->name, n->kind->name, shape_text(out, n->out), &t);
        sum.params += t.params;
        sum.activation_bytes += t.activation_bytes;
        sum.flops += t.flops;
        sum.multiply_adds += t.multiply_adds;
    }
    print_row("total", "", "", &sum);
    char bytes[TEXT_NUMBER];
    bool large = sum.multiply_adds >= 1e8;
    printf("\nOne picture, forward: %.2f %c multiply-adds. The parameters take %s.\n", sum.multiply_adds / (large ? 1e9 : 1e6),
           large ? 'G' : 'M', text_bytes(bytes, (size_t)sum.params * sizeof(float)));
}

/* The options' rows are the public API's own (<shoal/model.h>): numbers and flags. */
static void print_options(const shoal_model_kind *kind) {
    for (int i = 0; i < kind->n_options; i++) {
        const shoal_model_option *o = &kind->options[i];
        printf("%s%s: ", i == 0 ? "Options of the job's section model, with their defaults:\n  " : "  ", o->name);
        if (o->is_bool)
            printf("%s", o->standard != 0 ? "true" : "false");
        else
            printf("%g (from %g to %g)", o->standard, o->least, o->most);
        printf(": %s\n", o->what);
    }
    if (kind->n_options)
        putchar('\n');
}

static err show(const shoal_model_kind *kind, const settings *s, const model_option_value *values, int n_values) {
    int64_t size = s->size ? s->size : kind->size, channels = s->channels ? s->channels : kind->channels;
    model_spec spec = {
        .kind = kind,
        .classes = s->classes ? (int)s->classes : kind->classes,
        .image = {size, size, channels},
        .options = values,
        .n_options = n_values,
    };
    model *m;
    err code = model_build(&m, &spec);
    if (code != OK)
        return code;
    printf("%s: %s\n%d classes, pictures of %d x %d x %d; output shapes without the batch\n\n", kind->name, kind->what, spec.classes,
           (int)channels, (int)size, (int)size);
    print_options(kind);
    print_table(m);
    model_free(m);
    return OK;
}

static err run(const void *given, char **words, int n_words) {
    if (n_words == 0) {
        list_models();
        return OK;
    }
    int n_values = 0;
    model_option_value *values = mem_new((size_t)n_words, sizeof *values);
    const shoal_model_kind *kind;
    err code = models_find(&kind, words[0]);
    for (int i = 1; code == OK && i < n_words; i++) {
        code = cli_read_pair(words[i], &values[n_values].name, &values[n_values].value);
        n_values += code == OK;
    }
    if (code == OK)
        code = show(kind, given, values, n_values);
    for (int i = 0; i < n_values; i++)
        mem_free(values[i].name);
    mem_free(values);
    return code;
}

const cli_command cli_model = {
    .name = "model",
    .usage = "[NAME [option=value …]] [--size N] [--channels N] [--classes N]",
    .what = "Lists the models; or the layers of one: output shapes, parameters, FLOPs, activation bytes.",
    .example = "  shoal model resnet50\n"
               "  shoal model vgg11 dropout=0 --size 64 --classes 10",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){0},
    .settings_size = sizeof(settings),
    .most_words = 64,
    .run = run,
    .more_help = list_models,
};
