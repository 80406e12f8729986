/* The checkpoints of a run folder: the newest whole one, and those that have had their day. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ckpt/internal.h"

/* In the order in which they are resumed from: last.h5 is written with every checkpoint. */
typedef enum kind { LAST, NUMBERED, BEST } kind;

typedef struct entry {
    char *path;
    kind kind;
    int64_t step;            /* NUMBERED */
    struct timespec written;
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

static int compare(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int resume_first(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->kind != y->kind ? compare(x->kind, y->kind) : compare(y->step, x->step);
}

/* By time and not by step: a run that went back to an earlier checkpoint leaves higher numbers behind. */
static int written_last_first(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->written.tv_sec != y->written.tv_sec)
        return compare(y->written.tv_sec, x->written.tv_sec);
    return x->written.tv_nsec != y->written.tv_nsec ? compare(y->written.tv_nsec, x->written.tv_nsec) : compare(y->step, x->step);
}

static void add_entry(entries *e, const char *folder, const char *name, kind kind, int64_t step) {
    struct stat s = {0};
    char *path = text_format("%s/%s", folder, name);
    stat(path, &s);
    e->list = mem_resize(e->list, e->count + 1, sizeof *e->list);
    e->list[e->count++] = (entry){path, kind, step, s.st_mtim};
}

static void entries_free(entries *e) {
    for (size_t i = 0; i < e->count; i++)
        mem_free(e->list[i].path);
    mem_free(e->list);
}

static entries list_folder(const char *folder) {
    entries found = {NULL, 0};
    DIR *names = opendir(folder);
    for (struct dirent *d; names && (d = readdir(names));) {
        int64_t step = step_of_name(d->d_name);
        if (strcmp(d->d_name, "last.h5") == 0)
            add_entry(&found, folder, d->d_name, LAST, 0);
        else if (strcmp(d->d_name, "best.h5") == 0)
            add_entry(&found, folder, d->d_name, BEST, 0);
        else if (step >= 0)
            add_entry(&found, folder, d->d_name, NUMBERED, step);
    }
    if (names)
        closedir(names);
    return found;
}

err ckpt_find_newest(const char *folder, char **path) {
    entries found = list_folder(folder);
    *path = NULL;
    if (found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, resume_first);
    for (size_t i = 0; i < found.count && !*path; i++) {
        if (ckpt_verify(found.list[i].path) == OK)
            *path = mem_string(found.list[i].path);
        else
            log_warn("%s (passed over)", err_last()->text);
    }
    entries_free(&found);
    return *path ? OK : fail(ERR_IO, "%s: holds no whole checkpoint to resume from", folder);
}

bool ckpt_is_any(const char *folder) {
    entries found = list_folder(folder);
    bool any = found.count > 0;
    entries_free(&found);
    return any;
}

void ckpt_prune(const char *folder, int keep) {
    entries found = list_folder(folder);
    if (found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, written_last_first);
    int numbered = 0;
    for (size_t i = 0; i < found.count; i++)
        if (found.list[i].kind == NUMBERED && ++numbered > keep)
            unlink(found.list[i].path);
    entries_free(&found);
}
