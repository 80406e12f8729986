#define _GNU_SOURCE /* GLOB_ALTDIRFUNC */
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

err path_make_folders(const char *folder) {
    char *path = mem_string(folder);
    size_t length = strlen(path);
    for (size_t i = 1; i <= length; i++) {
        char end = path[i];
        if (end != '/' && end != '\0')
            continue;
        path[i] = '\0';
        mkdir(path, 0777); /* what matters is whether the last one is there in the end */
        path[i] = end;
    }
    int reason = errno;
    mem_free(path);
    struct stat s;
    if (stat(folder, &s) == 0)
        return S_ISDIR(s.st_mode) ? OK : fail(ERR_IO, "%s: cannot be made: a file of that name is there", folder);
    return fail(ERR_IO, "%s: cannot be made: %s", folder, strerror(length ? reason : ENOENT));
}

const char *path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_folder(const char *path) {
    size_t length = (size_t)(path_name(path) - path);
    if (length == 0)
        return mem_string(".");
    char *folder = mem_string(path);
    folder[length > 1 ? length - 1 : 1] = '\0';
    return folder;
}

char *path_as_pattern(const char *path) {
    char *pattern = mem_new(2 * strlen(path) + 1, 1), *to = pattern;
    for (; *path; *to++ = *path++)
        if (strchr("*?[\\", *path))
            *to++ = '\\';
    return pattern;
}

void path_list_add(path_list *list, char *path) {
    list->paths = mem_resize(list->paths, (size_t)list->count + 1, sizeof *list->paths);
    list->paths[list->count++] = path;
}

void path_list_reset(path_list *list) {
    mem_free_strings(list->paths, (size_t)list->count);
    *list = (path_list){0};
}

/* glob() takes what it cannot read for empty, so it reads through these. As in shells, a folder that a pattern might have meant is passed
 * over where nobody may read it, or it is none; a disk that fails is another matter. */
static _Thread_local int trouble;

static void note_trouble(void) {
    if (errno && errno != ENOENT && errno != ENOTDIR && errno != EACCES && errno != ELOOP)
        trouble = errno;
}

static void *open_noting(const char *folder) {
    DIR *names = opendir(folder);
    if (!names)
        note_trouble();
    return names;
}

static struct dirent *read_noting(void *names) {
    errno = 0;
    struct dirent *d = readdir(names);
    if (!d)
        note_trouble();
    return d;
}

static void close_names(void *names) {
    closedir(names);
}

static err find(path_list *out, const char *pattern) {
    glob_t found = {.gl_opendir = open_noting, .gl_readdir = read_noting, .gl_closedir = close_names, .gl_stat = stat, .gl_lstat = lstat};
    trouble = 0;
    int status = glob(pattern, GLOB_NOSORT | GLOB_ALTDIRFUNC, NULL, &found);
    if (trouble && status == 0)
        globfree(&found);
    if (trouble)
        return fail(ERR_IO, "%s: cannot be searched for: %s", pattern, strerror(trouble));
    if (status == GLOB_NOMATCH)
        return OK;
    if (status != 0)
        return fail(ERR_IO, "%s: cannot be searched for: too little memory", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        path_list_add(out, mem_string(found.gl_pathv[i]));
    globfree(&found);
    qsort(out->paths, (size_t)out->count, sizeof *out->paths, text_compare);
    return OK;
}

err path_find(path_list *out, const char *folder, const char *pattern) {
    *out = (path_list){0};
    if (!folder)
        return find(out, pattern);
    if (access(folder, R_OK | X_OK) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", folder, strerror(errno));
    char *escaped = path_as_pattern(folder), *whole = text_format("%s/%s", escaped, pattern);
    err code = find(out, whole);
    mem_free(whole);
    mem_free(escaped);
    return code;
}
