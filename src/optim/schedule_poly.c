/* lr · (1 − t)^power, but at least min_lr     (Liu et al. 2015) */
#include <math.h>

#include "optim/internal.h"

typedef struct poly_options {
    double min_lr, power;
} poly_options;

static const option rows[] = {
    {"min_lr", OPTION_REAL, offsetof(poly_options, min_lr), "0", "the last rate", 0, 1e6, .change = OPTION_RESULT},
    {"power", OPTION_REAL, offsetof(poly_options, power), "1", "the exponent", 0, 100, .change = OPTION_RESULT},
};

static err poly_check(const void *own, double lr, const char **wrong) {
    return schedule_check_min_lr(((const poly_options *)own)->min_lr, lr, wrong);
}

static double poly_rate(const void *own, double lr, schedule_moment now) {
    const poly_options *o = own;
    return fmax(o->min_lr, lr * pow(1 - now.t, o->power));
}

const schedule_kind schedule_poly = {
    .kind = {"poly", rows, sizeof rows / sizeof *rows, sizeof(poly_options), .in_every_job = true},
    .check = poly_check,
    .rate = poly_rate,
};
