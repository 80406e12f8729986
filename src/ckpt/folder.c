/* The checkpoints of a run folder: the newest whole one, and those that have had their day. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ckpt/inside.h"

typedef struct entry {
    char *path;
    int64_t step;
    int rank; /* among equals: last.h5 before step-N.h5 before best.h5 */
} entry;

typedef struct entries {
    entry *list;
    size_t count;
} entries;

/* N of `step-N.h5`, or -1. */
static int64_t step_of_name(const char *name) {
    int64_t step;
    int length = 0;
    bool fits = sscanf(name, "step-%" SCNd64 ".h5%n", &step, &length) == 1 && length > 0 && name[length] == '\0';
    return fits && step >= 0 ? step : -1;
}

static int newest_first(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->step != y->step ? (x->step < y->step) - (x->step > y->step) : x->rank - y->rank;
}

static void add_entry(entries *e, const char *folder, const char *name, int64_t step, int rank) {
    e->list = mem_resize(e->list, e->count + 1, sizeof *e->list);
    e->list[e->count++] = (entry){text_format("%s/%s", folder, name), step, rank};
}

static void entries_free(entries *e) {
    for (size_t i = 0; i < e->count; i++)
        mem_free(e->list[i].path);
    mem_free(e->list);
}

/* last.h5, best.h5 (step not known yet: 0) and step-N.h5, as they are met. */
static entries list_folder(const char *folder) {
    entries found = {NULL, 0};
    DIR *names = opendir(folder);
    for (struct dirent *d; names && (d = readdir(names));) {
        int64_t step = step_of_name(d->d_name);
        if (strcmp(d->d_name, "last.h5") == 0)
            add_entry(&found, folder, d->d_name, 0, 0);
        else if (strcmp(d->d_name, "best.h5") == 0)
            add_entry(&found, folder, d->d_name, 0, 2);
        else if (step >= 0)
            add_entry(&found, folder, d->d_name, step, 1);
    }
    if (names)
        closedir(names);
    return found;
}

/* Puts files that cannot be read behind all others, where their verification tells why. */
static void read_steps(entries *e) {
    for (size_t i = 0; i < e->count; i++) {
        ckpt_info info = {0};
        e->list[i].step = ckpt_read_info(e->list[i].path, &info) == OK ? info.step : -1;
        ckpt_info_reset(&info);
    }
}

err ckpt_find_newest(const char *folder, char **path) {
    entries found = list_folder(folder);
    *path = NULL;
    read_steps(&found);
    if (found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, newest_first);
    for (size_t i = 0; i < found.count && !*path; i++) {
        if (ckpt_verify(found.list[i].path) == OK)
            *path = mem_string(found.list[i].path);
        else
            log_warn("%s (passed over)", err_last()->text);
    }
    entries_free(&found);
    return *path ? OK : fail(ERR_IO, "%s: holds no whole checkpoint to resume from", folder);
}

void ckpt_prune(const char *folder, int keep) {
    entries found = list_folder(folder);
    if (found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, newest_first);
    int numbered = 0;
    for (size_t i = 0; i < found.count; i++)
        if (found.list[i].rank == 1 && ++numbered > keep)
            unlink(found.list[i].path);
    entries_free(&found);
}
