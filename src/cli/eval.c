/* shoal eval: the loss and accuracy of a checkpoint on a data set. */
#include "cli/cli.h"
#include "train/train.h"

#include <stdio.h>

typedef struct settings {
    int64_t batch;
    cli_weights weights;
} settings;

static const cli_option options[] = {
    {"batch", CLI_WHOLE, "N", "pictures of all ranks that are computed at once (the job's batch)", offsetof(settings, batch), 1, 1 << 30},
    {"model", CLI_TEXT, "NAME", "a file of weights without a job: the network; its options behind it, NAME,option=value",
     offsetof(settings, weights.model), 0, 0},
    {"data", CLI_TEXT, "SET", "the same: the set that it was trained on, for mean and std (DATA)", offsetof(settings, weights.data), 0, 0},
    {"mean", CLI_TEXT, "X,X,X", "the same: of x/255, a number a channel", offsetof(settings, weights.mean), 0, 0},
    {"std", CLI_TEXT, "X,X,X", "the same", offsetof(settings, weights.std), 0, 0},
};

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    evaluation e;
    weights_options weights;
    err code = cli_read_weights(&weights, &s->weights);
    if (code == OK && weights.model && n_words < 2)
        code = fail(ERR_USAGE, "%s: a file of weights names no data set: shoal eval FILE DATA --model NAME", words[0]);
    if (code == OK)
        code = train_evaluate(words[0], n_words > 1 ? words[1] : NULL, s->batch, &weights, &e);
    cli_weights_reset(&weights);
    if (code != OK)
        return code;
    char count[TEXT_AMOUNT], step[TEXT_NUMBER], left_out[64];
    log_info("* Acc@1 %.3f Acc@5 %.3f  loss %.4f  (%s, step %s)%s", 100 * e.top1, 100 * e.top5, e.loss,
             text_amount(count, e.count, "picture"), text_count(step, e.step), evaluation_left_out(left_out, &e));
    return OK;
}

static void explain_data(void) {
    puts("DATA is a file, or several named by a quoted glob; without it, the data.val of the checkpoint's job.");
}

const cli_command cli_eval = {
    .name = "eval",
    .usage = "CHECKPOINT [DATA] [--batch N], or WEIGHTS DATA --model NAME",
    .what = "Evaluates a checkpoint on a data set; every sample counts exactly once.",
    .example = "  mpirun -np 2 shoal eval runs/quickstart/best.h5 data/glyphs/val.h5\n"
               "  shoal eval resnet50-imagenet.h5 'data/imagenet/val-*.h5' --model resnet50 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){0},
    .settings_size = sizeof(settings),
    .least_words = 1,
    .most_words = 2,
    .collective = true,
    .run = run,
    .more_help = explain_data,
};
