/* Every picture of a data set looked at: its bytes compared with its CRC, and decoded. Each rank goes through a range of the set. */
#include "image/image.h"
#include "pack/internal.h"
#include "pack/team.h"

#include <inttypes.h>

enum { BATCH = 64, NAMED_MOST = 100 }; /* pictures at a time; bad ones that a rank names */

/* What a thread needs, and what it found out about one picture. */
typedef struct bench {
    image picture;
    byte_buffer record;
} bench;

typedef struct finding {
    err code;
    err_record error; /* where `code` is not OK */
    int64_t width, height, bytes;
    int32_t label;
    pixel_sums sums;
} finding;

typedef struct verifier {
    const dataset *data;
    dataset_report *report;
    pixel_sums sums;
    int64_t next, last;
    bench *benches;    /* [threads] */
    finding *findings; /* [BATCH] */
} verifier;

static void look_at(void *context, int item, int thread) {
    verifier *v = context;
    bench *b = &v->benches[thread];
    finding *f = &v->findings[item];
    int64_t id = v->next + item;
    f->sums = (pixel_sums){0};
    f->code = dataset_label(v->data, id, &f->label);
    if (f->code == OK)
        f->code = dataset_image(v->data, id, &b->picture, &b->record);
    if (f->code) {
        f->error = *err_last();
        return;
    }
    const image *im = &b->picture;
    f->width = im->width;
    f->height = im->height;
    f->bytes = (int64_t)b->record.size;
    pixel_sums_add(&f->sums, im->pixels, (size_t)f->width * (size_t)f->height, im->channels, dataset_channels(v->data));
}

static void spread_add(dataset_spread *s, int64_t value, int64_t count) {
    s->least = count == 0 || value < s->least ? value : s->least;
    s->most = count == 0 || value > s->most ? value : s->most;
    s->sum += value;
}

/* A bad record is named and counted; a disk that cannot be read ends the work. */
static err take_in(verifier *v, const finding *f) {
    dataset_report *r = v->report;
    if (f->code == ERR_DATA) {
        if (r->bad++ < NAMED_MOST)
            log_error("%s", f->error.text);
        return OK;
    }
    if (f->code != OK) {
        *err_last() = f->error;
        return f->code;
    }
    spread_add(&r->width, f->width, r->good);
    spread_add(&r->height, f->height, r->good);
    spread_add(&r->bytes, f->bytes, r->good);
    r->classes[f->label]++;
    r->good++;
    pixel_sums_join(&v->sums, &f->sums);
    return OK;
}

static err verify_some(void *context, team_amount *amount, bool *done) {
    verifier *v = context;
    int64_t left = v->last - v->next;
    int n = left < BATCH ? (int)left : BATCH;
    threads_run(n, look_at, v);
    err code = OK;
    for (int i = 0; i < n && code == OK; i++)
        code = take_in(v, &v->findings[i]);
    v->next += n;
    amount->pictures += n;
    amount->done += n;
    *done = v->next == v->last;
    return code;
}

/* ---- all ranks' reports into one ---- */

static void join_spreads(dataset_spread *to, const dataset_spread *from) {
    to->least = from->least < to->least ? from->least : to->least;
    to->most = from->most > to->most ? from->most : to->most;
    to->sum += from->sum;
}

static void join_reports(dataset_report *to, const dataset_report *from) {
    bool first = to->good == 0;
    to->good += from->good;
    to->bad += from->bad;
    if (from->good == 0)
        return;
    if (first) {
        to->width = from->width, to->height = from->height, to->bytes = from->bytes;
        return;
    }
    join_spreads(&to->width, &from->width);
    join_spreads(&to->height, &from->height);
    join_spreads(&to->bytes, &from->bytes);
}

static void join_ranks(verifier *v, const team *t) {
    dataset_report *all = mem_new((size_t)t->size, sizeof *all), *mine = v->report, sum = {0};
    team_gather(t, mine, all, sizeof *mine);
    for (int r = 0; r < t->size; r++)
        join_reports(&sum, &all[r]);
    sum.classes = mine->classes;
    *mine = sum;
    mem_free(all);
    team_sum(t, mine->classes, dataset_n_classes(v->data));
    team_sum(t, (uint64_t *)&v->sums, sizeof v->sums / sizeof(uint64_t));
    if (mine->good)
        pixel_sums_finish(&v->sums, dataset_channels(v->data), mine->mean, mine->std);
}

err dataset_verify(const dataset *d, dataset_report *report) {
    team t = team_of_all();
    int64_t count = dataset_count(d);
    *report = (dataset_report){.classes = mem_new((size_t)dataset_n_classes(d), sizeof *report->classes)};
    verifier v = {.data = d,
                  .report = report,
                  .next = count * t.rank / t.size,
                  .last = count * (t.rank + 1) / t.size,
                  .benches = mem_new((size_t)threads_count(), sizeof *v.benches),
                  .findings = mem_new(BATCH, sizeof *v.findings)};
    err code = team_run(&t, &(team_work){.name = "checking", .whole = (double)count, .step = verify_some, .context = &v});
    if (report->bad > NAMED_MOST)
        log_error("… and %" PRId64 " more", report->bad - NAMED_MOST);
    join_ranks(&v, &t);
    for (int i = 0; i < threads_count(); i++) {
        image_reset(&v.benches[i].picture);
        byte_buffer_reset(&v.benches[i].record);
    }
    mem_free(v.benches);
    mem_free(v.findings);
    return code;
}

void dataset_report_reset(dataset_report *report) {
    mem_free(report->classes);
    *report = (dataset_report){0};
}
