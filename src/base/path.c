#define _POSIX_C_SOURCE 200809L /* mkdir */
#include "base/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

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
