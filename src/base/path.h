/* Paths of the file system. */
#ifndef SHOAL_BASE_PATH_H
#define SHOAL_BASE_PATH_H

#include "base/err.h"

/* Makes a folder and those above it; no error where it is there. ERR_IO. */
err path_make_folders(const char *folder);

/* The folder that a path is in (`.` for a mere name): a new string; and its name there, within `path`. */
char *path_folder(const char *path);
const char *path_name(const char *path);

typedef struct path_list {
    char **paths;
    int count;
} path_list;

/* The paths that match the glob `pattern`, in bytewise order; perhaps none. `folder` (NULL: none) comes before it and is taken as it
 * stands, whatever signs are in its name. ERR_IO where a folder cannot be read. path_list_reset() afterwards, after an error too. */
err path_find(path_list *out, const char *folder, const char *pattern);
void path_list_reset(path_list *list);

/* Takes the string. */
void path_list_add(path_list *list, char *path);

/* A glob that matches this path only: a new string. */
char *path_as_pattern(const char *path);

#endif
