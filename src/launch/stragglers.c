#include "launch/launch.h"

#include <stdlib.h>

#include "base/base.h"

static const double slow_share = 0.1, slow_seconds = 1e-3; /* above the median */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static spread spread_of(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return (spread){values[0], (values[(count - 1) / 2] + values[count / 2]) / 2, values[count - 1]};
}

static double compute_of(const rank_times *t) {
    return t->compute / (double)t->steps;
}

static double data_of(const rank_times *t) {
    return t->data / (double)t->steps;
}

static double wait_of(const rank_times *t) {
    return t->wait / (double)t->steps;
}

/* What a rank does before it can meet the others. */
static double own_of(const rank_times *t) {
    return compute_of(t) + data_of(t);
}

static double fair_own_of(const rank_times *t) {
    return own_of(t) / t->share;
}

static spread spread_over(const rank_times *times, int count, double (*of)(const rank_times *)) {
    double *values = mem_new((size_t)count, sizeof *values);
    for (int r = 0; r < count; r++)
        values[r] = of(&times[r]);
    spread s = spread_of(values, count);
    mem_free(values);
    return s;
}

/* Into the list of the slowest, if it belongs there. */
static void rank_in(rank_comparison *c, const rank_times *times, int rank) {
    int at = c->n_slowest;
    while (at > 0 && fair_own_of(&times[rank]) > fair_own_of(&times[c->slowest[at - 1]]))
        at--;
    if (at == STRAGGLERS_NAMED)
        return;
    c->n_slowest += c->n_slowest < STRAGGLERS_NAMED;
    for (int i = c->n_slowest - 1; i > at; i--)
        c->slowest[i] = c->slowest[i - 1];
    c->slowest[at] = rank;
}

rank_comparison stragglers_compare(const rank_times *times, int count) {
    rank_comparison c = {
        .compute = spread_over(times, count, compute_of),
        .data = spread_over(times, count, data_of),
        .wait = spread_over(times, count, wait_of),
    };
    for (int r = 0; r < count; r++)
        c.idlest = wait_of(&times[r]) > wait_of(&times[c.idlest]) ? r : c.idlest;
    double usual = spread_over(times, count, fair_own_of).median;
    for (int r = 0; r < count; r++)
        if (own_of(&times[r]) > usual * times[r].share * (1 + slow_share) + slow_seconds) {
            c.n_slow++;
            rank_in(&c, times, r);
        }
    return c;
}

/* ---- in words ---- */

static char *spread_text(const char *what, const spread *s) {
    return text_format("%s %.4f/%.4f/%.4f", what, s->least, s->median, s->most);
}

static char *names_of(const rank_comparison *c, const rank_times *times, const char *const *hosts) {
    char *text = mem_string("");
    for (int i = 0; i < c->n_slowest; i++) {
        const rank_times *t = &times[c->slowest[i]];
        bool by_data = data_of(t) - c->data.median * t->share > compute_of(t) - c->compute.median * t->share;
        char *more = text_format("%s%srank %d on %s (%s)", text, i > 0 ? ", " : "", c->slowest[i], hosts[c->slowest[i]],
                                 by_data ? "data" : "compute");
        mem_free(text);
        text = more;
    }
    return text;
}

static char *verdict_of(const rank_comparison *c, const rank_times *times, const char *const *hosts) {
    if (c->n_slow == 0)
        return mem_string("none makes the others wait");
    char *names = names_of(c, times, hosts);
    char *more = c->n_slow > c->n_slowest ? text_format(" and %d more", c->n_slow - c->n_slowest) : mem_string("");
    char *text = text_format("%s%s %s the others wait, rank %d on %s waits longest", names, more, c->n_slow == 1 ? "makes" : "make",
                             c->idlest, hosts[c->idlest]);
    mem_free(names);
    mem_free(more);
    return text;
}

char *stragglers_line(const rank_comparison *c, const rank_times *times, const char *const *hosts) {
    char *compute = spread_text("compute", &c->compute), *data = spread_text("data", &c->data), *wait = spread_text("wait", &c->wait);
    char *verdict = verdict_of(c, times, hosts);
    char *line = text_format("ranks, min/median/max s a step: %s, %s, %s; %s", compute, data, wait, verdict);
    char *const parts[] = {compute, data, wait, verdict};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        mem_free(parts[i]);
    return line;
}
