/* lr · gamma^(milestones that the epoch has reached) */
#include <math.h>

#include "optim/internal.h"

enum { MOST_MILESTONES = 32 };

typedef struct multistep_options {
    double gamma;
    int milestones[MOST_MILESTONES], n_milestones;
} multistep_options;

static const option rows[] = {
    {"gamma", OPTION_REAL, offsetof(multistep_options, gamma), "0.1", "the factor", 0, 1e6, .change = OPTION_RESULT},
    {"milestones", OPTION_INTS, offsetof(multistep_options, milestones), "[]", "epochs, rising", 1, 1e9,
     offsetof(multistep_options, n_milestones), MOST_MILESTONES, .change = OPTION_RESULT},
};

static err multistep_check(const void *own, double lr, const char **wrong) {
    (void)lr;
    const multistep_options *o = own;
    *wrong = "schedule.name";
    if (o->n_milestones == 0)
        return fail(ERR_USAGE, "schedule.milestones is missing: multistep needs the epochs, like [30, 60, 80]");
    *wrong = "schedule.milestones";
    for (int i = 1; i < o->n_milestones; i++)
        if (o->milestones[i] <= o->milestones[i - 1])
            return fail(ERR_USAGE, "schedule.milestones must rise: %d stands behind %d", o->milestones[i], o->milestones[i - 1]);
    return OK;
}

static double multistep_rate(const void *own, double lr, schedule_moment now) {
    const multistep_options *o = own;
    int reached = 0;
    while (reached < o->n_milestones && o->milestones[reached] <= now.epoch)
        reached++;
    return lr * pow(o->gamma, reached);
}

const schedule_kind schedule_multistep = {
    .kind = {"multistep", rows, sizeof rows / sizeof *rows, sizeof(multistep_options), .in_every_job = true},
    .check = multistep_check,
    .rate = multistep_rate,
};
