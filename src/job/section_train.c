/* The keys of a job's sections train and comm. */
#include "dist/dist.h"
#include "job/internal.h"

#define AT(member) offsetof(job, member)
#define MANY 1e15

static const char *const conv_names[] = {"fast", "accurate", NULL};
static const char *const nonfinite_names[] = {"stop", "skip", "rollback", NULL};
static const char *const scope_names[] = {[NORM_GLOBAL] = "global", [NORM_RANK] = "rank", [NORM_LANE] = "lane", NULL};

static const option train_rows[] = {
    {"epochs", OPTION_WHOLE, AT(train.epochs), NULL, "times through the training set", 1, 1e9, .change = OPTION_RESULT},
    {"batch", OPTION_WHOLE, AT(train.batch), NULL, "samples of a step, all ranks together", 1, 1e9, .change = OPTION_FIXED},
    {"max_steps", OPTION_WHOLE, AT(train.max_steps), "0", "end after so many steps, with a checkpoint; 0: no limit", 0, MANY,
     .change = OPTION_FREE},
    {"max_seconds", OPTION_REAL, AT(train.max_seconds), "0",
     "stop with a checkpoint (exit code 75) before the program has run so long; 0: no limit but SLURM's", 0, 1e9, .change = OPTION_FREE},
    {"stall_seconds", OPTION_REAL, AT(train.stall_seconds), "300",
     "no progress on any rank for so long: say where each is and end with exit code 70; 0: wait forever", 0, 1e9, .change = OPTION_FREE},
    {"lanes", OPTION_INT, AT(train.lanes), "8", "pieces of a batch: these decide the result, ranks and threads do not", 1, 65536,
     .change = OPTION_FIXED},
    {"seed", OPTION_SEED, AT(train.seed), "1", "of everything that is drawn", .change = OPTION_FIXED},
    {"label_smoothing", OPTION_REAL, AT(train.label_smoothing), "0", "share of the target that all classes divide", 0, 1,
     .change = OPTION_RESULT},
    {"conv", OPTION_WORD, AT(train.conv), "fast",
     "fast: the algorithm of fewest operations; accurate: only those that round about as a plain sum does", .words = conv_names,
     .change = OPTION_RESULT},
    {"recompute", OPTION_BOOL, AT(train.recompute), "false",
     "make outputs that are cheap to make a second time in backward instead of keeping them: less memory, more time",
     .change = OPTION_FREE},
    {"sync_batchnorm", OPTION_CHOICE, AT(train.sync_batchnorm), "global",
     "statistics over the global batch, a rank's part of it, or a lane: global, rank, lane", .words = scope_names, .change = OPTION_RESULT},
    {"on_nonfinite", OPTION_WORD, AT(train.on_nonfinite), "stop",
     "where loss or gradients are no numbers, end with exit code 70, leave that update out, or go back to the newest step-N.h5",
     .words = nonfinite_names, .change = OPTION_RESULT},
    {"rollback_factor", OPTION_REAL, AT(train.rollback_factor), "0.5", "what the learning rate is multiplied by at each rollback", 1e-6, 1,
     .change = OPTION_RESULT},
    {"rollback_most", OPTION_INT, AT(train.rollback_most), "3", "so many rollbacks, then the run ends with exit code 70", 0, 1e6,
     .change = OPTION_RESULT},
    {"clip_grad", OPTION_REAL, AT(optimizer.clip_grad), "0",
     "most that the norm of the whole gradient may be: a longer one is scaled down before the update; 0: anything", 0, 1e9, .quiet = true,
     .change = OPTION_RESULT},
};
const job_section job_section_train = {"train", train_rows, sizeof train_rows / sizeof *train_rows};

static const option comm_rows[] = {
    {"gradients", OPTION_WORD, AT(comm.gradients), "float32",
     "how gradients travel between nodes: 16 bits halve the bytes, round, and let the number of ranks show in the result",
     .words = dist_format_names, .change = OPTION_RESULT},
};
const job_section job_section_comm = {"comm", comm_rows, sizeof comm_rows / sizeof *comm_rows};
