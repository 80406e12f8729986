/* Folders of pictures: what lies in them, in an order that does not depend on the file system. */
#define _POSIX_C_SOURCE 200809L
#include "data/pack/tree.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16 }; /* folders below a class; a link may lead in a circle */

typedef struct entries {
    char **names;
    int64_t count;
} entries;

static void sort_names(char **names, int64_t count) {
    if (count)
        qsort(names, (size_t)count, sizeof *names, text_compare);
}

static void append(char ***names, int64_t *count, char *name) {
    *names = mem_resize(*names, (size_t)*count + 1, sizeof **names);
    (*names)[(*count)++] = name;
}

/* Everything in a folder but what is hidden, sorted. */
static err list_folder(const char *path, entries *found) {
    *found = (entries){0};
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? fail(ERR_IO, "%s: no such folder", path) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        if (e->d_name[0] != '.')
            append(&found->names, &found->count, mem_string(e->d_name));
    closedir(d);
    sort_names(found->names, found->count);
    return OK;
}

static bool is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* Pictures by name: also of formats that cannot be read, so that they are named when they are skipped. */
static bool is_picture_name(const char *name) {
    static const char *const endings[] = {"jpg",  "jpeg", "jpe", "jfif", "png", "gif", "webp", "bmp",  "tif",
                                          "tiff", "ppm",  "pgm", "pbm",  "pnm", "mpo", "avif", "heic", "heif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    return false;
}

/* Adds the pictures of `below` (a path below the class's folder, or "") and of the folders in it. */
static err scan_folder(class_folder *c, const char *below, int depth, int64_t *ignored) {
    char *path = text_format("%s%s%s", c->path, below[0] ? "/" : "", below);
    entries found;
    err code = depth > DEPTH_MAX ? fail(ERR_DATA, "%s: more than %d folders deep", path, DEPTH_MAX) : list_folder(path, &found);
    mem_free(path);
    if (code != OK)
        return code;
    for (int64_t i = 0; i < found.count && code == OK; i++) {
        char *name = text_format("%s%s%s", below, below[0] ? "/" : "", found.names[i]);
        char *whole = text_format("%s/%s", c->path, name);
        bool keep = false;
        if (is_folder(whole))
            code = scan_folder(c, name, depth + 1, ignored);
        else if (is_picture_name(name))
            keep = true;
        else
            ++*ignored;
        if (keep)
            append(&c->files, &c->count, name);
        else
            mem_free(name);
        mem_free(whole);
    }
    mem_free_strings(found.names, (size_t)found.count);
    return code;
}

static void add_class(picture_tree *t, const char *name, char *path) {
    size_t n = (size_t)t->n_classes + 1;
    t->classes = mem_resize(t->classes, n, sizeof *t->classes);
    t->folders = mem_resize(t->folders, n, sizeof *t->folders);
    t->classes[t->n_classes] = mem_string(name);
    t->folders[t->n_classes++] = (class_folder){.path = path};
}

static err find_classes(picture_tree *t) {
    entries found;
    err code = list_folder(t->root, &found);
    if (code != OK)
        return code;
    for (int64_t i = 0; i < found.count; i++) {
        char *path = text_format("%s/%s", t->root, found.names[i]);
        if (is_folder(path))
            add_class(t, found.names[i], path);
        else
            mem_free(path);
    }
    mem_free_strings(found.names, (size_t)found.count);
    if (t->n_classes == 0)
        return fail(ERR_DATA, "%s: no folders in it; pictures have to lie in a folder a class", t->root);
    return OK;
}

err class_folder_scan(class_folder *c, int64_t *ignored) {
    err code = scan_folder(c, "", 0, ignored);
    sort_names(c->files, c->count);
    if (code == OK && c->count == 0)
        log_warn("%s: no pictures in it", c->path);
    return code;
}

void class_folder_reset(class_folder *c) {
    mem_free_strings(c->files, (size_t)c->count);
    mem_free(c->path);
    *c = (class_folder){0};
}

err picture_tree_list(picture_tree *t, const char *root) {
    *t = (picture_tree){.root = mem_string(root)};
    return find_classes(t);
}

err picture_tree_scan(picture_tree *t, const char *root) {
    err code = picture_tree_list(t, root);
    for (int i = 0; i < t->n_classes && code == OK; i++) {
        code = class_folder_scan(&t->folders[i], &t->ignored);
        t->count += t->folders[i].count;
    }
    if (code == OK && t->count == 0)
        code = fail(ERR_DATA, "%s: no pictures in its folders", root);
    return code;
}

void picture_tree_reset(picture_tree *t) {
    for (int i = 0; i < t->n_classes; i++)
        class_folder_reset(&t->folders[i]);
    mem_free(t->folders);
    mem_free_strings(t->classes, (size_t)t->n_classes);
    mem_free(t->root);
    *t = (picture_tree){0};
}

bool picture_tree_is_there(const char *root) {
    entries found;
    if (!is_folder(root))
        return false;
    if (list_folder(root, &found) != OK) {
        err_clear();
        return false;
    }
    bool there = false;
    for (int64_t i = 0; i < found.count && !there; i++) {
        char *path = text_format("%s/%s", root, found.names[i]);
        there = is_folder(path);
        mem_free(path);
    }
    mem_free_strings(found.names, (size_t)found.count);
    return there;
}
