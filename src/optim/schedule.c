/* Learning rate schedules. With s the step, E the steps of an epoch, W = warmup_epochs · E, T = epochs · E, and
 * t = (s − W) / (T − W) kept in [0, 1], the rate is warmup(s) times
 *
 *     constant    lr
 *     step        lr · gamma^⌊⌊s / E⌋ / step_epochs⌋
 *     multistep   lr · gamma^(milestones that ⌊s / E⌋ has reached)
 *     cosine      min_lr + (lr − min_lr) · (1 + cos πt) / 2     (Loshchilov and Hutter 2017, without restarts)
 *     poly        lr · (1 − t)^power, but at least min_lr       (Liu et al. 2015)
 *
 * where warmup(s) = d + (1 − d) · s / W with d = warmup_decay for s < W, and 1 from there on (Goyal et al. 2017). */
#include <math.h>
#include <string.h>

#include "optim/optim.h"

typedef struct moment {
    int64_t epoch;
    double t;
} moment;

static double constant(const schedule_options *s, double lr, moment now) {
    (void)s, (void)now;
    return lr;
}

static double step(const schedule_options *s, double lr, moment now) {
    return lr * pow(s->gamma, (double)(now.epoch / s->step_epochs));
}

static double multistep(const schedule_options *s, double lr, moment now) {
    int reached = 0;
    while (reached < s->n_milestones && s->milestones[reached] <= now.epoch)
        reached++;
    return lr * pow(s->gamma, reached);
}

static double cosine(const schedule_options *s, double lr, moment now) {
    return s->min_lr + (lr - s->min_lr) * (1 + cos(3.14159265358979323846 * now.t)) / 2;
}

static double poly(const schedule_options *s, double lr, moment now) {
    return fmax(s->min_lr, lr * pow(1 - now.t, s->power));
}

typedef double rate(const schedule_options *s, double lr, moment now);

const char *const schedule_names[] = {"constant", "step", "multistep", "cosine", "poly"};
const int n_schedule_names = sizeof schedule_names / sizeof *schedule_names;
static rate *const rates[] = {constant, step, multistep, cosine, poly};

double schedule_lr(const schedule_options *s, double lr, int64_t step_now, int64_t steps_per_epoch, int64_t epochs) {
    double now = (double)step_now, warmup = s->warmup_epochs * (double)steps_per_epoch, total = (double)(epochs * steps_per_epoch);
    double t = total > warmup ? (now - warmup) / (total - warmup) : 0;
    moment m = {step_now / steps_per_epoch, fmin(fmax(t, 0), 1)};
    double warm = now < warmup ? s->warmup_decay + (1 - s->warmup_decay) * now / warmup : 1;
    for (int i = 0; i < n_schedule_names; i++)
        if (strcmp(s->name, schedule_names[i]) == 0)
            return warm * rates[i](s, lr, m);
    return warm * lr;
}
