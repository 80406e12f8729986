/* shoal bench: how fast whole training steps are. */
#include <string.h>

#include "cli/cli.h"
#include "dist/dist.h"
#include "train/train.h"

typedef struct settings {
    const char *model, *gradients;
    int64_t batch, size, steps, classes, lanes;
    bool recompute, layers;
} settings;

static const cli_option options[] = {
    {"model", CLI_TEXT, "NAME", "network; `shoal model` lists them", offsetof(settings, model), 0, 0},
    {"batch", CLI_WHOLE, "N", "pictures of all ranks in a step (16)", offsetof(settings, batch), 1, 1 << 30},
    {"size", CLI_WHOLE, "N", "height and width of the pictures (the model's usual one)", offsetof(settings, size), 1, 1 << 14},
    {"steps", CLI_WHOLE, "N", "steps that are measured, after one that is not (5)", offsetof(settings, steps), 1, 1 << 30},
    {"classes", CLI_WHOLE, "N", "classes (the model's usual number)", offsetof(settings, classes), 2, 1 << 24},
    {"lanes", CLI_WHOLE, "N", "lanes (8)", offsetof(settings, lanes), 1, 1 << 20},
    {"gradients", CLI_TEXT, "FORMAT", "how ranks exchange them: float32, bf16 or fp16 (float32)", offsetof(settings, gradients), 0, 0},
    {"recompute", CLI_FLAG, NULL, "less memory for more time, as train.recompute", offsetof(settings, recompute), 0, 0},
    {"layers", CLI_FLAG, NULL, "afterwards, a table: what each layer takes, and how far from this machine's limits it is",
     offsetof(settings, layers), 0, 0},
};

static err run(const void *given, char **words, int n_words) {
    (void)words, (void)n_words;
    const settings *s = given;
    if (!s->model)
        return fail(ERR_USAGE, "shoal bench needs --model NAME; `shoal model` lists the models");
    if (strcmp(dist_format_names[dist_find_format(s->gradients)], s->gradients) != 0)
        return fail(ERR_USAGE, "--gradients %s: float32, bf16 or fp16 is needed", s->gradients);
    bench_options how = {
        .model = s->model,
        .batch = s->batch,
        .size = (int)s->size,
        .steps = (int)s->steps,
        .classes = (int)s->classes,
        .lanes = (int)s->lanes,
        .gradients = s->gradients,
        .recompute = s->recompute,
        .layers = s->layers,
    };
    return train_bench(&how);
}

const cli_command cli_bench = {
    .name = "bench",
    .usage = "--model NAME [--batch N] [--size N] [--steps N] [--classes N] [--lanes N] [--gradients FORMAT] [--recompute] [--layers]",
    .what = "Measures full training steps on random pictures; prints one line of JSON, and a table of the layers if asked.",
    .example = "  mpirun -np 2 shoal bench --model resnet50 --batch 16 --size 224 --steps 5\n"
               "  OMP_NUM_THREADS=1 shoal bench --model vgg16 --layers",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){.gradients = "float32", .batch = 16, .steps = 5},
    .settings_size = sizeof(settings),
    .collective = true,
    .run = run,
};
