#include "train/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/base.h"

static const double seconds_between_lines = 5, seconds_between_redraws = 0.1;

void progress_start(progress *p, int64_t first_step, int64_t last_step, int64_t steps_per_epoch) {
    *p = (progress){.steps_per_epoch = steps_per_epoch, .first_step = first_step, .last_step = last_step};
    p->started = time_now();
    p->epoch = -1;
}

static double seconds_left(const progress *p, int64_t step) {
    double per_step = (time_now() - p->started) / (double)(step - p->first_step);
    return per_step * (double)(p->last_step - step);
}

void progress_report(progress *p, const progress_step *s) {
    int64_t epoch = (s->step - 1) / p->steps_per_epoch, of_epoch = (s->step - 1) % p->steps_per_epoch + 1;
    if (epoch != p->epoch)
        p->loss_sum = p->loss_count = 0;
    p->epoch = epoch;
    if (isfinite(s->loss)) {
        p->loss_sum += s->loss * s->count;
        p->loss_count += s->count;
    }

    bool terminal = log_is_terminal(), epoch_ends = of_epoch == p->steps_per_epoch || s->step == p->last_step;
    double now = time_now(), pause = terminal ? seconds_between_redraws : seconds_between_lines;
    if (!epoch_ends && s->step != p->first_step + 1 && now - p->last_line < pause)
        return;
    p->last_line = now;

    char eta[TEXT_NUMBER], line[256];
    int width = snprintf(line, sizeof line, "%" PRId64, p->steps_per_epoch);
    snprintf(line, sizeof line,
             "Epoch %" PRId64 " [%*" PRId64 "/%" PRId64 "]  loss %.4g (%.4g)  top1 %.1f  lr %.3g  %.0f img/s  data %.3f s  eta %s", epoch,
             width, of_epoch, p->steps_per_epoch, s->loss, p->loss_sum / p->loss_count, 100 * s->top1, s->lr, s->images_per_s, s->data_s,
             text_duration(eta, seconds_left(p, s->step)));
    if (terminal && !epoch_ends)
        log_status("%s", line);
    else
        log_info("%s", line);
}
