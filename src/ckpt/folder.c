/* The checkpoints of a run folder: the newest whole one, those that have had their day, and names that last for a moment. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ckpt/internal.h"

/* In the order in which they are resumed from: last.h5 is written with every checkpoint, and was previous.h5 before the last one. */
typedef enum kind { LAST, PREVIOUS, NUMBERED, BEST } kind;

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

/* A file may have gone since its name was read. */
static err add_entry(entries *e, const char *folder, const char *name, kind kind, int64_t step) {
    struct stat s;
    char *path = text_format("%s/%s", folder, name);
    if (stat(path, &s) == 0) {
        e->list = mem_resize(e->list, e->count + 1, sizeof *e->list);
        e->list[e->count++] = (entry){path, kind, step, s.st_mtim};
        return OK;
    }
    err code = errno == ENOENT ? OK : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    mem_free(path);
    return code;
}

static void entries_free(entries *e) {
    for (size_t i = 0; i < e->count; i++)
        mem_free(e->list[i].path);
    mem_free(e->list);
}

typedef err visitor(void *context, const char *folder, const char *name);

/* Every name of a folder; none where there is no such folder. What cannot be listed is not empty: ERR_IO. */
static err visit_names(const char *folder, visitor *visit, void *context) {
    DIR *names = opendir(folder);
    if (!names)
        return errno == ENOENT ? OK : fail(ERR_IO, "%s: the folder cannot be read: %s", folder, strerror(errno));
    err code = OK;
    const struct dirent *d = NULL;
    do {
        errno = 0;
        d = readdir(names);
        if (!d && errno)
            code = fail(ERR_IO, "%s: the folder cannot be read: %s", folder, strerror(errno));
        else if (d)
            code = visit(context, folder, d->d_name);
    } while (d && code == OK);
    closedir(names);
    return code;
}

static err add_checkpoint(void *found, const char *folder, const char *name) {
    int64_t step = step_of_name(name);
    if (strcmp(name, "last.h5") == 0)
        return add_entry(found, folder, name, LAST, 0);
    if (strcmp(name, CKPT_PREVIOUS) == 0)
        return add_entry(found, folder, name, PREVIOUS, 0);
    if (strcmp(name, "best.h5") == 0)
        return add_entry(found, folder, name, BEST, 0);
    return step >= 0 ? add_entry(found, folder, name, NUMBERED, step) : OK;
}

/* The first that is whole. Only what was read to its end and is damaged is passed over. */
static err find_whole(const entries *found, char **path) {
    for (size_t i = 0; i < found->count && !*path; i++) {
        const char *candidate = found->list[i].path;
        err code = ckpt_verify(candidate);
        if (code == OK)
            *path = mem_string(candidate);
        else if (code == ERR_DATA)
            log_warn("%s (passed over)", err_last()->text);
        else if (access(candidate, F_OK) == 0 || errno != ENOENT)
            return code;
    }
    return OK;
}

err ckpt_find_newest(const char *folder, char **path) {
    entries found = {NULL, 0};
    *path = NULL;
    err code = visit_names(folder, add_checkpoint, &found);
    if (code == OK && found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, resume_first);
    if (code == OK)
        code = find_whole(&found, path);
    if (code == OK && !*path)
        code = fail(ERR_DATA, "%s: holds no whole checkpoint to resume from", folder);
    entries_free(&found);
    return code;
}

err ckpt_find_step(const char *folder, int64_t most, char **path) {
    entries found = {NULL, 0}, fitting = {NULL, 0};
    *path = NULL;
    err code = visit_names(folder, add_checkpoint, &found);
    if (found.count > 0) {
        qsort(found.list, found.count, sizeof *found.list, resume_first);
        fitting.list = mem_new(found.count, sizeof *fitting.list);
    }
    for (size_t i = 0; i < found.count; i++)
        if (found.list[i].kind == NUMBERED && found.list[i].step <= most)
            fitting.list[fitting.count++] = found.list[i];
    if (code == OK)
        code = find_whole(&fitting, path);
    mem_free(fitting.list);
    entries_free(&found);
    return code;
}

err ckpt_is_any(const char *folder, bool *any) {
    entries found = {NULL, 0};
    err code = visit_names(folder, add_checkpoint, &found);
    *any = found.count > 0;
    entries_free(&found);
    return code;
}

void ckpt_prune(const char *folder, int keep) {
    entries found = {NULL, 0};
    if (visit_names(folder, add_checkpoint, &found) != OK)
        log_warn("%s: older checkpoints stay", err_last()->text);
    if (found.count > 0)
        qsort(found.list, found.count, sizeof *found.list, written_last_first);
    int numbered = 0;
    for (size_t i = 0; i < found.count; i++)
        if (found.list[i].kind == NUMBERED && ++numbered > keep)
            unlink(found.list[i].path);
    entries_free(&found);
}

/* ---- under other names ---- */

char *ckpt_temporary(const char *path) {
    char *folder = path_folder(path), *temporary = text_format("%s/.%s.tmp", folder, path_name(path));
    mem_free(folder);
    return temporary;
}

/* `.NAME.tmp`, and `.NAME.tmp-PROCESS` as versions before had it. */
static bool is_temporary(const char *name) {
    const char *end = name[0] == '.' ? strstr(name, ".tmp") : NULL;
    if (!end)
        return false;
    end += strlen(".tmp");
    return *end == '\0' || (*end == '-' && end[1 + strspn(end + 1, "0123456789")] == '\0');
}

static err remove_temporary(void *context, const char *folder, const char *name) {
    (void)context;
    char *path = is_temporary(name) ? text_format("%s/%s", folder, name) : NULL;
    if (path && unlink(path) != 0 && errno != ENOENT)
        log_warn("%s: left by a run that was killed, cannot be removed: %s", path, strerror(errno));
    mem_free(path);
    return OK;
}

err ckpt_clear_leftovers(const char *folder) {
    return visit_names(folder, remove_temporary, NULL);
}

/* A second name for what is under the first one; false where there is nothing, or no second names are to be had. */
static err link_aside(const char *path, const char *aside, bool *linked) {
    unlink(aside);
    *linked = link(path, aside) == 0;
    bool impossible_here = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
    if (*linked || errno == ENOENT || impossible_here)
        return OK;
    return fail(ERR_IO, "%s: no second name can be given to it: %s", path, strerror(errno));
}

static err replace_last(const char *path, const char *temporary) {
    char *folder = path_folder(path), *previous = text_format("%s/%s", folder, CKPT_PREVIOUS), *aside = ckpt_temporary(previous);
    bool linked = false;
    err code = link_aside(path, aside, &linked);
    if (code == OK)
        code = durable_rename(temporary, path);
    if (code == OK && linked)
        code = durable_rename(aside, previous);
    unlink(aside); /* gone by now, where all went well */
    mem_free(aside);
    mem_free(previous);
    mem_free(folder);
    return code;
}

err ckpt_replace(const char *path, const char *temporary) {
    return strcmp(path_name(path), "last.h5") == 0 ? replace_last(path, temporary) : durable_rename(temporary, path);
}
