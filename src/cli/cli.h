/* cli: the program as a user calls it. Every subcommand is a cli_command in a file of its own; cli.c has the table of them. */
#ifndef SHOAL_CLI_H
#define SHOAL_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "data/data.h"
#include "train/train.h"

typedef enum cli_type {
    CLI_FLAG,          /* bool */
    CLI_TEXT,          /* const char * */
    CLI_OPTIONAL_TEXT, /* cli_optional: the option may stand without its value */
    CLI_WHOLE,         /* int64_t in [least, most] */
    CLI_REAL,          /* double in [least, most] */
} cli_type;

typedef struct cli_optional {
    bool given;
    const char *text; /* NULL: none */
} cli_optional;

typedef struct cli_option {
    const char *name; /* without the dashes */
    cli_type type;
    const char *value; /* the value's word in the help */
    const char *help;
    size_t place; /* of the target in the command's settings */
    double least, most;
} cli_option;

typedef struct cli_command {
    const char *name;
    const char *usage;   /* what follows the name */
    const char *what;    /* one line */
    const char *example; /* one or more whole lines */
    const cli_option *options;
    int n_options;
    const void *settings; /* a struct with the options' standard values */
    size_t settings_size;
    int least_words, most_words; /* arguments that are no options */
    bool collective;             /* runs on all ranks, after comm_init(); the others run on rank 0 alone and never start MPI */
    bool (*collective_for)(const void *settings, char **words, int n_words); /* which calls are so; may be NULL */
    void (*before_mpi)(void);    /* on every rank, while other programs may still be started; may be NULL */
    err (*run)(const void *settings, char **words, int n_words);
    void (*more_help)(void); /* may be NULL */
} cli_command;

extern const cli_command cli_train, cli_eval, cli_predict, cli_pack, cli_model, cli_inspect, cli_digest, cli_bench;

/* What the command line said. */
typedef struct cli_call {
    void *settings; /* mem_new() */
    char **words;   /* mem_new(); the words themselves belong to argv */
    int n_words;
    bool help;  /* --help was there; nothing else counts */
    bool alone; /* --alone: this process does not belong to those that were launched with it */
} cli_call;

/* Reads the arguments after the subcommand's name, argv[0]. ERR_USAGE names the argument and suggests. Free with cli_call_reset(). */
err cli_parse(const cli_command *command, int argc, char **argv, cli_call *call);
void cli_call_reset(cli_call *call);

/* Whether some calls of a command run on all ranks; those take --alone. */
bool cli_has_ranks(const cli_command *command);

/* Prints a command's usage, options, example; the list of all commands. */
void cli_print_help(const cli_command *command);
void cli_print_overview(const cli_command *const *commands, int count);

/* comm_init(), and before it what cannot be had after it. Collective. */
err cli_start_ranks(void);

/* The environment variables that the program reads, and the choice of kernels that one of them may make. ERR_USAGE. */
err cli_check_environment(void);

/* Sets the number of threads and prepares the kernels: OMP_NUM_THREADS, or this rank's fair share of its node's cores.
 * Collective where MPI is running. */
err cli_set_threads(void);

/* Whether all ranks were started with these words, the subcommand and all that follows. ERR_USAGE. Collective. */
err cli_check_same_words(int count, char *const *words);

/* comm_check_connected(); where it fails, this process is from then on the one that the launcher says, so that one of them all speaks. */
err cli_check_connected(void);

/* The same for a command that needs no MPI, where a launcher has started several ranks: a rank that never starts MPI would let those wait
 * that do. Reports the error. */
err cli_meet_first(int count, char *const *words);

/* Prints the last error where `code` is one and this is rank 0. Returns `code`. */
err cli_report(err code);

/* What eval and predict are told of a file that holds weights and no job. */
typedef struct cli_weights {
    const char *model, *data, *mean, *std;
} cli_weights;
err cli_read_weights(weights_options *o, const cli_weights *given); /* ERR_USAGE; cli_weights_reset() afterwards, after an error too */
void cli_weights_reset(weights_options *o);

/* Reads `NAME=VALUE`, a number, true or false; the name is a new string. ERR_USAGE. */
err cli_read_pair(const char *word, char **name, double *value);

/* What inspect prints of the two formats. */
err cli_show_dataset(const char *path);
err cli_show_checkpoint(const char *path);
err cli_verify_datasets(char **words, int n_words); /* files, patterns, folders. Collective */
err cli_export_pictures(const char *path, const char *folder, int64_t count);

/* The classes with their counts of pictures; many classes are cut short. */
void cli_print_classes(const dataset *d, const uint64_t *counts);

#endif
