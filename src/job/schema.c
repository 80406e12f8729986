/* Every key of a job file. */
#include <string.h>

#include "dist/dist.h"
#include "job/internal.h"

#define AT(member) offsetof(job, member)
#define LIST(counter, most_elements) .count_place = offsetof(job, counter), .capacity = (most_elements)
#define WORDS(names) .words = (names), .n_words = &n_##names
#define MANY 1e15

static const char *const conv_names[] = {"fast", "accurate"};
static const int n_conv_names = sizeof conv_names / sizeof *conv_names;

static const char *const nonfinite_names[] = {"stop", "skip", "rollback"};
static const int n_nonfinite_names = sizeof nonfinite_names / sizeof *nonfinite_names;

const job_key job_keys[] = {
    {"", "name", &job_type_text, AT(name), NULL, "of the experiment; the run folder is runs/NAME", .change = JOB_FREE},

    {"model", "name", &job_type_text, AT(model.name), NULL, "`shoal model --help` lists them; further keys are the model's options",
     .change = JOB_FIXED},
    {"model", "classes", &job_type_int, AT(model.classes), "0", "outputs; 0: as many as the data set has", 0, 1e8, .change = JOB_FIXED},

    {"data", "train", &job_type_text, AT(data.train), NULL, "data set, or a glob of its files", .change = JOB_FREE},
    {"data", "val", &job_type_text, AT(data.val), "null", "data set that is evaluated after each epoch", .change = JOB_RESULT},
    {"data", "shuffle", &job_type_shuffle, AT(data.shuffle), "true",
     "a new order each epoch; {block: K}: by blocks of K samples, for disks that hate random reads", .change = JOB_FIXED},
    {"data", "drop_last", &job_type_bool, AT(data.drop_last), "true", "leave out what fills no batch at the end of an epoch",
     .change = JOB_FIXED},
    {"data", "workers", &job_type_int, AT(data.workers), "0", "threads of each rank that read and decode; 0: one for every 16 that compute",
     0, 256, .change = JOB_FREE},
    {"data", "stage", &job_type_text, AT(data.stage), "null", "folder of the node's own disk or memory that the files are copied to first",
     .change = JOB_FREE},
    {"data", "max_bad", &job_type_real, AT(data.max_bad), "0.001",
     "share of a set's records that may be bad; they are named in quarantine.csv, and others take their places", 0, 1, .change = JOB_FREE},
    {"data", "mean", &job_type_floats, AT(data.mean), "[]", "of x/255, a number a channel; []: the data set's", -1e6, 1e6,
     LIST(data.n_mean, 3), .change = JOB_FIXED},
    {"data", "std", &job_type_floats, AT(data.std), "[]", "of x/255, a number a channel; []: the data set's", 1e-6, 1e6,
     LIST(data.n_std, 3), .change = JOB_FIXED},
    {"data", "augment", &job_type_transforms, AT(data.augment), "[]", "transforms of training pictures, in order", .change = JOB_FIXED},
    {"data", "eval", &job_type_transforms, AT(data.eval), "[]", "transforms of evaluated pictures, in order", .change = JOB_RESULT},

    {"train", "epochs", &job_type_whole, AT(train.epochs), NULL, "times through the training set", 1, 1e9, .change = JOB_RESULT},
    {"train", "batch", &job_type_whole, AT(train.batch), NULL, "samples of a step, all ranks together", 1, 1e9, .change = JOB_FIXED},
    {"train", "max_steps", &job_type_whole, AT(train.max_steps), "0", "end after so many steps, with a checkpoint; 0: no limit", 0, MANY,
     .change = JOB_FREE},
    {"train", "max_seconds", &job_type_real, AT(train.max_seconds), "0",
     "stop with a checkpoint (exit code 75) before the program has run so long; 0: no limit but SLURM's", 0, 1e9, .change = JOB_FREE},
    {"train", "stall_seconds", &job_type_real, AT(train.stall_seconds), "300",
     "no progress on any rank for so long: say where each is and end with exit code 70; 0: wait forever", 0, 1e9, .change = JOB_FREE},
    {"train", "lanes", &job_type_int, AT(train.lanes), "8", "pieces of a batch: these decide the result, ranks and threads do not", 1,
     65536, .change = JOB_FIXED},
    {"train", "seed", &job_type_seed, AT(train.seed), "1", "of everything that is drawn", .change = JOB_FIXED},
    {"train", "label_smoothing", &job_type_real, AT(train.label_smoothing), "0", "share of the target that all classes divide", 0, 1,
     .change = JOB_RESULT},
    {"train", "conv", &job_type_word, AT(train.conv), "fast",
     "fast: the algorithm of fewest operations; accurate: only those that round about as a plain sum does", WORDS(conv_names),
     .change = JOB_RESULT},
    {"train", "recompute", &job_type_bool, AT(train.recompute), "false",
     "make outputs that are cheap to make a second time in backward instead of keeping them: less memory, more time", .change = JOB_FREE},
    {"train", "sync_batchnorm", &job_type_norm_scope, AT(train.sync_batchnorm), "global",
     "statistics over the global batch, a rank's part of it, or a lane: global, rank, lane", .change = JOB_RESULT},
    {"train", "on_nonfinite", &job_type_word, AT(train.on_nonfinite), "stop",
     "where loss or gradients are no numbers, end with exit code 70, leave that update out, or go back to the newest step-N.h5",
     WORDS(nonfinite_names), .change = JOB_RESULT},
    {"train", "rollback_factor", &job_type_real, AT(train.rollback_factor), "0.5", "what the learning rate is multiplied by at each rollback",
     1e-6, 1, .change = JOB_RESULT},
    {"train", "rollback_most", &job_type_int, AT(train.rollback_most), "3", "so many rollbacks, then the run ends with exit code 70", 0, 1e6,
     .change = JOB_RESULT},

    {"optimizer", "name", &job_type_word, AT(optimizer.name), "sgd", "", WORDS(optim_names), .change = JOB_FIXED},
    {"optimizer", "lr", &job_type_real, AT(optimizer.lr), NULL, "learning rate, which the schedule scales", 0, 1e6, .change = JOB_RESULT},
    {"optimizer", "momentum", &job_type_real, AT(optimizer.momentum), "0", "v = momentum * v + gradient", 0, 1, .change = JOB_RESULT},
    {"optimizer", "nesterov", &job_type_bool, AT(optimizer.nesterov), "false", "Nesterov's momentum", .change = JOB_RESULT},
    {"optimizer", "weight_decay", &job_type_real, AT(optimizer.weight_decay), "0", "of convolutions' and linear layers' weights", 0, 1e6,
     .change = JOB_RESULT},
    {"optimizer", "norm_weight_decay", &job_type_real, AT(optimizer.norm_weight_decay), "weight_decay",
     "of batch norms' weights and biases", 0, 1e6, .change = JOB_RESULT},
    {"optimizer", "bias_weight_decay", &job_type_real, AT(optimizer.bias_weight_decay), "weight_decay", "of other biases", 0, 1e6,
     .change = JOB_RESULT},

    {"schedule", "name", &job_type_word, AT(schedule.name), "constant", "", WORDS(schedule_names), .change = JOB_RESULT},
    {"schedule", "step_epochs", &job_type_int, AT(schedule.step_epochs), "30", "step: times gamma every so many epochs", 1, 1e9,
     .change = JOB_RESULT},
    {"schedule", "gamma", &job_type_real, AT(schedule.gamma), "0.1", "step, multistep: the factor", 0, 1e6, .change = JOB_RESULT},
    {"schedule", "milestones", &job_type_ints, AT(schedule.milestones), "[]", "multistep: epochs, rising", 1, 1e9,
     LIST(schedule.n_milestones, SCHEDULE_MAX_MILESTONES), .change = JOB_RESULT},
    {"schedule", "min_lr", &job_type_real, AT(schedule.min_lr), "0", "cosine, poly: the last rate", 0, 1e6, .change = JOB_RESULT},
    {"schedule", "power", &job_type_real, AT(schedule.power), "1", "poly: the exponent", 0, 100, .change = JOB_RESULT},
    {"schedule", "warmup_epochs", &job_type_real, AT(schedule.warmup_epochs), "0",
     "the rate rises linearly for so many epochs; may be a fraction", 0, 1e9, .change = JOB_RESULT},
    {"schedule", "warmup_decay", &job_type_real, AT(schedule.warmup_decay), "0.01", "where the warmup begins, as a part of lr", 0, 1,
     .change = JOB_RESULT},

    {"init", "from", &job_type_text, AT(init.from), "null", "checkpoint whose weights the run begins with", .change = JOB_FIXED},
    {"init", "freeze", &job_type_texts, AT(init.freeze), "[]", "globs of parameters that are not trained",
     LIST(init.n_freeze, JOB_MAX_PATTERNS), .change = JOB_FIXED},
    {"init", "replace_head", &job_type_bool, AT(init.replace_head), "false", "the last layer starts anew, for other classes",
     .change = JOB_FIXED},

    {"checkpoint", "every_epochs", &job_type_whole, AT(checkpoint.every_epochs), "1", "a step-N.h5 every so many epochs; 0: never", 0, MANY,
     .change = JOB_FREE},
    {"checkpoint", "every_steps", &job_type_whole, AT(checkpoint.every_steps), "0", "a step-N.h5 every so many steps; 0: never", 0, MANY,
     .change = JOB_FREE},
    {"checkpoint", "every_seconds", &job_type_real, AT(checkpoint.every_seconds), "600", "last.h5 at least so often; 0: never", 0, 1e9,
     .change = JOB_FREE},
    {"checkpoint", "keep", &job_type_int, AT(checkpoint.keep), "3", "step-N.h5 files that stay", 0, 1e6, .change = JOB_FREE},
    {"checkpoint", "sync", &job_type_bool, AT(checkpoint.sync), "false",
     "training waits while a checkpoint is written, instead of going on beside it: no memory for a copy", .change = JOB_FREE},

    {"comm", "gradients", &job_type_word, AT(comm.gradients), "float32",
     "how gradients travel between nodes: 16 bits halve the bytes, round, and let the number of ranks show in the result",
     WORDS(dist_format_names), .change = JOB_RESULT},

    {"log", "every_steps", &job_type_whole, AT(log.every_steps), "10", "a line of metrics.jsonl every so many steps", 1, MANY,
     .change = JOB_FREE},
};
const int n_job_keys = sizeof job_keys / sizeof *job_keys;

const job_key *job_find_key(const char *section, const char *name) {
    for (int i = 0; i < n_job_keys; i++)
        if (strcmp(job_keys[i].section, section) == 0 && strcmp(job_keys[i].name, name) == 0)
            return &job_keys[i];
    return NULL;
}

const job_key *job_key_followed(const job_key *key) {
    return key->type == &job_type_real && key->standard ? job_find_key(key->section, key->standard) : NULL;
}

bool job_is_section(const char *word) {
    for (int i = 0; i < n_job_keys; i++)
        if (*word && strcmp(job_keys[i].section, word) == 0)
            return true;
    return false;
}

/* The section of which the word is a key, or NULL. */
static const char *home_of(const char *word) {
    for (int i = 0; i < n_job_keys; i++)
        if (strcmp(job_keys[i].name, word) == 0)
            return job_keys[i].section;
    return NULL;
}

char *job_suggest(char out[128], const char *section, const char *word) {
    const char **near = mem_new((size_t)n_job_keys, sizeof *near);
    size_t count = 0;
    for (int i = 0; i < n_job_keys; i++)
        if (strcmp(job_keys[i].section, section) == 0)
            near[count++] = job_keys[i].name;
        else if (!*section)
            near[count++] = job_keys[i].section;
    text_suggest(out, word, near, count, sizeof *near);
    mem_free(near);
    const char *home = home_of(word);
    if (!*out && home)
        snprintf(out, 128, " (did you mean \"%s%s%s\"?)", home, *home ? "." : "", word);
    return out;
}

/* ---- help ---- */

enum { HELP_INDENT = 38, HELP_WIDTH = 110 };

static void print_key(FILE *out, const job_key *key) {
    static const char marks[] = {[JOB_UNSAID] = '?', [JOB_FREE] = ' ', [JOB_RESULT] = '*', [JOB_FIXED] = '='};
    fprintf(out, "  %c %-18s %-14s ", marks[key->change], key->name, key->standard ? key->standard : "(required)");
    char *text = mem_string("");
    for (int i = 0; key->words && i < *key->n_words; i++)
        text_append(&text, text_format("%s%s", i ? ", " : "", key->words[i]));
    text_append(&text, text_format("%s%s", *text && *key->help ? ". " : "", key->help));
    char *lines = text_wrapped(text, HELP_INDENT, HELP_WIDTH);
    fprintf(out, "%s\n", lines);
    mem_free(lines);
    mem_free(text);
}

void job_print_keys(FILE *out) {
    fprintf(out, "Keys of a job file and their defaults. Where a run is resumed, the keys marked = must be as they were, as must a model's "
                 "options;\n"
                 "another value of those marked * is another result: it must come from the command line, and a run that is finished takes\n"
                 "none (more train.epochs from the command line makes it unfinished); the others may change at any time.\n");
    for (int i = 0; i < n_job_keys; i++) {
        const job_key *key = &job_keys[i];
        if (*key->section && strcmp(key->section, job_keys[i - 1].section) != 0)
            fprintf(out, "  %s:\n", key->section);
        print_key(out, key);
    }
    fprintf(out, "Transforms of data.augment and data.eval:\n");
    job_print_transforms(out);
}
