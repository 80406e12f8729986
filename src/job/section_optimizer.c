/* The keys of a job's sections optimizer and schedule. Each kind of them has its own options in its own file. */
#include "job/internal.h"

#define AT(member) offsetof(job, member)

static const option optimizer_rows[] = {
    {"name", OPTION_WORD, AT(optimizer.name), "sgd", "", .kinds = optim_kind_at, .change = OPTION_FIXED},
    {"lr", OPTION_REAL, AT(optimizer.lr), NULL, "learning rate, which the schedule scales", 0, 1e6, .change = OPTION_RESULT},
    {"", OPTION_KINDS, AT(optimizer.own), .kinds = optim_kind_at},
    {"weight_decay", OPTION_REAL, AT(optimizer.weight_decay), "0", "of convolutions' and linear layers' weights", 0, 1e6,
     .change = OPTION_RESULT},
    {"norm_weight_decay", OPTION_REAL, AT(optimizer.norm_weight_decay), "weight_decay", "of batch norms' weights and biases", 0, 1e6,
     .change = OPTION_RESULT},
    {"bias_weight_decay", OPTION_REAL, AT(optimizer.bias_weight_decay), "weight_decay", "of other biases", 0, 1e6, .change = OPTION_RESULT},
};
const job_section job_section_optimizer = {"optimizer", optimizer_rows, sizeof optimizer_rows / sizeof *optimizer_rows};

static const option schedule_rows[] = {
    {"name", OPTION_WORD, AT(schedule.name), "constant", "", .kinds = schedule_kind_at, .change = OPTION_RESULT},
    {"", OPTION_KINDS, AT(schedule.own), .kinds = schedule_kind_at},
    {"warmup_epochs", OPTION_REAL, AT(schedule.warmup_epochs), "0", "the rate rises linearly for so many epochs; may be a fraction", 0, 1e9,
     .change = OPTION_RESULT},
    {"warmup_decay", OPTION_REAL, AT(schedule.warmup_decay), "0.01", "where the warmup begins, as a part of lr", 0, 1,
     .change = OPTION_RESULT},
};
const job_section job_section_schedule = {"schedule", schedule_rows, sizeof schedule_rows / sizeof *schedule_rows};
