/* Folders of pictures: what lies in them, in an order that does not depend on the file system. */
#define _POSIX_C_SOURCE 200809L
#include "pack/tree.h"
#include "image/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Everything in a folder, sorted. */
static err list_folder(const char *path, entries *found) {
    *found = (entries){0};
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? fail(ERR_IO, "%s: no such folder", path) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    for (const struct dirent *e; errno = 0, e = readdir(d);)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            append(&found->names, &found->count, mem_string(e->d_name));
    int reason = errno;
    closedir(d);
    sort_names(found->names, found->count);
    return reason ? fail(ERR_IO, "%s: cannot be read: %s", path, strerror(reason)) : OK;
}

static bool is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* What cannot be looked at may well be a class or a picture; a link to nothing is neither. */
static err check_entry(const char *path) {
    struct stat s;
    if (stat(path, &s) == 0 || errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return OK;
    return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
}

/* What systems and programs leave behind; NULL for other names. */
static const char *why_left(const char *name) {
    static const char *const names[] = {"__MACOSX",   "Thumbs.db",  "ehthumbs.db",  "desktop.ini",
                                        "@eaDir",     "lost+found", "$RECYCLE.BIN", "System Volume Information",
                                        "__pycache__"};
    if (name[0] == '.')
        return "hidden";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return "a system's";
    return NULL;
}

/* ---- pictures ---- */

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

/* Whether a file begins as pictures do. One that cannot be read may be any: reading it later will say why. */
static bool begins_as_picture(const char *path) {
    uint8_t bytes[16];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    return n < 0 || image_format_of(bytes, (size_t)n);
}

static bool is_picture(const char *path, const char *name) {
    struct stat s;
    bool regular = stat(path, &s) == 0 && S_ISREG(s.st_mode);
    return regular && (is_picture_name(name) || begins_as_picture(path));
}

/* ---- one class ---- */

static err scan_folder(class_folder *c, const char *below, int depth);

/* One entry of a class's folder or of one below: `name` is its path from the class's folder. */
static err scan_entry(class_folder *c, const char *entry, const char *name, int depth) {
    if (why_left(entry)) {
        c->hidden++;
        return OK;
    }
    char *path = text_format("%s/%s", c->path, name);
    err code = check_entry(path);
    if (code == OK && is_folder(path)) {
        code = scan_folder(c, name, depth + 1);
    } else if (code == OK && is_picture(path, entry)) {
        append(&c->files, &c->count, mem_string(name));
        c->direct += depth == 0;
    } else if (code == OK) {
        c->other = c->other ? c->other : mem_string(name);
        c->others++;
    }
    mem_free(path);
    return code;
}

/* Adds the pictures of `below` (a path below the class's folder, or "") and of the folders in it. */
static err scan_folder(class_folder *c, const char *below, int depth) {
    char *path = text_format("%s%s%s", c->path, below[0] ? "/" : "", below);
    entries found = {0};
    err code = depth > DEPTH_MAX ? fail(ERR_DATA, "%s: more than %d folders deep", path, DEPTH_MAX) : list_folder(path, &found);
    mem_free(path);
    for (int64_t i = 0; i < found.count && code == OK; i++) {
        char *name = text_format("%s%s%s", below, below[0] ? "/" : "", found.names[i]);
        code = scan_entry(c, found.names[i], name, depth);
        mem_free(name);
    }
    mem_free_strings(found.names, (size_t)found.count);
    return code;
}

err class_folder_scan(class_folder *c) {
    err code = scan_folder(c, "", 0);
    sort_names(c->files, c->count);
    return code;
}

void class_folder_reset(class_folder *c) {
    mem_free_strings(c->files, (size_t)c->count);
    mem_free(c->other);
    mem_free(c->path);
    *c = (class_folder){0};
}

/* ---- what is to be left out ---- */

void leave_list_read(leave_list *l, const char *text) {
    *l = (leave_list){0};
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length) {
            size_t n = (size_t)l->count + 1;
            l->patterns = mem_resize(l->patterns, n, sizeof *l->patterns);
            l->used = mem_resize(l->used, n, sizeof *l->used);
            l->used[l->count] = false;
            l->patterns[l->count++] = text_format("%.*s", (int)length, text);
        }
        text += length + (text[length] == ',');
    }
}

void leave_list_reset(leave_list *l) {
    mem_free_strings(l->patterns, (size_t)l->count);
    mem_free(l->used);
    *l = (leave_list){0};
}

static bool is_to_leave(leave_list *l, const char *name) {
    bool found = false;
    for (int i = 0; l && i < l->count; i++)
        if (fnmatch(l->patterns[i], name, 0) == 0)
            found = l->used[i] = true;
    return found;
}

/* ---- classes ---- */

static void add_class(picture_tree *t, const char *name, const char *path) {
    size_t n = (size_t)t->n_classes + 1;
    t->classes = mem_resize(t->classes, n, sizeof *t->classes);
    t->folders = mem_resize(t->folders, n, sizeof *t->folders);
    t->classes[t->n_classes] = mem_string(name);
    t->folders[t->n_classes++] = (class_folder){.path = mem_string(path)};
}

void picture_tree_leave(picture_tree *t, const char *name, const char *why) {
    t->left = mem_resize(t->left, (size_t)t->n_left + 1, sizeof *t->left);
    t->left[t->n_left++] = text_format("%s (%s)", name, why);
}

static void sort_in(picture_tree *t, const char *name, const char *path, leave_list *leave) {
    const char *why = why_left(name);
    if (is_to_leave(leave, name))
        picture_tree_leave(t, name, "as asked");
    else if (why)
        picture_tree_leave(t, name, why);
    else if (is_folder(path))
        add_class(t, name, path);
    else if (!is_picture(path, name))
        picture_tree_leave(t, name, "no picture");
    else if (t->strays++ == 0)
        t->stray = mem_string(name);
}

err picture_tree_list(picture_tree *t, const char *root, leave_list *leave) {
    entries found;
    *t = (picture_tree){.root = mem_string(root)};
    err code = list_folder(root, &found);
    for (int64_t i = 0; i < found.count && code == OK; i++) {
        char *path = text_format("%s/%s", root, found.names[i]);
        code = is_to_leave(leave, found.names[i]) || why_left(found.names[i]) ? OK : check_entry(path);
        sort_in(t, found.names[i], path, leave);
        mem_free(path);
    }
    mem_free_strings(found.names, (size_t)found.count);
    if (code == OK && t->n_classes == 0)
        code = fail(ERR_DATA, "%s: no folders in it; pictures have to lie in a folder a class", root);
    return code;
}

/* Takes a class out. */
static void drop_class(picture_tree *t, int i) {
    picture_tree_leave(t, t->classes[i], "no pictures in it");
    mem_free(t->classes[i]);
    class_folder_reset(&t->folders[i]);
    size_t behind = (size_t)(--t->n_classes - i);
    memmove(t->classes + i, t->classes + i + 1, behind * sizeof *t->classes);
    memmove(t->folders + i, t->folders + i + 1, behind * sizeof *t->folders);
}

static err drop_empty(picture_tree *t, bool lenient) {
    for (int i = t->n_classes - 1; i >= 0; i--) {
        const class_folder *c = &t->folders[i];
        if (c->count == 0 && !lenient)
            return fail(ERR_DATA,
                        "%s: a class without pictures: leave it out (--leave-out %s), or say --lenient to go without such classes", c->path,
                        t->classes[i]);
        if (c->count == 0)
            drop_class(t, i);
    }
    return OK;
}

err picture_tree_scan(picture_tree *t, bool lenient) {
    err code = OK;
    for (int i = 0; i < t->n_classes && code == OK; i++) {
        code = class_folder_scan(&t->folders[i]);
        t->count += t->folders[i].count;
    }
    if (code == OK && t->count == 0)
        return fail(ERR_DATA, "%s: no pictures in its folders", t->root);
    return code == OK ? drop_empty(t, lenient) : code;
}

void picture_tree_reset(picture_tree *t) {
    for (int i = 0; i < t->n_classes; i++)
        class_folder_reset(&t->folders[i]);
    mem_free(t->folders);
    mem_free_strings(t->classes, (size_t)t->n_classes);
    mem_free_strings(t->left, (size_t)t->n_left);
    mem_free(t->stray);
    mem_free(t->root);
    *t = (picture_tree){0};
}

bool picture_tree_is_there(const char *root) {
    picture_tree t = {0};
    bool there = is_folder(root) && picture_tree_list(&t, root, NULL) == OK;
    if (!there)
        err_clear();
    picture_tree_reset(&t);
    return there;
}
