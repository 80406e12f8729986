/* Options of a subcommand: a table over getopt_long(). */
#include "cli/cli.h"

#include <getopt.h>
#include <string.h>

enum { HELP = 'h', ALONE = 'a', WORD = 1, FIRST_OPTION = 256 }; /* what getopt_long() returns */

static err read_whole(const cli_option *o, const char *text, int64_t *out) {
    int64_t value;
    if (!text_to_whole(text, &value) || (double)value < o->least || (double)value > o->most)
        return fail(ERR_USAGE, "--%s \"%s\": a whole number from %.0f to %.0f is needed", o->name, text, o->least, o->most);
    *out = value;
    return OK;
}

static err read_real(const cli_option *o, const char *text, double *out) {
    double value;
    if (!text_to_real(text, &value) || value < o->least || value > o->most)
        return fail(ERR_USAGE, "--%s \"%s\": a number from %g to %g is needed", o->name, text, o->least, o->most);
    *out = value;
    return OK;
}

/* The word after an option is its optional value where it looks like a file: no option, no KEY=VALUE, and not the only word of a command
 * that needs one. */
static const char *optional_value(const cli_command *command, const cli_call *call, int argc, char **argv) {
    const char *next = optind < argc ? argv[optind] : NULL;
    if (!next || next[0] == '-' || strchr(next, '='))
        return NULL;
    size_t length = strlen(next);
    bool is_file = length > 3 && strcmp(next + length - 3, ".h5") == 0;
    if (!is_file && call->n_words < command->least_words)
        return NULL;
    optind++;
    return next;
}

static err set_option(const cli_command *command, const cli_option *o, cli_call *call, int argc, char **argv) {
    void *target = (char *)call->settings + o->place;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)target = true;
        return OK;
    case CLI_TEXT:
        *(const char **)target = optarg;
        return OK;
    case CLI_OPTIONAL_TEXT:
        *(cli_optional *)target = (cli_optional){true, optarg ? optarg : optional_value(command, call, argc, argv)};
        return OK;
    case CLI_WHOLE:
        return read_whole(o, optarg, target);
    case CLI_REAL:
        return read_real(o, optarg, target);
    }
    return OK;
}

static int argument_kind(cli_type type) {
    return type == CLI_FLAG ? no_argument : type == CLI_OPTIONAL_TEXT ? optional_argument : required_argument;
}

bool cli_has_ranks(const cli_command *command) {
    return command->collective || command->collective_for;
}

static struct option *make_table(const cli_command *command) {
    struct option *table = mem_new((size_t)command->n_options + 3, sizeof *table);
    for (int i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        table[i] = (struct option){.name = o->name, .has_arg = argument_kind(o->type), .val = FIRST_OPTION + i};
    }
    table[command->n_options] = (struct option){.name = "help", .val = HELP};
    if (cli_has_ranks(command))
        table[command->n_options + 1] = (struct option){.name = "alone", .val = ALONE};
    return table;
}

/* `word` is what getopt_long() did not take. */
static err refuse_option(const cli_command *command, const char *word) {
    if (optopt >= FIRST_OPTION)
        return fail(ERR_USAGE, "%s: --%s takes no value", word, command->options[optopt - FIRST_OPTION].name);
    char *name = mem_string(word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = text_nearest(name, command->options, (size_t)command->n_options, sizeof *command->options);
    mem_free(name);
    return fail(ERR_USAGE, "shoal %s has no option %s%s%s%s; `shoal help %s` lists them", command->name, word,
                nearest ? " (did you mean --" : "", nearest ? nearest : "", nearest ? "?)" : "", command->name);
}

static err check_words(const cli_command *command, const cli_call *call) {
    if (call->n_words < command->least_words)
        return fail(ERR_USAGE, "an argument is missing: usage is `shoal %s %s`", command->name, command->usage);
    if (call->n_words > command->most_words)
        return fail(ERR_USAGE, "\"%s\" is one argument too many: usage is `shoal %s %s`", call->words[command->most_words], command->name,
                    command->usage);
    return OK;
}

static err parse_all(const cli_command *command, const struct option *table, int argc, char **argv, cli_call *call) {
    optind = 0; /* begin anew, also where somebody has used getopt before */
    opterr = 0;
    for (;;) {
        int before = optind ? optind : 1;
        int found = getopt_long(argc, argv, "-:h", table, NULL);
        err code = OK;
        if (found == -1)
            break;
        else if (found == HELP)
            call->help = true;
        else if (found == ALONE)
            call->alone = true;
        else if (found == WORD)
            call->words[call->n_words++] = optarg;
        else if (found == ':')
            code = fail(ERR_USAGE, "%s needs a value: `shoal help %s` says which", argv[before], command->name);
        else if (found == '?')
            code = refuse_option(command, argv[before]);
        else
            code = set_option(command, &command->options[found - FIRST_OPTION], call, argc, argv);
        if (code != OK)
            return code;
    }
    while (optind < argc) /* behind `--` */
        call->words[call->n_words++] = argv[optind++];
    return call->help ? OK : check_words(command, call);
}

err cli_parse(const cli_command *command, int argc, char **argv, cli_call *call) {
    *call = (cli_call){.settings = mem_new(1, command->settings_size), .words = mem_new((size_t)argc, sizeof *call->words)};
    if (command->settings_size)
        memcpy(call->settings, command->settings, command->settings_size);
    struct option *table = make_table(command);
    err code = parse_all(command, table, argc, argv, call);
    mem_free(table);
    return code;
}

void cli_call_reset(cli_call *call) {
    mem_free(call->settings);
    mem_free(call->words);
    *call = (cli_call){0};
}

err cli_read_pair(const char *word, char **name, double *value) {
    const char *equals = strchr(word, '='), *text = equals ? equals + 1 : "";
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        *value = strcmp(text, "true") == 0;
    else if (!text_to_real(text, value))
        return fail(ERR_USAGE, "\"%s\": an option of the model is given as NAME=VALUE, the value a number, true or false", word);
    *name = mem_string(word);
    (*name)[equals - word] = '\0';
    return OK;
}
