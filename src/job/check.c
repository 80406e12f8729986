/* What can be checked of a job without its data and its model. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "job/internal.h"

/* ---- keys that must be there ---- */

static err check_given(const job *j, const char *origin) {
    const job_schema *s = job_keys();
    char missing[512] = "";
    for (int i = 0; i < s->n_keys; i++) {
        const job_key *key = &s->keys[i];
        if (!key->option->standard && !j->given[i].place && !key->kind)
            snprintf(missing + strlen(missing), sizeof missing - strlen(missing), "%s%s%s%s", *missing ? ", " : "", key->section,
                     *key->section ? "." : "", key->option->name);
    }
    return *missing ? fail(ERR_USAGE, "%s: missing: %s", origin, missing) : OK;
}

/* ---- the kinds that are chosen, and their defaults ---- */

static void choose_kinds(job *j) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_own; i++) {
        const job_key *name = job_find_key(s->own[i].section, "name");
        if (strcmp(*(char **)job_member(name, j), s->own[i].kind->name) == 0)
            *(const void **)option_member(s->own[i].chosen, j) = j->own[i];
    }
}

/* Given for another kind, an option would silently do nothing. */
static err check_kinds(const job *j) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++) {
        const job_key *key = &s->keys[i], *name = job_find_key(key->section, "name");
        if (j->given[i].is_own && !job_key_said(j, key))
            return fail(ERR_USAGE, "%s: %s.%s: %s has no such option, %s has", j->given[i].place, key->section, key->option->name,
                        *(char **)job_member(name, j), key->kind->name);
    }
    return OK;
}

static void take_defaults(job *j) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_own; i++)
        for (int k = 0; k < s->own[i].kind->n_options; k++) {
            const option *o = &s->own[i].kind->options[k];
            const job_key *key = o->type == OPTION_DEFAULT ? job_find_key(s->own[i].section, o->name) : NULL;
            bool is_chosen = *(const void **)option_member(s->own[i].chosen, j) == j->own[i];
            if (key && is_chosen && !j->given[key - s->keys].is_own)
                job_set_text(key, j, o->standard);
        }
}

static void follow(job *j) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++) {
        const job_key *key = &s->keys[i], *followed = job_key_followed(key);
        if (followed && !j->given[i].place)
            *(double *)job_member(key, job_base(j, key)) = *(double *)job_member(followed, job_base(j, followed));
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
    const char *wrong = NULL;
    return optim_check(&j->optimizer, &wrong) == OK ? OK : err_prefix("%s", job_place(j, wrong));
}

static err check_schedule(const job *j) {
    const char *wrong = NULL;
    if (schedule_check(&j->schedule, j->optimizer.lr, &wrong) != OK)
        return err_prefix("%s", job_place(j, wrong));
    if (j->schedule.warmup_epochs > (double)j->train.epochs)
        return fail(ERR_USAGE, "%s: schedule.warmup_epochs %g is more than train.epochs %" PRId64, job_place(j, "schedule.warmup_epochs"),
                    j->schedule.warmup_epochs, j->train.epochs);
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
    err (*const checks[])(const job *) = {check_kinds,     check_name,     check_normalisation, check_lanes,
                                          check_optimizer, check_schedule, check_init,          check_nonfinite};
    err code = check_given(j, origin);
    if (code == OK) {
        choose_kinds(j);
        take_defaults(j);
        follow(j);
    }
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
            return fail(ERR_USAGE, "%s: model.%s: %s has no such option%s", j->given[job_n_keys() + i].place, name, kind->name, hint);
    }
    return OK;
}
