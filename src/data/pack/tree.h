/* Folders of pictures, a folder a class. Inside of the data room only. */
#ifndef SHOAL_DATA_TREE_H
#define SHOAL_DATA_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

typedef struct class_folder {
    char *path;
    char **files; /* paths below it, sorted bytewise */
    int64_t count;
} class_folder;

typedef struct picture_tree {
    char *root;
    char **classes; /* names of the folders, sorted bytewise */
    class_folder *folders;
    int n_classes;
    int64_t count;   /* pictures */
    int64_t ignored; /* files whose names are no pictures' */
} picture_tree;

/* Lists the pictures below c->path; warns where there are none. Adds files whose names are no pictures' to `ignored`. ERR_IO, ERR_DATA. */
err class_folder_scan(class_folder *c, int64_t *ignored);
void class_folder_reset(class_folder *c);

/* Lists the class folders of `root` only. Reset in any case. ERR_IO; ERR_DATA where there are none. */
err picture_tree_list(picture_tree *t, const char *root);

/* Lists what lies below `root`; nothing is opened. Hidden files and folders are left out. Reset in any case.
 * ERR_IO; ERR_DATA where there are no class folders or no pictures. */
err picture_tree_scan(picture_tree *t, const char *root);
void picture_tree_reset(picture_tree *t);

/* Whether a folder holds at least one folder. */
bool picture_tree_is_there(const char *root);

#endif
