/* The keys of a job's sections init, checkpoint and log. */
#include "job/internal.h"

#define AT(member) offsetof(job, member)
#define LIST(counter, most_elements) .count_place = offsetof(job, counter), .capacity = (most_elements)
#define MANY 1e15

static const option init_rows[] = {
    {"from", OPTION_TEXT, AT(init.from), "null", "checkpoint whose weights the run begins with", .change = OPTION_FIXED},
    {"freeze", OPTION_TEXTS, AT(init.freeze), "[]", "globs of parameters that are not trained", LIST(init.n_freeze, JOB_MAX_PATTERNS),
     .change = OPTION_FIXED},
    {"replace_head", OPTION_BOOL, AT(init.replace_head), "false", "the last layer starts anew, for other classes", .change = OPTION_FIXED},
};
const job_section job_section_init = {"init", init_rows, sizeof init_rows / sizeof *init_rows};

static const option checkpoint_rows[] = {
    {"every_epochs", OPTION_WHOLE, AT(checkpoint.every_epochs), "1", "a step-N.h5 every so many epochs; 0: never", 0, MANY,
     .change = OPTION_FREE},
    {"every_steps", OPTION_WHOLE, AT(checkpoint.every_steps), "0", "a step-N.h5 every so many steps; 0: never", 0, MANY,
     .change = OPTION_FREE},
    {"every_seconds", OPTION_REAL, AT(checkpoint.every_seconds), "600", "last.h5 at least so often; 0: never", 0, 1e9,
     .change = OPTION_FREE},
    {"keep", OPTION_INT, AT(checkpoint.keep), "3", "step-N.h5 files that stay", 0, 1e6, .change = OPTION_FREE},
    {"sync", OPTION_BOOL, AT(checkpoint.sync), "false",
     "training waits while a checkpoint is written, instead of going on beside it: no memory for a copy", .change = OPTION_FREE},
};
const job_section job_section_checkpoint = {"checkpoint", checkpoint_rows, sizeof checkpoint_rows / sizeof *checkpoint_rows};

static const option log_rows[] = {
    {"every_steps", OPTION_WHOLE, AT(log.every_steps), "10", "a line of metrics.jsonl every so many steps", 1, MANY, .change = OPTION_FREE},
};
const job_section job_section_log = {"log", log_rows, sizeof log_rows / sizeof *log_rows};
