/* What can be checked of a job without its data and its model. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "job/internal.h"

/* ---- keys that must be there ---- */

static err check_given(const job *j, const char *origin) {
    char missing[512] = "";
    for (int i = 0; i < n_job_keys; i++) {
        const job_key *key = &job_keys[i];
        if (!key->standard && !j->places[i])
            snprintf(missing + strlen(missing), sizeof missing - strlen(missing), "%s%s%s%s", *missing ? ", " : "", key->section,
                     *key->section ? "." : "", key->name);
    }
    return *missing ? fail(ERR_USAGE, "%s: missing: %s", origin, missing) : OK;
}

static void follow(job *j) {
    for (int i = 0; i < n_job_keys; i++) {
        const job_key *followed = job_key_followed(&job_keys[i]);
        if (followed && !j->places[i])
            *(double *)job_member(&job_keys[i], j) = *(double *)job_member(followed, j);
    }
}

/* ---- values that must suit each other ---- */

static err check_name(const job *j) {
    enum { LONGEST = 200 };
    bool fits = strlen(j->name) <= LONGEST;
    for (const char *c = j->name; *c; c++)
        fits = fits && !iscntrl((unsigned char)*c);
    if (!fits)
        return fail(ERR_USAGE, "%s: name: \"%.40s\" cannot name a folder: at most %d bytes, and no control characters",
                    job_place(j, "name"), j->name, LONGEST);
    if (strchr(j->name, '/') || j->name[0] == '.')
        return fail(ERR_USAGE, "%s: name: \"%s\" cannot name a folder of its own: no / in it and no dot before it", job_place(j, "name"),
                    j->name);
    return OK;
}

/* Given for pixels from 0 to 255, as papers and tables often have them, they would make of every picture a grey one. */
static err check_statistics(const job *j, const char *key, const float *values, int count, double least) {
    for (int c = 0; c < count; c++)
        if (!((double)values[c] >= least && values[c] <= 1))
            return fail(ERR_USAGE, "%s: %s: %g lies outside %g … 1: it is that of x/255%s", job_place(j, key), key, (double)values[c],
                        least, values[c] > 1 && values[c] <= 255 ? ", so divide it by 255" : "");
    return OK;
}

static err check_normalisation(const job *j) {
    err code = check_statistics(j, "data.mean", j->data.mean, j->data.n_mean, 0);
    return code == OK ? check_statistics(j, "data.std", j->data.std, j->data.n_std, 1e-6) : code;
}

static err check_lanes(const job *j) {
    int64_t batch = j->train.batch, lanes = j->train.lanes, below = batch / lanes * lanes;
    if (below == batch)
        return OK;
    char either[64] = "";
    if (below > 0)
        snprintf(either, sizeof either, "%" PRId64 " or ", below);
    return fail(ERR_USAGE, "%s: train.batch %" PRId64 " cannot be cut into %" PRId64 " lanes: use %s%" PRId64, job_place(j, "train.batch"),
                batch, lanes, either, below + lanes);
}

static err check_optimizer(const job *j) {
    if (j->optimizer.nesterov && j->optimizer.momentum == 0)
        return fail(ERR_USAGE, "%s: optimizer.nesterov needs a momentum above 0", job_place(j, "optimizer.nesterov"));
    return OK;
}

static err check_schedule(const job *j) {
    const schedule_options *s = &j->schedule;
    if (strcmp(s->name, "multistep") == 0 && s->n_milestones == 0)
        return fail(ERR_USAGE, "%s: schedule.milestones is missing: multistep needs the epochs, like [30, 60, 80]",
                    job_place(j, "schedule.name"));
    for (int i = 1; i < s->n_milestones; i++)
        if (s->milestones[i] <= s->milestones[i - 1])
            return fail(ERR_USAGE, "%s: schedule.milestones must rise: %d stands behind %d", job_place(j, "schedule.milestones"),
                        s->milestones[i], s->milestones[i - 1]);
    if (s->warmup_epochs > (double)j->train.epochs)
        return fail(ERR_USAGE, "%s: schedule.warmup_epochs %g is more than train.epochs %" PRId64, job_place(j, "schedule.warmup_epochs"),
                    s->warmup_epochs, j->train.epochs);
    if (s->min_lr > j->optimizer.lr)
        return fail(ERR_USAGE, "%s: schedule.min_lr %g is above optimizer.lr %g", job_place(j, "schedule.min_lr"), s->min_lr,
                    j->optimizer.lr);
    return OK;
}

static err check_init(const job *j) {
    if (j->init.replace_head && !j->init.from)
        return fail(ERR_USAGE, "%s: init.replace_head without init.from: there is no head to replace", job_place(j, "init.replace_head"));
    return OK;
}

static err check_nonfinite(const job *j) {
    if (strcmp(j->train.on_nonfinite, "rollback") == 0 && j->checkpoint.keep == 0)
        return fail(ERR_USAGE, "%s: train.on_nonfinite: rollback goes back to a step-N.h5: checkpoint.keep must be 1 or more",
                    job_place(j, "train.on_nonfinite"));
    return OK;
}

err job_check(job *j, const char *origin) {
    err (*const checks[])(const job *) = {check_name,     check_normalisation, check_lanes,     check_optimizer,
                                          check_schedule, check_init,          check_nonfinite};
    err code = check_given(j, origin);
    if (code == OK)
        follow(j);
    for (size_t i = 0; i < sizeof checks / sizeof *checks && code == OK; i++)
        code = checks[i](j);
    return code;
}

err job_check_options(const job *j, const shoal_model_kind *kind) {
    size_t count = (size_t)kind->n_options;
    for (int i = 0; i < j->model.n_options; i++) {
        const char *name = j->model.options[i].name, **names = mem_new(count + 2, sizeof *names);
        bool known = false;
        for (size_t k = 0; k < count; k++) {
            names[k] = kind->options[k].name;
            known |= strcmp(name, names[k]) == 0;
        }
        names[count] = "name";
        names[count + 1] = "classes";
        char hint[128];
        text_suggest(hint, name, names, count + 2, sizeof *names);
        mem_free(names);
        if (!known)
            return fail(ERR_USAGE, "%s: model.%s: %s has no such option%s", j->places[n_job_keys + i], name, kind->name, hint);
    }
    return OK;
}
