/* Learning rate schedules. With s the step, E the steps of an epoch, W = warmup_epochs · E, T = epochs · E, the rate is warmup(s) times the
 * kind's at the epoch ⌊s / E⌋ and at t = (s − W) / (T − W) kept in [0, 1], where warmup(s) = d + (1 − d) · s / W with d = warmup_decay for
 * s < W, and 1 from there on (Goyal et al. 2017). */
#include <math.h>

#include "optim/internal.h"

double schedule_lr(const schedule_options *s, double lr, int64_t step, int64_t steps_per_epoch, int64_t epochs) {
    double now = (double)step, warmup = s->warmup_epochs * (double)steps_per_epoch, total = (double)(epochs * steps_per_epoch);
    double t = total > warmup ? (now - warmup) / (total - warmup) : 0;
    schedule_moment m = {step / steps_per_epoch, fmin(fmax(t, 0), 1)};
    double warm = now < warmup ? s->warmup_decay + (1 - s->warmup_decay) * now / warmup : 1;
    return warm * schedule_find(s->name)->rate(s->own, lr, m);
}

err schedule_check(const schedule_options *s, double lr, const char **wrong) {
    const schedule_kind *kind = schedule_find(s->name);
    return kind->check ? kind->check(s->own, lr, wrong) : OK;
}

err schedule_check_min_lr(double min_lr, double lr, const char **wrong) {
    *wrong = "schedule.min_lr";
    return min_lr > lr ? fail(ERR_USAGE, "schedule.min_lr %g is above optimizer.lr %g", min_lr, lr) : OK;
}
