/* shoal predict: the most likely classes of pictures. */
#include "cli/cli.h"
#include "train/train.h"

#include <stdio.h>

typedef struct settings {
    int64_t top;
    cli_weights weights;
} settings;

static const cli_option options[] = {
    {"top", CLI_WHOLE, "N", "how many classes are printed (5)", offsetof(settings, top), 1, 100000},
    {"model", CLI_TEXT, "NAME", "a file of weights without a job: the network; its options behind it, NAME,option=value",
     offsetof(settings, weights.model), 0, 0},
    {"data", CLI_TEXT, "SET", "the same: the set that it was trained on, for mean, std and names of classes", offsetof(settings, weights.data),
     0, 0},
    {"mean", CLI_TEXT, "X,X,X", "the same: of x/255, a number a channel", offsetof(settings, weights.mean), 0, 0},
    {"std", CLI_TEXT, "X,X,X", "the same", offsetof(settings, weights.std), 0, 0},
};

static err predict(predictor *p, const char *path, int top, prediction *found) {
    int count;
    err code = predictor_run(p, path, top, found, &count);
    if (code != OK)
        return code;
    print_line("%s", path);
    for (int i = 0; i < count; i++)
        if (*found[i].name)
            print_line("  %6.2f %%  %s", 100 * found[i].probability, found[i].name);
        else
            print_line("  %6.2f %%  class %d", 100 * found[i].probability, found[i].label);
    print_flush();
    return OK;
}

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    predictor *p = NULL;
    prediction *found = mem_new((size_t)s->top, sizeof *found);
    weights_options weights;
    err code = cli_read_weights(&weights, &s->weights);
    if (code == OK)
        code = cli_set_threads();
    if (code == OK)
        code = predictor_open(&p, words[0], &weights);
    cli_weights_reset(&weights);
    for (int i = 1; code == OK && i < n_words; i++)
        code = predict(p, words[i], (int)s->top, found);
    predictor_close(p);
    mem_free(found);
    return code;
}

const cli_command cli_predict = {
    .name = "predict",
    .usage = "CHECKPOINT IMAGE… [--top N], or WEIGHTS IMAGE… --model NAME --data SET",
    .what = "Says what is on pictures (JPEG, PNG): the most likely classes and their probabilities.",
    .example = "  shoal predict runs/quickstart/best.h5 cat.jpg dog.png --top 3\n"
               "  shoal predict resnet50-imagenet.h5 cat.jpg --model resnet50 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){.top = 5},
    .settings_size = sizeof(settings),
    .least_words = 2,
    .most_words = 1000000,
    .run = run,
};
