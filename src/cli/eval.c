/* shoal eval: the loss and accuracy of a checkpoint on a data set. */
#include "cli/cli.h"
#include "train/train.h"

#include <stdio.h>

typedef struct settings {
    int64_t batch;
} settings;

static const cli_option options[] = {
    {"batch", CLI_WHOLE, "N", "pictures of all ranks that are computed at once (the job's batch)", offsetof(settings, batch), 1, 1 << 30},
};

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    evaluation e;
    err code = train_evaluate(words[0], n_words > 1 ? words[1] : NULL, s->batch, &e);
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
    .usage = "CHECKPOINT [DATA] [--batch N]",
    .what = "Evaluates a checkpoint on a data set; every sample counts exactly once.",
    .example = "  mpirun -np 2 shoal eval runs/quickstart/best.h5 data/glyphs/val.h5",
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
