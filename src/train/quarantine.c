/* Bad records travel to all ranks in the step that meets them (a vote says so), so that each rank knows what is news, and all stop at the
 * same step where there are too many. quarantine.csv: file, record (its number in the file), label, reason, sample (its number in the
 * set), one line a record, quoted as RFC 4180 says. */
#include "train/quarantine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"

struct quarantine {
    const dataset *data;
    char *pattern, *path; /* path NULL: not written down */
    double max_bad;
    int64_t *ids; /* known, rising */
    int64_t count, capacity;
};

static const char header[] = "file,record,label,reason,sample\n";

/* ---- which are known ---- */

/* Where the id is, or would be. */
static int64_t place_of(const quarantine *q, int64_t id) {
    int64_t low = 0, high = q->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (q->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_known(const quarantine *q, int64_t id) {
    int64_t place = place_of(q, id);
    return place < q->count && q->ids[place] == id;
}

static void learn(quarantine *q, int64_t id) {
    if (is_known(q, id))
        return;
    if (q->count == q->capacity) {
        q->capacity = 2 * q->capacity + 16;
        q->ids = mem_resize(q->ids, (size_t)q->capacity, sizeof *q->ids);
    }
    int64_t place = place_of(q, id);
    memmove(q->ids + place + 1, q->ids + place, (size_t)(q->count - place) * sizeof *q->ids);
    q->ids[place] = id;
    q->count++;
}

bool quarantine_has_news(const quarantine *q, const loader_batch *b) {
    for (int i = 0; i < b->n_bad; i++)
        if (!is_known(q, b->bad[i].id))
            return true;
    return false;
}

/* ---- quarantine.csv ---- */

/* A field of text, in quotes where it needs them. New string. */
static char *csv_field(const char *text) {
    if (!strpbrk(text, ",\"\r\n"))
        return mem_string(text);
    char *out = mem_new(2 * strlen(text) + 3, 1), *end = out;
    *end++ = '"';
    for (; *text; text++) {
        if (*text == '"')
            *end++ = '"';
        *end++ = *text;
    }
    *end = '"';
    return out;
}

/* How the line of a record begins: `file,record,`. New string. */
static char *line_start(const dataset *d, int64_t id) {
    int64_t record;
    char *file = csv_field(dataset_path(d, id, &record)), *start = text_format("%s,%" PRId64 ",", file, record);
    mem_free(file);
    return start;
}

/* The sample that a line names, or -1 where it names none of this set: the file may hold those of another. */
static int64_t sample_of(const quarantine *q, const char *line) {
    const char *comma = strrchr(line, ',');
    char *end;
    int64_t id = comma ? strtoll(comma + 1, &end, 10) : -1;
    if (!comma || end == comma + 1 || id < 0 || id >= dataset_count(q->data))
        return -1;
    char *start = line_start(q->data, id);
    bool is_of_this_set = strncmp(line, start, strlen(start)) == 0;
    mem_free(start);
    return is_of_this_set ? id : -1;
}

static void read_file(quarantine *q) {
    char line[8192];
    FILE *file = fopen(q->path, "r");
    while (file && fgets(line, sizeof line, file)) {
        int64_t id = sample_of(q, line);
        if (id >= 0)
            learn(q, id);
    }
    if (file)
        fclose(file);
}

static bool write_line(const quarantine *q, FILE *file, const bad_record *b) {
    int32_t label = -1;
    if (dataset_label(q->data, b->id, &label) != OK)
        label = -1;
    char *start = line_start(q->data, b->id), *reason = csv_field(b->reason);
    bool written = fprintf(file, "%s%" PRId32 ",%s,%" PRId64 "\n", start, label, reason, b->id) > 0;
    mem_free(start);
    mem_free(reason);
    return written;
}

static err write_file(const quarantine *q, const bad_record *news, int count) {
    if (!q->path)
        return OK;
    FILE *file = fopen(q->path, "a");
    bool written = file && (ftell(file) > 0 || fputs(header, file) >= 0);
    for (int i = 0; i < count && written; i++)
        written = write_line(q, file, &news[i]);
    err code = written ? OK : fail(ERR_IO, "%s: cannot be written: %s", q->path, strerror(errno));
    err closed = file ? durable_close(file, q->path) : OK;
    return code == OK ? closed : code;
}

/* ---- news ---- */

static int by_id(const void *a, const void *b) {
    int64_t x = ((const bad_record *)a)->id, y = ((const bad_record *)b)->id;
    return (x > y) - (x < y);
}

/* Everybody's, one after the other. New array. */
static bad_record *gather(const bad_record *mine, int count, int *total) {
    comm *world = comm_world();
    size_t ranks = (size_t)comm_size(world), bytes = (size_t)count * sizeof *mine, sum = 0;
    size_t *sizes = mem_new(ranks, sizeof *sizes);
    comm_gather_equal(world, &bytes, sizes, sizeof bytes);
    for (size_t r = 0; r < ranks; r++)
        sum += sizes[r];
    bad_record *all = mem_new(sum + 1, 1);
    comm_gather_all(world, mine, all, sizes);
    mem_free(sizes);
    *total = (int)(sum / sizeof *all);
    return all;
}

/* Leaves those that are not known, each once, in order of ids; returns how many. */
static int keep_news(quarantine *q, bad_record *all, int count) {
    int kept = 0;
    qsort(all, (size_t)count, sizeof *all, by_id);
    for (int i = 0; i < count; i++) {
        if (is_known(q, all[i].id))
            continue;
        learn(q, all[i].id);
        all[kept++] = all[i];
    }
    return kept;
}

static void report(const quarantine *q, const bad_record *news, int count) {
    int64_t record;
    const char *path = dataset_path(q->data, news->id, &record);
    char total[TEXT_NUMBER], others[64] = "";
    if (count > 1)
        snprintf(others, sizeof others, " (and %d more)", count - 1);
    log_warn("bad record: %s: picture %" PRId64 ": %s%s; %" PRId64 " of %s so far%s%s", path, record, news->reason, others, q->count,
             text_count(total, dataset_count(q->data)), q->path ? ", named in " : "", q->path ? q->path : "");
}

static err check_limit(const quarantine *q, const bad_record *last) {
    if ((double)q->count <= q->max_bad * (double)dataset_count(q->data))
        return OK;
    int64_t record;
    const char *path = dataset_path(q->data, last->id, &record);
    char total[TEXT_NUMBER];
    return fail(ERR_DATA, "%s: picture %" PRId64 ": %s; %" PRId64 " of the %s records of %s are bad, more than data.max_bad %g allows",
                path, record, last->reason, q->count, text_count(total, dataset_count(q->data)), q->pattern, q->max_bad);
}

err quarantine_add(quarantine *q, const bad_record *bad, int count) {
    int total;
    bad_record *all = gather(bad, count, &total);
    int news = keep_news(q, all, total);
    err code = OK;
    if (news > 0) {
        code = comm_agree(comm_world(), comm_is_root() ? write_file(q, all, news) : OK);
        if (code == OK)
            code = check_limit(q, &all[news - 1]);
        if (code == OK)
            report(q, all, news);
    }
    mem_free(all);
    return code;
}

/* ---- from the start to the end ---- */

/* Rank 0 has read the file. */
static void share_known(quarantine *q) {
    comm *world = comm_world();
    comm_broadcast(world, 0, &q->count, sizeof q->count);
    if (!comm_is_root()) {
        q->capacity = q->count;
        q->ids = mem_resize(NULL, (size_t)q->count + 1, sizeof *q->ids);
    }
    comm_broadcast(world, 0, q->ids, (size_t)q->count * sizeof *q->ids);
}

err quarantine_open(quarantine **out, const dataset *d, const char *pattern, double max_bad, const char *folder) {
    quarantine *q = mem_new(1, sizeof *q);
    q->data = d;
    q->pattern = mem_string(pattern);
    q->max_bad = max_bad;
    q->path = folder ? text_format("%s/quarantine.csv", folder) : NULL;
    if (q->path && comm_is_root())
        read_file(q);
    share_known(q);
    *out = q;
    char total[TEXT_NUMBER];
    if ((double)q->count <= max_bad * (double)dataset_count(d))
        return OK;
    return fail(ERR_DATA, "%s: %" PRId64 " of the %s records of %s are named there, more than data.max_bad %g allows: raise it, or repair "
                "the data and remove the file", q->path, q->count, text_count(total, dataset_count(d)), pattern, max_bad);
}

void quarantine_close(quarantine *q) {
    if (!q)
        return;
    mem_free(q->pattern);
    mem_free(q->path);
    mem_free(q->ids);
    mem_free(q);
}
