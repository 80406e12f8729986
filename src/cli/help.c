/* What --help prints. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* `--batch N`, `--resume [FILE]` */
static char *option_text(const cli_option *o) {
    if (o->type == CLI_FLAG)
        return text_format("--%s", o->name);
    return text_format(o->type == CLI_OPTIONAL_TEXT ? "--%s [%s]" : "--%s %s", o->name, o->value);
}

enum { WIDTH = 110 };

static void print_option(const char *option, const char *help) {
    enum { INDENT = 21 };
    char *lines = text_wrapped(help, INDENT, WIDTH);
    printf("  %-18s %s\n", option, lines);
    mem_free(lines);
}

/* Lines end between brackets, not within. */
static void print_usage(const cli_command *command) {
    const char hard = '\x01'; /* instead of a space */
    char *start = text_format("shoal %s ", command->name), *usage = mem_string(command->usage);
    int depth = 0;
    for (char *c = usage; *c; c++) {
        depth += (*c == '[') - (*c == ']');
        *c = depth > 0 && *c == ' ' ? hard : *c;
    }
    char *lines = text_wrapped(usage, (int)strlen(start), WIDTH);
    for (char *c = lines; *c; c++)
        *c = *c == hard ? ' ' : *c;
    printf("%s%s\n", start, lines);
    mem_free(lines);
    mem_free(usage);
    mem_free(start);
}

void cli_print_help(const cli_command *command) {
    print_usage(command);
    printf("\n%s\n\nOptions:\n", command->what);
    for (int i = 0; i < command->n_options; i++) {
        char *text = option_text(&command->options[i]);
        print_option(text, command->options[i].help);
        mem_free(text);
    }
    if (cli_has_ranks(command))
        print_option("--alone", "run by itself, even where a launcher has started several processes that MPI does not connect");
    print_option("-h, --help", "this text");
    if (command->more_help) {
        putchar('\n');
        command->more_help();
    }
    printf("\nExample:\n%s\n", command->example);
}

void cli_print_overview(const cli_command *const *commands, int count) {
    puts("shoal trains neural networks on ordinary CPU nodes, data-parallel, over MPI.\n\nUsage:");
    for (int i = 0; i < count; i++)
        printf("  shoal %-8s %s\n", commands[i]->name, commands[i]->what);
    puts("  shoal help SUB   explains a subcommand, as `shoal SUB --help` does\n"
         "  shoal --version\n\n"
         "Start train, eval and bench under mpirun or srun to use several processes: mpirun -np 2 shoal train JOB\n\n"
         "Example:\n"
         "  shoal pack glyphs data/glyphs && mpirun -np 2 shoal train jobs/quickstart-glyphs.yaml\n\n"
         "Exit codes: 0 finished, 64 bad command line or job, 65 bad data, 70 training broke, 74 a file cannot be read or written,\n"
         "75 stopped early with a checkpoint.");
}
