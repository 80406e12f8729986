/* Whether a run may go on with another job: keys are compared as text, and each says in its row of the table what a change of it means. */
#include <string.h>

#include "job/internal.h"

typedef struct difference {
    char *name, *before, *now; /* `optimizer.lr`, and its values as they stand in a job file */
    const char *place;         /* where the value of now was given */
    option_change change;
} difference;

typedef struct differences {
    difference *list;
    int count;
} differences;

/* ---- what differs ---- */

static void add_difference(differences *d, difference found) {
    d->list = mem_resize(d->list, (size_t)d->count + 1, sizeof *d->list);
    d->list[d->count++] = found;
}

static void differences_free(differences *d) {
    for (int i = 0; i < d->count; i++) {
        mem_free(d->list[i].name);
        mem_free(d->list[i].before);
        mem_free(d->list[i].now);
    }
    mem_free(d->list);
}

/* A key that follows another one was given where that one was. */
static const char *place_of_key(const job *j, const job_key *key) {
    const char *place = j->given[key - job_keys()->keys].place;
    const job_key *followed = job_key_followed(key);
    return place ? place : followed ? place_of_key(j, followed) : j->given[job_n_keys() + JOB_MAX_OPTIONS].place;
}

/* A key that the one job says and the other does not has its default there. */
static void compare_key(differences *d, const job_key *key, const job *now, const job *before) {
    const job_key *said_now = job_key_said(now, key), *said_before = job_key_said(before, key);
    if (!said_now && !said_before)
        return;
    char *a = job_value_text(said_before ? said_before : key, before), *b = job_value_text(said_now ? said_now : key, now);
    if (strcmp(a, b) != 0) {
        char *name = text_format("%s%s%s", key->section, *key->section ? "." : "", key->option->name);
        add_difference(d, (difference){name, a, b, place_of_key(now, key), key->option->change});
    } else {
        mem_free(a);
        mem_free(b);
    }
}

static void compare_keys(differences *d, const job *now, const job *before) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++)
        if (!s->keys[i].is_twin)
            compare_key(d, &s->keys[i], now, before);
}

static const double *find_option(const job *j, const char *name) {
    for (int i = 0; i < j->model.n_options; i++)
        if (strcmp(j->model.options[i].name, name) == 0)
            return &j->model.options[i].value;
    return NULL;
}

static char *option_text(const double *value) {
    return value ? text_format("%.15g", *value) : mem_string("not given");
}

static void compare_option(differences *d, const char *option, const job *now, const job *before) {
    const double *a = find_option(before, option), *b = find_option(now, option);
    if (a && b && *a == *b)
        return;
    char *name = text_format("%s.%s", JOB_OPTIONS_SECTION, option);
    add_difference(d, (difference){name, option_text(a), option_text(b), job_place(now, name), OPTION_FIXED});
}

static void compare_options(differences *d, const job *now, const job *before) {
    for (int i = 0; i < now->model.n_options; i++)
        compare_option(d, now->model.options[i].name, now, before);
    for (int i = 0; i < before->model.n_options; i++)
        if (!find_option(now, before->model.options[i].name))
            compare_option(d, before->model.options[i].name, now, before);
}

/* ---- what is said of it ---- */

typedef bool choice(const difference *d);

static bool is_any(const difference *d) {
    (void)d;
    return true;
}

static bool is_fixed(const difference *d) {
    return d->change == OPTION_FIXED;
}

static bool is_result(const difference *d) {
    return d->change == OPTION_RESULT;
}

/* Another result that nobody has asked for: the job file was edited, or an override was left out. */
static bool is_unasked(const difference *d) {
    return is_result(d) && !job_is_override(d->place);
}

/* The chosen differences, each as one of the functions below writes it. New string; empty where there is none. */
static char *join(const differences *d, choice *chosen, char *(*write)(const difference *), const char *between) {
    char *text = mem_string("");
    for (int i = 0; i < d->count; i++)
        if (chosen(&d->list[i])) {
            if (*text)
                text_append(&text, mem_string(between));
            text_append(&text, write(&d->list[i]));
        }
    return text;
}

static char *as_change(const difference *d) {
    return text_format("%s: %s -> %s", d->name, d->before, d->now);
}

static char *as_conflict(const difference *d) {
    return text_format("%s: %s now, %s before", d->name, d->now, d->before);
}

static char *as_placed_change(const difference *d) {
    return text_format("%s: %s: %s -> %s", d->place, d->name, d->before, d->now);
}

static char *as_override(const difference *d) {
    return text_format("%s=%s", d->name, d->now);
}

static err refuse_fixed(const differences *d) {
    char *changes = join(d, is_fixed, as_conflict, "; ");
    err code = *changes ? fail(ERR_USAGE, "the run cannot be resumed with another job than it began with: %s", changes) : OK;
    mem_free(changes);
    return code;
}

static err refuse_finished(const differences *d) {
    char *changes = join(d, is_result, as_change, "; ");
    err code = *changes ? fail(ERR_USAGE,
                               "the run is finished, and its result is not what the job says now: %s; another --out or no --resume trains "
                               "anew, a larger train.epochs on the command line trains on",
                               changes)
                        : OK;
    mem_free(changes);
    return code;
}

static err refuse_unasked(const differences *d) {
    char *changes = join(d, is_unasked, as_placed_change, "; "), *overrides = join(d, is_unasked, as_override, " ");
    err code = *changes
                   ? fail(ERR_USAGE,
                          "%s: a run that is resumed takes another value from the command line only: `%s` beside --resume goes on with "
                          "it; another --out or no --resume trains anew",
                          changes, overrides)
                   : OK;
    mem_free(changes);
    mem_free(overrides);
    return code;
}

err job_check_resume(const job *now, const job *before, bool finished, char **changes) {
    differences d = {NULL, 0};
    compare_keys(&d, now, before);
    compare_options(&d, now, before);
    err code = refuse_fixed(&d);
    if (code == OK)
        code = finished ? refuse_finished(&d) : refuse_unasked(&d);
    *changes = join(&d, is_any, as_change, "; ");
    differences_free(&d);
    return code;
}
