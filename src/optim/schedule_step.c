/* lr · gamma^⌊epoch / step_epochs⌋ */
#include <math.h>

#include "optim/internal.h"

typedef struct step_options {
    int step_epochs;
    double gamma;
} step_options;

static const option rows[] = {
    {"step_epochs", OPTION_INT, offsetof(step_options, step_epochs), "30", "times gamma every so many epochs", 1, 1e9,
     .change = OPTION_RESULT},
    {"gamma", OPTION_REAL, offsetof(step_options, gamma), "0.1", "the factor", 0, 1e6, .change = OPTION_RESULT},
};

static double step_rate(const void *own, double lr, schedule_moment now) {
    const step_options *o = own;
    return lr * pow(o->gamma, (double)(now.epoch / o->step_epochs));
}

const schedule_kind schedule_step = {
    .kind = {"step", rows, sizeof rows / sizeof *rows, sizeof(step_options), .in_every_job = true},
    .rate = step_rate,
};
