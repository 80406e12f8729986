#define _POSIX_C_SOURCE 200809L /* fileno */
#include "train/records.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct records {
    FILE *file;
    char *path;
};

enum { DIGITS = 9 };

err records_open(records **out, const char *folder) {
    records *r = mem_new(1, sizeof *r);
    r->path = text_format("%s/metrics.jsonl", folder);
    r->file = fopen(r->path, "a");
    *out = r;
    if (r->file && fseek(r->file, 0, SEEK_END) == 0)
        return OK;
    err code = fail(ERR_IO, "%s: cannot be written: %s", r->path, strerror(errno));
    records_close(r);
    *out = NULL;
    return code;
}

void records_close(records *r) {
    if (!r)
        return;
    if (r->file)
        fclose(r->file); /* each line was flushed */
    mem_free(r->path);
    mem_free(r);
}

/* JSON knows no NaN: such a number is null. */
static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *integer(int64_t value) {
    return json_integer((json_int_t)value);
}

/* Takes the object over. */
static err write_line(records *r, json_t *object) {
    char *line = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS));
    json_decref(object);
    bool written = line && fprintf(r->file, "%s\n", line) > 0 && fflush(r->file) == 0;
    free(line);
    return written ? OK : fail(ERR_IO, "%s: cannot be written: %s", r->path, strerror(errno));
}

/* What a checkpoint or the end of a run goes with is on the disk. */
static err sync_lines(records *r, err code) {
    return code == OK ? durable_sync(fileno(r->file), r->path) : code;
}

err records_step(records *r, const step_record *s) {
    if (!r)
        return OK;
    return write_line(r, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "event", "step", "step", integer(s->step), "epoch",
                                   integer(s->epoch), "loss", number(s->loss), "top1", number(s->top1), "lr", number(s->lr), "images_per_s",
                                   number(s->images_per_s), "data_s", number(s->data_s), "compute_s", number(s->compute_s), "comm_s",
                                   number(s->comm_s)));
}

err records_eval(records *r, const evaluation *e) {
    if (!r)
        return OK;
    err code = write_line(r, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "event", "eval", "step", integer(e->step), "epoch",
                                       integer(e->epoch), "loss", number(e->loss), "top1", number(e->top1), "top5", number(e->top5), "count",
                                       integer(e->count)));
    return sync_lines(r, code);
}

static json_t *spread_array(const spread *s) {
    return json_pack("[o, o, o]", number(s->least), number(s->median), number(s->most));
}

static json_t *slowest_array(const rank_comparison *c, const char *const *hosts) {
    json_t *list = json_array();
    for (int i = 0; i < c->n_slowest; i++)
        json_array_append_new(list, json_pack("{s:i, s:s}", "rank", c->slowest[i], "host", hosts[c->slowest[i]]));
    return list;
}

err records_ranks(records *r, int64_t step, int64_t epoch, int ranks, const rank_comparison *c, const char *const *hosts) {
    if (!r)
        return OK;
    return write_line(r, json_pack("{s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "event", "ranks", "step", integer(step), "epoch",
                                   integer(epoch), "ranks", ranks, "compute_s", spread_array(&c->compute), "data_s", spread_array(&c->data),
                                   "wait_s", spread_array(&c->wait), "slowest", slowest_array(c, hosts)));
}

err records_checkpoint(records *r, int64_t step, double stood_seconds, double write_seconds) {
    if (!r)
        return OK;
    return write_line(r, json_pack("{s:s, s:o, s:o, s:o}", "event", "checkpoint", "step", integer(step), "stood_s", number(stood_seconds),
                                   "write_s", number(write_seconds)));
}

err records_trouble(records *r, int64_t step, const char *action, const char *what) {
    if (!r)
        return OK;
    return write_line(r, json_pack("{s:s, s:o, s:s, s:s}", "event", "nonfinite", "step", integer(step), "action", action, "what", what));
}

err records_resume(records *r, int64_t step) {
    if (!r || ftell(r->file) == 0)
        return OK;
    return write_line(r, json_pack("{s:s, s:o}", "event", "resume", "step", integer(step)));
}

err records_done(records *r, int64_t step, int64_t epoch, double seconds, const char *digest) {
    if (!r)
        return OK;
    err code = write_line(r, json_pack("{s:s, s:o, s:o, s:o, s:s}", "event", "done", "step", integer(step), "epoch", integer(epoch),
                                       "seconds", number(seconds), "digest", digest));
    return sync_lines(r, code);
}
