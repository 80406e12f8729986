/* train.on_nonfinite: what is done, and what is told, where a step's loss, gradients, statistics or new weights are no numbers. All ranks
 * know of it alike, and do the same. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer.h"

enum { MOST_IN_A_ROW = 100 }; /* steps that are skipped: then nothing is being learned any more */

/* ---- where it began ---- */

static bool is_finite(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* The first parameter with a value that is not finite; with `grads`, with such a gradient. NULL: none. */
static const param *find_bad(const graph *g, const float *grads) {
    for (int i = 0; i < graph_n_params(g); i++) {
        const param *p = graph_param(g, i);
        const float *values = grads ? grads + p->offset : p->value;
        if (p->role != PARAM_COUNTER && (!grads || param_is_trained(p)) && !is_finite(values, p->size))
            return p;
    }
    return NULL;
}

/* A nan has a sign, which means nothing. */
static double without_sign_of_nan(double value) {
    return isnan(value) ? fabs(value) : value;
}

static char *suspect_text(const trainer *t, const graph_suspect *s) {
    const char *which = s->gradient ? "gradient of its input" : "output";
    return text_format("first in layer %s (lane %" PRId64 "): %s %g", graph_node(t->model->graph, (int)s->node)->name, s->lane, which,
                       without_sign_of_nan(s->value));
}

/* `first in layer conv1 (lane 3): output inf`. New string. Collective. */
static char *find_place(trainer *t, trouble what, const batch *b) {
    const graph *g = t->model->graph;
    const param *weights = find_bad(g, NULL), *gradient = what == TROUBLE_GRADIENTS ? find_bad(g, t->engine->grads[0]) : NULL;
    if (what == TROUBLE_WEIGHTS)
        return text_format("first in %s", weights ? weights->name : "no parameter");
    graph_suspect s = engine_find_suspect(t->engine, b, what == TROUBLE_GRADIENTS);
    char *place = s.turn < INT64_MAX ? suspect_text(t, &s)
                  : gradient         ? text_format("first in the sum over lanes for %s", gradient->name)
                                     : mem_string("every layer's output is finite");
    char *text = weights ? text_format("%s; %s was not finite before", place, weights->name) : mem_string(place);
    mem_free(place);
    return text;
}

/* ---- what is told ---- */

static char *what_text(trouble what, double loss) {
    switch (what) {
    case TROUBLE_GRADIENTS:
        return text_format("gradients are not finite (loss %g)", loss);
    case TROUBLE_STATISTICS:
        return text_format("running statistics would not be finite (loss %g)", loss);
    case TROUBLE_WEIGHTS:
        return text_format("weights are not finite after the update (loss %g)", loss);
    default:
        return text_format("loss is %g", without_sign_of_nan(loss));
    }
}

/* `loss is nan at step 12 (epoch 0): first in layer conv1 (lane 3): output inf`. New string. Collective. */
static char *describe(trainer *t, trouble what, const batch *b, double loss) {
    char *happened = what_text(what, loss), *place = find_place(t, what, b);
    char *text = text_format("%s at step %" PRId64 " (epoch %" PRId64 "): %s", happened, t->step + 1, t->step / t->steps_per_epoch, place);
    mem_free(place);
    mem_free(happened);
    return text;
}

/* ---- what is done ---- */

static err stop(const trainer *t, const char *text, const char *why) {
    return fail(ERR_BROKEN, "%s; %sa lower optimizer.lr or schedule.warmup_epochs may help; checkpoints of %s are as they were", text, why,
                t->folder);
}

static err skip(trainer *t, trouble what, const char *text) {
    if (what == TROUBLE_WEIGHTS || find_bad(t->model->graph, NULL))
        return stop(t, text, "skipping steps does not mend weights; ");
    if (++t->skipped_in_a_row >= MOST_IN_A_ROW)
        return stop(t, text, "so many steps in a row were skipped that nothing is learned any more; ");
    log_warn("%s: the step is skipped", text);
    t->step++;
    return comm_agree(comm_world(), records_trouble(t->records, t->step, "skip", text));
}

/* What does not depend on the learning rate would go bad again after a checkpoint that stands where this step began: an older one is
 * wanted. */
static err go_back(trainer *t, trouble what, const char *text) {
    char why[128];
    snprintf(why, sizeof why, "the run went back %" PRId64 " times already (train.rollback_most); ", t->past.rollbacks);
    if (t->past.rollbacks >= t->job->train.rollback_most)
        return stop(t, text, why);
    int64_t step = t->step + 1;
    err code = rollback_run(t, what == TROUBLE_WEIGHTS ? t->step : t->step - 1);
    if (code == ERR_BROKEN)
        return stop(t, text, "there is no earlier step-N.h5 to go back to; ");
    if (code != OK)
        return code;
    log_warn("%s: back to step %" PRId64 ", learning rate times %g from now on (%" PRId64 " of %d)", text, t->step, t->past.lr_factor,
             t->past.rollbacks, t->job->train.rollback_most);
    return comm_agree(comm_world(), records_trouble(t->records, step, "rollback", text));
}

err trouble_meet(trainer *t, trouble what, const batch *b, double loss) {
    const char *action = t->job->train.on_nonfinite;
    char *text = describe(t, what, b, loss);
    err code = strcmp(action, "skip") == 0       ? skip(t, what, text)
               : strcmp(action, "rollback") == 0 ? go_back(t, what, text)
                                                 : stop(t, text, "");
    mem_free(text);
    return code;
}
