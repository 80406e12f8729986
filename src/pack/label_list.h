/* Which class each picture of a flat folder or archive has, from a list. Inside of the pack room only. */
#ifndef SHOAL_PACK_LABEL_LIST_H
#define SHOAL_PACK_LABEL_LIST_H

#include <stdint.h>

#include "base/base.h"

typedef struct label_line {
    const char *stem;  /* the picture's name without folder and ending */
    const char *class; /* WordNet id, or a number: a place in the sorted WordNet ids, from 0. NULL once resolved */
    int32_t label;
} label_line;

typedef struct label_list {
    char *path;        /* where it is from */
    char *text;        /* what the lines point into */
    label_line *lines; /* by stem */
    int64_t count;
} label_list;

/* Lines of `NAME CLASS`, divided by blanks, tabs or commas; more words are ignored, and so is a line of headings. Zero-initialised
 * before; reset in any case. ERR_IO, ERR_DATA. */
err label_list_read(label_list *l, const char *path);

/* The devkit's ground truth: the line of picture ILSVRC2012_val_00000001 first, an id of `wnids` in each. `truth` is cut up; `wnids` are
 * needed until label_list_resolve(). */
err label_list_from_truth(label_list *l, const char *path, char *truth, char *const *wnids, int n_wnids);

/* The classes that the lines name, sorted. ERR_DATA where they are numbers. Free with mem_free_strings(). */
err label_list_classes(const label_list *l, char ***classes, int *count);

/* Finds every line's label. ERR_DATA where it names no class. */
err label_list_resolve(label_list *l, char *const *classes, int n_classes);

/* ERR_DATA where there is no line for it. */
err label_list_find(const label_list *l, const char *name, int32_t *label);

void label_list_reset(label_list *l);

#endif
