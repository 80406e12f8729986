/* shoal digest: the SHA-256 of a checkpoint's model. */
#include "ckpt/ckpt.h"
#include "cli/cli.h"

#include <stdio.h>

static err run(const void *given, char **words, int n_words) {
    (void)given, (void)n_words;
    char digest[CKPT_DIGEST];
    err code = ckpt_digest_file(words[0], digest);
    if (code == OK)
        puts(digest);
    return code;
}

const cli_command cli_digest = {
    .name = "digest",
    .usage = "FILE",
    .what = "Prints the SHA-256 of a checkpoint's model: equal for runs that computed the same bits.",
    .example = "  shoal digest runs/quickstart/last.h5",
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
