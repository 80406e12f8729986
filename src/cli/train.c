/* shoal train, and shoal_train() for programs in C. */
#include "train/train.h"
#include "cli/cli.h"
#include "comm/comm.h"
#include "launch/launch.h"

#include <shoal/run.h>

#include <string.h>

typedef struct settings {
    cli_optional resume;
    const char *out;
    bool check;
} settings;

static const cli_option options[] = {
    {"resume", CLI_OPTIONAL_TEXT, "FILE",
     "go on from FILE, or from the newest whole checkpoint of the run folder; begin where there is none", offsetof(settings, resume), 0, 0},
    {"out", CLI_TEXT, "DIR", "run folder (runs/NAME, NAME being the job's); it has one run at a time, an earlier one is moved to DIR.1",
     offsetof(settings, out), 0, 0},
    {"check", CLI_FLAG, NULL, "read the job and its overrides, and go no further", offsetof(settings, check), 0, 0},
};

static err check_overrides(char *const *words, int count) {
    for (int i = 0; i < count; i++)
        if (!strchr(words[i], '='))
            return fail(ERR_USAGE, "\"%s\" is neither an option nor an override of the form section.key=value", words[i]);
    return OK;
}

/* Every rank reads the job: all go on, or none. Collective. */
static err train(const char *path, const char *const *overrides, int count, const train_options *how) {
    job *j = NULL;
    err code = comm_agree(comm_world(), job_read(&j, path, overrides, count));
    if (code == OK)
        code = train_run(j, how);
    job_free(j);
    return code;
}

/* A signal that comes while MPI starts must be remembered too. */
static void before_mpi(void) {
    signals_watch();
    if (comm_launcher_rank() == 0)
        launch_ask_slurm();
}

/* Without MPI, which login nodes may not have. */
static err check_job(const char *path, const char *const *overrides, int count) {
    job *j = NULL;
    err code = job_read(&j, path, overrides, count);
    job_free(j);
    return code;
}

static bool trains(const void *given, char **words, int n_words) {
    (void)words;
    (void)n_words;
    return !((const settings *)given)->check;
}

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    err code = check_overrides(words + 1, n_words - 1);
    if (code != OK)
        return code;
    if (s->check)
        return check_job(words[0], (const char *const *)(words + 1), n_words - 1);
    train_options how = {.resume = s->resume.given, .resume_from = s->resume.text, .out = s->out};
    return train(words[0], (const char *const *)(words + 1), n_words - 1, &how);
}

static void print_keys(void) {
    job_print_keys(stdout);
}

const cli_command cli_train = {
    .name = "train",
    .usage = "JOB [section.key=value …] [--resume [FILE]] [--out DIR] [--check]",
    .what = "Trains a network as a job file says; overrides change any of its keys.",
    .example = "  mpirun -np 2 shoal train jobs/quickstart-glyphs.yaml\n"
               "  mpirun -np 2 shoal train jobs/lenet-mnist.yaml optimizer.lr=0.02 train.epochs=3 --out runs/slow\n"
               "  mpirun -np 4 shoal train jobs/lenet-mnist.yaml --resume",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){{false, NULL}, NULL, false},
    .settings_size = sizeof(settings),
    .least_words = 1,
    .most_words = 1000,
    .collective = true,
    .collective_for = trains,
    .before_mpi = before_mpi,
    .run = run,
    .more_help = print_keys,
};

int shoal_train(const char *path, const char *const *overrides) {
    int count = 0;
    while (overrides && overrides[count])
        count++;
    err code = cli_start_ranks();
    if (code == OK)
        code = cli_set_threads();
    if (code == OK)
        code = train(path, overrides, count, &(train_options){0});
    cli_report(code);
    log_close();
    comm_finish();
    return (int)code;
}
