/* Lists of labels, as they come with ImageNet's validation pictures: Kaggle's LOC_val_solution.csv (name, WordNet id), Caffe's val.txt
 * (name, number), and the devkit's ground truth (numbers of its own). */
#define _DEFAULT_SOURCE /* strsep, strtok_r */
#include "pack/label_list.h"
#include "image/image.h"
#include "pack/internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char separators[] = " \t,\r";

static bool is_number(const char *text) {
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* As a WordNet id: n and digits. */
static bool is_wnid(const char *text) {
    return text[0] == 'n' && is_number(text + 1);
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(((const label_line *)a)->stem, ((const label_line *)b)->stem);
}

static void add_line(label_list *l, const char *stem, const char *class) {
    if ((l->count & (l->count - 1)) == 0) /* room for a power of two */
        l->lines = mem_resize(l->lines, l->count ? 2 * (size_t)l->count : 1, sizeof *l->lines);
    l->lines[l->count++] = (label_line){stem, class, -1};
}

/* Cuts folders and ending off, in place. */
static const char *cut_stem(char *name) {
    char *slash = strrchr(name, '/'), *stem = slash ? slash + 1 : name, *dot = strrchr(stem, '.');
    if (dot)
        *dot = '\0';
    return stem;
}

static err parse_line(label_list *l, char *line, int number) {
    char *rest, *name = strtok_r(line, separators, &rest);
    if (!name)
        return OK;
    const char *class = strtok_r(NULL, separators, &rest);
    if (class && (is_wnid(class) || is_number(class)))
        add_line(l, cut_stem(name), class);
    else if (number > 1)
        return fail(ERR_DATA, "%s: line %d is not a picture's name and its class (a WordNet id as n01440764, or a number)", l->path,
                    number);
    return OK;
}

static err sort_lines(label_list *l) {
    if (l->count == 0)
        return fail(ERR_DATA, "%s: no labels in it", l->path);
    qsort(l->lines, (size_t)l->count, sizeof *l->lines, compare_lines);
    for (int64_t i = 1; i < l->count; i++)
        if (strcmp(l->lines[i - 1].stem, l->lines[i].stem) == 0)
            return fail(ERR_DATA, "%s: two lines for %s", l->path, l->lines[i].stem);
    return OK;
}

err label_list_read(label_list *l, const char *path) {
    byte_buffer file = {0};
    err code = byte_buffer_read(&file, path);
    l->path = mem_string(path);
    l->text = mem_new(file.size + 1, 1);
    if (file.size)
        memcpy(l->text, file.bytes, file.size);
    bool is_text = !memchr(l->text, '\0', file.size);
    byte_buffer_reset(&file);
    if (code == OK && !is_text)
        code = fail(ERR_DATA, "%s: is no text", path);
    int number = 0;
    char *next = l->text;
    for (char *line = strsep(&next, "\n"); line && code == OK; line = strsep(&next, "\n"))
        code = parse_line(l, line, ++number);
    return code == OK ? sort_lines(l) : code;
}

err label_list_from_truth(label_list *l, const char *path, char *truth, char *const *wnids, int n_wnids) {
    enum { STEM = 40 }; /* ILSVRC2012_val_00000001, and more than any number */
    l->path = mem_string(path);
    int64_t count = 0;
    char *rest;
    char *text = mem_new(strlen(truth) / 2 + 1, STEM);
    l->text = text;
    for (const char *word = strtok_r(truth, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest)) {
        long id = is_number(word) ? strtol(word, NULL, 10) : 0;
        if (id < 1 || id > n_wnids || !wnids[id - 1])
            return fail(ERR_DATA, "%s: line %" PRId64 " of the ground truth is \"%s\", no id of a class", path, count + 1, word);
        char *stem = text + count++ * STEM;
        snprintf(stem, STEM, "ILSVRC2012_val_%08" PRId64, count);
        add_line(l, stem, wnids[id - 1]);
    }
    return sort_lines(l);
}

static int compare_classes(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

err label_list_classes(const label_list *l, char ***classes, int *count) {
    const char **all = mem_new((size_t)l->count, sizeof *all);
    for (int64_t i = 0; i < l->count; i++)
        all[i] = l->lines[i].class;
    qsort(all, (size_t)l->count, sizeof *all, compare_classes);
    *classes = mem_new((size_t)l->count, sizeof **classes);
    *count = 0;
    for (int64_t i = 0; i < l->count; i++)
        if (i == 0 || strcmp(all[i], all[i - 1]) != 0)
            (*classes)[(*count)++] = mem_string(all[i]);
    bool named = is_wnid(all[0]) && is_wnid(all[l->count - 1]);
    mem_free(all);
    return named ? OK : fail(ERR_DATA, "%s: names classes by numbers, and there are no training pictures to tell which these are", l->path);
}

static err resolve_line(const label_list *l, label_line *line, char *const *classes, int n_classes) {
    if (is_number(line->class)) {
        long number = strtol(line->class, NULL, 10);
        if (number >= n_classes)
            return fail(ERR_DATA, "%s: %s is of class %ld; classes count from 0 to %d, in the order of their WordNet ids", l->path,
                        line->stem, number, n_classes - 1);
        line->label = (int32_t)number;
        line->class = NULL;
        return OK;
    }
    char *const *found = bsearch(&line->class, classes, (size_t)n_classes, sizeof *classes, compare_classes);
    if (!found)
        return fail(ERR_DATA, "%s: %s is of class %s, of which there are no training pictures", l->path, line->stem, line->class);
    line->label = (int32_t)(found - classes);
    line->class = NULL;
    return OK;
}

err label_list_resolve(label_list *l, char *const *classes, int n_classes) {
    err code = OK;
    for (int64_t i = 0; i < l->count && code == OK; i++)
        code = resolve_line(l, &l->lines[i], classes, n_classes);
    return code;
}

err label_list_find(const label_list *l, const char *name, int32_t *label) {
    char *copy = mem_string(name);
    label_line wanted = {.stem = cut_stem(copy)};
    const label_line *found = l->count ? bsearch(&wanted, l->lines, (size_t)l->count, sizeof *l->lines, compare_lines) : NULL;
    mem_free(copy);
    if (!found)
        return fail(ERR_DATA, "%s: no label for %s", l->path ? l->path : "val", name);
    *label = found->label;
    return OK;
}

void label_list_reset(label_list *l) {
    mem_free(l->path);
    mem_free(l->text);
    mem_free(l->lines);
    *l = (label_list){0};
}
