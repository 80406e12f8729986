/* shoal bench: how fast whole training steps are. */
#include "cli/cli.h"
#include "train/train.h"

typedef struct settings {
    const char *model;
    int64_t batch, size, steps, classes, lanes;
} settings;

static const cli_option options[] = {
    {"model", CLI_TEXT, "NAME", "network; `shoal model` lists them", offsetof(settings, model), 0, 0},
    {"batch", CLI_WHOLE, "N", "pictures of all ranks in a step (16)", offsetof(settings, batch), 1, 1 << 30},
    {"size", CLI_WHOLE, "N", "height and width of the pictures (the model's usual one)", offsetof(settings, size), 1, 1 << 14},
    {"steps", CLI_WHOLE, "N", "steps that are measured, after one that is not (5)", offsetof(settings, steps), 1, 1 << 30},
    {"classes", CLI_WHOLE, "N", "classes (the model's usual number)", offsetof(settings, classes), 2, 1 << 24},
    {"lanes", CLI_WHOLE, "N", "lanes (8)", offsetof(settings, lanes), 1, 1 << 20},
};

static err run(const void *given, char **words, int n_words) {
    (void)words, (void)n_words;
    const settings *s = given;
    if (!s->model)
        return fail(ERR_USAGE, "shoal bench needs --model NAME; `shoal model` lists the models");
    bench_options how = {s->model, s->batch, (int)s->size, (int)s->steps, (int)s->classes, (int)s->lanes};
    return train_bench(&how);
}

const cli_command cli_bench = {
    .name = "bench",
    .usage = "--model NAME [--batch N] [--size N] [--steps N] [--classes N] [--lanes N]",
    .what = "Measures full training steps on random pictures; prints one line of JSON.",
    .example = "  mpirun -np 2 shoal bench --model resnet50 --batch 16 --size 224 --steps 5",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){NULL, 16, 0, 5, 0, 0},
    .settings_size = sizeof(settings),
    .collective = true,
    .run = run,
};
