/* Command lines: a word a line, the first is the subcommand. */
#include <string.h>

#include "cli/cli.h"
#include "fuzz.h"

enum { MOST = 16 };

static void parse(int argc, char **argv) {
    static const cli_command *const commands[] = {&cli_train, &cli_eval,    &cli_predict, &cli_pack,
                                                  &cli_model, &cli_inspect, &cli_digest,  &cli_bench};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[0], commands[i]->name) != 0)
            continue;
        cli_call call = {0};
        if (cli_parse(commands[i], argc, argv, &call) == OK && !call.help)
            fuzz_expect(call.n_words >= commands[i]->least_words && call.n_words <= commands[i]->most_words,
                        "as many words as there may be");
        cli_call_reset(&call);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size), *argv[MOST + 1] = {text};
    int argc = 1;
    for (char *end = text; argc < MOST && (end = strchr(end, '\n'));) {
        *end++ = '\0';
        argv[argc++] = end;
    }
    argv[argc] = NULL;
    char *name = NULL;
    double value;
    if (cli_read_pair(argv[argc - 1], &name, &value) == OK)
        mem_free(name);
    parse(argc, argv);
    mem_free(text);
    return 0;
}
