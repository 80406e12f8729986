/* A data set: one file or several that fit together, in name order. */
#define _POSIX_C_SOURCE 200809L
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static err check_classes(const dataset_part *p, const dataset_part *first) {
    if (p->n_classes != first->n_classes)
        return fail(ERR_DATA, "%s: has %d classes, %s has %d", p->path, (int)p->n_classes, first->path, (int)first->n_classes);
    for (uint64_t i = 0; i < p->n_classes; i++)
        if (strcmp(p->classes[i], first->classes[i]) != 0)
            return fail(ERR_DATA, "%s: class %d is \"%s\", in %s it is \"%s\"", p->path, (int)i, p->classes[i], first->path,
                        first->classes[i]);
    return OK;
}

static err check_fits(const dataset_part *p, const dataset_part *first) {
    if (p->encoded != first->encoded)
        return fail(ERR_DATA, "%s: holds %s, %s holds %s", p->path, p->encoded ? "picture files" : "pixels", first->path,
                    first->encoded ? "picture files" : "pixels");
    if (p->channels != first->channels || !shape_equal(p->image, first->image)) {
        char here[SHAPE_TEXT], there[SHAPE_TEXT];
        return fail(ERR_DATA, "%s: its pictures are %s, in %s they are %s", p->path, shape_text(here, p->image), first->path,
                    shape_text(there, first->image));
    }
    if (p->pack_id && first->pack_id && strcmp(p->pack_id, first->pack_id) != 0)
        return fail(ERR_DATA, "%s: is of another packing than %s (pack_id %s, %s): pack the set again, or name the files of one", p->path,
                    first->path, p->pack_id, first->pack_id);
    return check_classes(p, first);
}

static err add_part(dataset *d, const char *path) {
    d->parts = mem_resize(d->parts, (size_t)d->n_parts + 1, sizeof *d->parts);
    dataset_part *p = &d->parts[d->n_parts++];
    err code = dataset_part_open(p, path);
    if (code == OK)
        code = check_fits(p, d->parts);
    if (code == OK && p != d->parts)
        dataset_part_forget_classes(p); /* they are the first one's */
    p->first = d->count;
    d->count += p->count;
    return code;
}

/* Files that are parts of one set usually all carry the set's mean and std; where each has its own, they count by pictures. */
static void join_statistics(dataset *d) {
    for (int c = 0; c < d->parts[0].channels; c++) {
        double sum = 0, squares = 0;
        bool same = true;
        for (int i = 0; i < d->n_parts; i++) {
            const dataset_part *p = &d->parts[i];
            double mean = p->mean[c], std = p->std[c];
            sum += mean * (double)p->count;
            squares += (mean * mean + std * std) * (double)p->count;
            same = same && p->mean[c] == d->parts[0].mean[c] && p->std[c] == d->parts[0].std[c];
        }
        double mean = sum / (double)d->count, variance = squares / (double)d->count - mean * mean;
        d->mean[c] = same ? d->parts[0].mean[c] : (float)mean;
        d->std[c] = same ? d->parts[0].std[c] : (float)sqrt(variance > 0 ? variance : 0);
    }
}

/* The files that a pattern means. A name that is there as it stands is no pattern, whatever signs are in it. */
static err find_files(path_list *found, const char *pattern) {
    *found = (path_list){0};
    if (!strpbrk(pattern, "*?[") || access(pattern, F_OK) == 0) {
        path_list_add(found, mem_string(pattern));
        return OK;
    }
    err code = path_find(found, NULL, pattern);
    return code == OK && found->count == 0 ? fail(ERR_IO, "%s: no such file", pattern) : code;
}

static err add_matches(dataset *d, const char *pattern) {
    path_list found;
    err code = find_files(&found, pattern);
    for (int i = 0; i < found.count && code == OK; i++)
        code = add_part(d, found.paths[i]);
    path_list_reset(&found);
    return code;
}

err dataset_guard(const char *pattern) {
    path_list found;
    err code = find_files(&found, pattern);
    for (int i = 0; i < found.count && code == OK; i++)
        code = h5_guard(found.paths[i]);
    path_list_reset(&found);
    return code;
}

/* ---- packings ---- */

/* The folder that a file lies in; a new string. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return !slash ? mem_string(".") : text_format("%.*s", (int)(slash > path ? slash - path : 1), path);
}

/* While a set of several files gets its names, or where that was ended early, there is only a part of it. */
static err check_packed(const dataset_part *p) {
    char *folder = folder_of(p->path), *plan = text_format("%s/.pack/plan", folder), *summary = text_format("%s/pack.txt", folder);
    err code = OK;
    if (access(plan, F_OK) == 0 && access(summary, F_OK) != 0)
        code = fail(ERR_DATA, "%s: its packing is not finished: the same `shoal pack` command again goes on with it", p->path);
    mem_free(folder);
    mem_free(plan);
    mem_free(summary);
    return code;
}

static bool lie_together(const char *path, const char *other) {
    char *folder = folder_of(path), *other_folder = folder_of(other);
    struct stat a, b;
    bool same = stat(folder, &a) == 0 && stat(other_folder, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    mem_free(folder);
    mem_free(other_folder);
    return same;
}

err dataset_check_halves(const dataset *train, const dataset *val) {
    const dataset_part *t = train->parts, *v = val->parts;
    if (!t->pack_id || !v->pack_id || strcmp(t->pack_id, v->pack_id) == 0 || !lie_together(t->path, v->path))
        return OK;
    return fail(ERR_DATA, "%s and %s are of two packings, so that pictures may be in both (pack_id %s, %s): pack the set again", t->path,
                v->path, t->pack_id, v->pack_id);
}

err dataset_open(dataset **out, const char *pattern) {
    dataset *d = mem_new(1, sizeof *d);
    err code = add_matches(d, pattern);
    for (int i = 0; i < d->n_parts && code == OK; i++)
        code = check_packed(&d->parts[i]);
    if (code != OK) {
        dataset_close(d);
        d = NULL;
    } else {
        join_statistics(d);
    }
    *out = d;
    return code;
}

void dataset_close(dataset *d) {
    if (!d)
        return;
    for (int i = 0; i < d->n_parts; i++)
        dataset_part_reset(&d->parts[i]);
    mem_free(d->parts);
    mem_free(d);
}

int64_t dataset_count(const dataset *d) {
    return d->count;
}

int dataset_n_classes(const dataset *d) {
    return (int)d->parts[0].n_classes;
}

const char *dataset_class(const dataset *d, int label) {
    return d->parts[0].classes[label];
}

int dataset_channels(const dataset *d) {
    return d->parts[0].channels;
}

const float *dataset_mean(const dataset *d) {
    return d->mean;
}

const float *dataset_std(const dataset *d) {
    return d->std;
}

bool dataset_is_encoded(const dataset *d) {
    return d->parts[0].encoded;
}

shape dataset_image_shape(const dataset *d) {
    shape s = d->parts[0].image;
    s.c = d->parts[0].channels;
    return s;
}
