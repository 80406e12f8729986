/* The table of subcommands, and how one is run. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include <shoal/run.h>

#include "comm/comm.h"

static const cli_command *const commands[] = {&cli_train, &cli_eval,    &cli_predict, &cli_pack,
                                              &cli_model, &cli_inspect, &cli_digest,  &cli_bench};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static err find_command(const cli_command **out, const char *name) {
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i]->name;
        if (strcmp(name, names[i]) == 0) {
            *out = commands[i];
            return OK;
        }
    }
    char suggestion[128];
    text_suggest(suggestion, name, names, N_COMMANDS, sizeof *names);
    return fail(ERR_USAGE, "there is no subcommand \"%s\"%s; `shoal help` lists them", name, suggestion);
}

err cli_report(err code) {
    if (code == OK || log_rank() != 0)
        return code;
    const err_record *record = err_last();
    if (record->rank >= 0 && comm_world() && comm_size(comm_world()) > 1)
        log_error("rank %d: %s", record->rank, record->text);
    else
        log_error("%s", record->text);
    return code;
}

/* All ranks come here, whether their arguments could be read or not. */
static err run_collective(const cli_command *command, const cli_call *call, int argc, char **argv, err parsed) {
    err_record record = *err_last();
    if (command->before_mpi && !parsed)
        command->before_mpi();
    err code = cli_start_ranks();
    if (code != OK)
        return cli_report(code);
    code = call->alone ? OK : cli_check_connected();
    if (code == OK)
        code = cli_check_same_words(argc, argv);
    if (code == OK && parsed)
        *err_last() = record;
    if (code == OK)
        code = comm_agree(comm_world(), parsed);
    if (code == OK)
        code = cli_set_threads();
    if (code == OK)
        code = command->run(call->settings, call->words, call->n_words);
    if (code == OK)
        code = comm_agree(comm_world(), log_check());
    cli_report(code);
    comm_finish();
    return code;
}

static err run_alone(const cli_command *command, const cli_call *call, int argc, char **argv, err parsed) {
    err_record record = *err_last();
    err met = cli_meet_first(argc, argv);
    if (met != OK || log_rank() != 0)
        return met;
    *err_last() = record;
    return cli_report(parsed ? parsed : command->run(call->settings, call->words, call->n_words));
}

static err run_command(const cli_command *command, int argc, char **argv) {
    cli_call call;
    err code = cli_parse(command, argc, argv, &call);
    if (code == OK && !call.help)
        code = cli_check_environment();
    if (call.help) {
        code = cli_meet_first(argc, argv);
        if (code == OK && log_rank() == 0)
            cli_print_help(command);
    } else if (code == OK && command->collective_for ? command->collective_for(call.settings, call.words, call.n_words)
                                                     : command->collective)
        code = run_collective(command, &call, argc, argv, code);
    else
        code = run_alone(command, &call, argc, argv, code);
    cli_call_reset(&call);
    return code;
}

static bool is_one_of(const char *word, const char *a, const char *b) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* `shoal help SUB` */
static err help(const char *name) {
    const cli_command *command = NULL;
    err code = find_command(&command, name);
    if (code == OK)
        cli_print_help(command);
    return cli_report(code);
}

/* What is not for a subcommand: only rank 0 speaks. */
static err run_general(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "help";
    err met = cli_meet_first(argc - 1, argv + 1);
    if (met != OK || log_rank() != 0)
        return met;
    if (is_one_of(word, "--version", "version")) {
        print_line("shoal %s (%s)", version_number(), version_commit());
        return OK;
    }
    if (is_one_of(word, "help", "--help") && argc > 2)
        return help(argv[2]);
    if (is_one_of(word, "help", "--help") || strcmp(word, "-h") == 0) {
        cli_print_overview(commands, N_COMMANDS);
        return OK;
    }
    if (word[0] == '-')
        return cli_report(fail(ERR_USAGE, "unknown option %s before a subcommand; `shoal help` lists the subcommands", word));
    const cli_command *none = NULL;
    return cli_report(find_command(&none, word));
}

int shoal_main(int argc, char **argv) {
    print_begin();
    signals_let_writes_fail();
    log_set_rank(comm_launcher_rank());
    const cli_command *command = NULL;
    bool is_command = argc > 1 && find_command(&command, argv[1]) == OK;
    if (!is_command)
        err_clear();
    err code = is_command ? run_command(command, argc - 1, argv + 1) : run_general(argc, argv);
    log_close();
    if (code == OK)
        code = cli_report(log_check());
    return (int)code;
}
