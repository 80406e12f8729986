/* The keys of a job above its sections, and those of its sections model and data. */
#include "job/internal.h"

#define AT(member) offsetof(job, member)
#define LIST(counter, most_elements) .count_place = offsetof(job, counter), .capacity = (most_elements)

static const option top_rows[] = {
    {"name", OPTION_TEXT, AT(name), NULL, "of the experiment; the run folder is runs/NAME", .change = OPTION_FREE},
};
const job_section job_section_top = {"", top_rows, sizeof top_rows / sizeof *top_rows};

static const option model_rows[] = {
    {"name", OPTION_TEXT, AT(model.name), NULL, "`shoal model --help` lists them; further keys are the model's options",
     .change = OPTION_FIXED},
    {"classes", OPTION_INT, AT(model.classes), "0", "outputs; 0: as many as the data set has", 0, 1e8, .change = OPTION_FIXED},
};
const job_section job_section_model = {"model", model_rows, sizeof model_rows / sizeof *model_rows};

static const option data_rows[] = {
    {"train", OPTION_TEXT, AT(data.train), NULL, "data set, or a glob of its files", .change = OPTION_FREE},
    {"val", OPTION_TEXT, AT(data.val), "null", "data set that is evaluated after each epoch", .change = OPTION_RESULT},
    {"shuffle", OPTION_OTHER, AT(data.shuffle), "true",
     "a new order each epoch; {block: K}: by blocks of K samples, for disks that hate random reads", .other = &job_type_shuffle,
     .change = OPTION_FIXED},
    {"drop_last", OPTION_BOOL, AT(data.drop_last), "true", "leave out what fills no batch at the end of an epoch", .change = OPTION_FIXED},
    {"workers", OPTION_INT, AT(data.workers), "0", "threads of each rank that read and decode; 0: one for every 16 that compute", 0, 256,
     .change = OPTION_FREE},
    {"stage", OPTION_TEXT, AT(data.stage), "null", "folder of the node's own disk or memory that the files are copied to first",
     .change = OPTION_FREE},
    {"max_bad", OPTION_REAL, AT(data.max_bad), "0.001",
     "share of a set's records that may be bad; they are named in quarantine.csv, and others take their places", 0, 1,
     .change = OPTION_FREE},
    {"mean", OPTION_FLOATS, AT(data.mean), "[]", "of x/255, a number a channel; []: the data set's", -1e6, 1e6, LIST(data.n_mean, 3),
     .change = OPTION_FIXED},
    {"std", OPTION_FLOATS, AT(data.std), "[]", "of x/255, a number a channel; []: the data set's", 1e-6, 1e6, LIST(data.n_std, 3),
     .change = OPTION_FIXED},
    {"augment", OPTION_LIST, AT(data.augment), "[]", "transforms of training pictures, in order", .kinds = transform_kind_at,
     .change = OPTION_FIXED},
    {"eval", OPTION_LIST, AT(data.eval), "[]", "transforms of evaluated pictures, in order", .kinds = transform_kind_at,
     .change = OPTION_RESULT},
};
const job_section job_section_data = {"data", data_rows, sizeof data_rows / sizeof *data_rows};
