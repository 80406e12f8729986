/* min_lr + (lr − min_lr) · (1 + cos πt) / 2     (Loshchilov and Hutter 2017, without restarts) */
#include <math.h>

#include "optim/internal.h"

typedef struct cosine_options {
    double min_lr;
} cosine_options;

static const option rows[] = {
    {"min_lr", OPTION_REAL, offsetof(cosine_options, min_lr), "0", "the last rate", 0, 1e6, .change = OPTION_RESULT},
};

static err cosine_check(const void *own, double lr, const char **wrong) {
    return schedule_check_min_lr(((const cosine_options *)own)->min_lr, lr, wrong);
}

static double cosine_rate(const void *own, double lr, schedule_moment now) {
    const cosine_options *o = own;
    return o->min_lr + (lr - o->min_lr) * (1 + cos(3.14159265358979323846 * now.t)) / 2;
}

const schedule_kind schedule_cosine = {
    .kind = {"cosine", rows, sizeof rows / sizeof *rows, sizeof(cosine_options), .in_every_job = true},
    .check = cosine_check,
    .rate = cosine_rate,
};
