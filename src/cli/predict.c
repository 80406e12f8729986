/* shoal predict: the most likely classes of pictures. */
#include "cli/cli.h"
#include "train/train.h"

#include <stdio.h>

typedef struct settings {
    int64_t top;
} settings;

static const cli_option options[] = {
    {"top", CLI_WHOLE, "N", "how many classes are printed (5)", offsetof(settings, top), 1, 100000},
};

static err predict(predictor *p, const char *path, int top, prediction *found) {
    int count;
    err code = predictor_run(p, path, top, found, &count);
    if (code != OK)
        return code;
    print_line("%s", path);
    for (int i = 0; i < count; i++)
        print_line("  %6.2f %%  %s", 100 * found[i].probability, found[i].name);
    print_flush();
    return OK;
}

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    predictor *p = NULL;
    prediction *found = mem_new((size_t)s->top, sizeof *found);
    err code = cli_set_threads();
    if (code == OK)
        code = predictor_open(&p, words[0]);
    for (int i = 1; code == OK && i < n_words; i++)
        code = predict(p, words[i], (int)s->top, found);
    predictor_close(p);
    mem_free(found);
    return code;
}

const cli_command cli_predict = {
    .name = "predict",
    .usage = "CHECKPOINT IMAGE… [--top N]",
    .what = "Says what is on pictures (JPEG, PNG): the most likely classes and their probabilities.",
    .example = "  shoal predict runs/quickstart/best.h5 cat.jpg dog.png --top 3",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){5},
    .settings_size = sizeof(settings),
    .least_words = 2,
    .most_words = 1000000,
    .run = run,
};
