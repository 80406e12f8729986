/* How the two passes over ImageNet are shared among ranks: classes by size, files in turn. What is there already is passed over by the
 * rank whose it is, and nobody else looks: folders on a network are not seen alike by all ranks at all times. */
#include "pack/imagenet.h"

#include <stdlib.h>

/* ---- first pass ---- */

typedef struct survey_share {
    imagenet *work;
    int *units, n_units, next; /* this rank's */
    survey *current;
    double before; /* share of the current unit that has been counted */
} survey_share;

static const source *sorted_source;

static int compare_by_size(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    int64_t p = sorted_source->units[x].bytes, q = sorted_source->units[y].bytes;
    return p != q ? (p < q) - (p > q) : (x > y) - (x < y);
}

/* Largest first, each to the rank that has least so far (Graham 1969): all ranks come to the same result. */
static void share_out(survey_share *s, const team *t) {
    const source *from = &s->work->source;
    int *order = mem_new((size_t)from->n_units, sizeof *order);
    int64_t *load = mem_new((size_t)t->size, sizeof *load);
    for (int i = 0; i < from->n_units; i++)
        order[i] = i;
    sorted_source = from;
    qsort(order, (size_t)from->n_units, sizeof *order, compare_by_size);
    s->units = mem_new((size_t)from->n_units, sizeof *s->units);
    for (int i = 0; i < from->n_units; i++) {
        int least = 0;
        for (int r = 1; r < t->size; r++)
            least = load[r] < load[least] ? r : least;
        load[least] += from->units[order[i]].bytes;
        if (least == t->rank)
            s->units[s->n_units++] = order[i];
    }
    mem_free(order);
    mem_free(load);
}

/* Begins the next unit that has no survey yet. */
static err next_unit(survey_share *s, team_amount *amount) {
    while (s->next < s->n_units && !s->current) {
        int unit = s->units[s->next];
        char *path = state_survey_path(s->work, unit);
        bool there = pack_file_is_there(path);
        mem_free(path);
        if (there) {
            amount->before += (double)s->work->source.units[unit].bytes;
            s->next++;
            continue;
        }
        s->before = 0;
        err code = survey_begin(&s->current, s->work, unit);
        if (code != OK)
            return code;
    }
    return OK;
}

static err survey_some(void *context, team_amount *amount, bool *done) {
    survey_share *s = context;
    err code = next_unit(s, amount);
    *done = !s->current;
    if (code || *done)
        return code;
    int64_t pictures;
    double share;
    bool unit_done = false;
    double bytes = (double)s->work->source.units[s->units[s->next]].bytes;
    code = survey_step(s->current, &pictures, &share, &unit_done);
    amount->pictures += (double)pictures;
    amount->done += (share - s->before) * bytes;
    s->before = share;
    if (unit_done) {
        survey_free(s->current);
        s->current = NULL;
        s->next++;
    }
    return code;
}

err imagenet_first_pass(imagenet *w) {
    survey_share s = {.work = w};
    team_work work = {.name = "looking at pictures", .step = survey_some, .context = &s};
    for (int i = 0; i < w->source.n_units; i++)
        work.whole += (double)w->source.units[i].bytes;
    share_out(&s, &w->team);
    err code = team_run(&w->team, &work);
    survey_free(s.current);
    mem_free(s.units);
    return code;
}

/* ---- second pass ---- */

typedef struct shard_share {
    imagenet *work;
    int next, total; /* files of all splits, one after the other */
    shard *current;
} shard_share;

int imagenet_count_files(const imagenet *w) {
    return w->shards[TRAIN] + w->shards[VAL];
}

void imagenet_locate_file(const imagenet *w, int file, split *part, int *number) {
    *part = file < w->shards[TRAIN] ? TRAIN : VAL;
    *number = *part == TRAIN ? file : file - w->shards[TRAIN];
}

static err next_shard(shard_share *s, team_amount *amount) {
    while (s->next < s->total && !s->current) {
        split part;
        int number;
        imagenet_locate_file(s->work, s->next, &part, &number);
        if (shard_is_there(s->work, part, number)) {
            uint64_t first, last;
            shard_range(s->work, part, number, &first, &last);
            amount->before += (double)(last - first);
            s->next += s->work->team.size;
            continue;
        }
        err code = shard_begin(&s->current, s->work, part, number);
        if (code != OK)
            return code;
    }
    return OK;
}

static err write_some(void *context, team_amount *amount, bool *done) {
    shard_share *s = context;
    err code = next_shard(s, amount);
    *done = !s->current;
    if (code || *done)
        return code;
    int64_t pictures;
    bool shard_done = false;
    code = shard_step(s->current, &pictures, &shard_done);
    amount->pictures += (double)pictures;
    amount->done += (double)pictures;
    if (shard_done) {
        shard_free(s->current);
        s->current = NULL;
        s->next += s->work->team.size;
    }
    return code;
}

err imagenet_second_pass(imagenet *w) {
    shard_share s = {.work = w, .next = w->team.rank, .total = imagenet_count_files(w)};
    team_work work = {.name = "writing", .step = write_some, .context = &s};
    work.whole = (double)(w->index[TRAIN].head.count + w->index[VAL].head.count);
    err code = team_run(&w->team, &work);
    shard_free(s.current);
    return code;
}
