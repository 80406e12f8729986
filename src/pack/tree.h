/* Folders of pictures, a folder a class. Inside of the pack room only. */
#ifndef SHOAL_PACK_TREE_H
#define SHOAL_PACK_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

typedef struct class_folder {
    char *path;
    char **files;   /* paths below it, sorted bytewise */
    int64_t count;  /* pictures: by name, or by their first bytes */
    int64_t direct; /* of them in the folder itself, not deeper */
    int64_t left_out; /* of them that cannot be decoded, once somebody has tried */
    int64_t others; /* files that are no pictures */
    char *other;    /* the first of these, or NULL */
    int64_t hidden; /* files and folders that are hidden, or a system's */
} class_folder;

/* Lists the pictures below c->path. ERR_IO, ERR_DATA. */
err class_folder_scan(class_folder *c);
void class_folder_reset(class_folder *c);

/* Names that are to be left out, as somebody asked. */
typedef struct leave_list {
    char **patterns; /* as a shell's */
    bool *used;
    int count;
} leave_list;
void leave_list_read(leave_list *l, const char *text); /* patterns divided by commas; NULL: none */
void leave_list_reset(leave_list *l);

typedef struct picture_tree {
    char *root;
    char **classes; /* names of the folders, sorted bytewise */
    class_folder *folders;
    int n_classes;
    int64_t count;  /* pictures in the folders */
    int64_t strays; /* pictures beside the folders */
    char *stray;    /* the first of these, or NULL */
    char **left;    /* what is left out of `root`: `NAME (why)` */
    int n_left;
} picture_tree;

/* Lists the class folders of `root` only: not what is hidden, a system's, or to be left out (`leave` may be NULL). Reset in any case.
 * ERR_IO; ERR_DATA where there are none. */
err picture_tree_list(picture_tree *t, const char *root, leave_list *leave);

/* Lists what lies in the folders of a listed tree. ERR_IO; ERR_DATA where there is no picture, and, but for `lenient`, where there is none
 * in one of them; such folders are dropped then. */
err picture_tree_scan(picture_tree *t, bool lenient);
void picture_tree_leave(picture_tree *t, const char *name, const char *why); /* adds to what is left out */
void picture_tree_reset(picture_tree *t);

/* Whether a folder holds at least one folder that may be a class. */
bool picture_tree_is_there(const char *root);

#endif
