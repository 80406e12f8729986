#define _POSIX_C_SOURCE 200809L /* link, access */
#include "train/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ckpt/ckpt.h"

/* What cannot be looked at may be there. */
static bool exists(const char *folder, const char *name) {
    char *path = text_format("%s/%s", folder, name);
    bool there = access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
    mem_free(path);
    return there;
}

static err move_aside(owner *o, const char *folder) {
    char *aside = NULL;
    for (int i = 1; !aside; i++) {
        aside = text_format("%s.%d", folder, i);
        if (access(aside, F_OK) == 0) {
            mem_free(aside);
            aside = NULL;
        }
    }
    err code = owner_move_aside(o, aside);
    if (code == OK)
        log_info("%s held an earlier run: it is now %s", folder, aside);
    mem_free(aside);
    return code;
}

static bool lies_in(const char *path, const char *folder) {
    struct stat here, there;
    char *parent = path_folder(path);
    bool same = stat(parent, &there) == 0 && stat(folder, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
    mem_free(parent);
    return same;
}

/* A later --resume, and going back after a loss that is no number, would not know one run's from the other's. */
static err check_unmixed(const char *folder, const char *from, bool any) {
    if (!from || !any || lies_in(from, folder))
        return OK;
    return fail(ERR_USAGE,
                "%s holds checkpoints already, and %s is none of them: --resume without a file goes on with those, another --out "
                "goes on with this one",
                folder, from);
}

err folder_prepare(owner *o, const char *folder, bool resume, const char *from) {
    bool any = false;
    err code = resume && !from ? OK : ckpt_is_any(folder, &any);
    if (code == OK)
        code = check_unmixed(folder, from, any);
    if (code == OK && !resume && (any || exists(folder, "metrics.jsonl")))
        code = move_aside(o, folder);
    if (code == OK && access(folder, W_OK | X_OK) != 0)
        code = fail(ERR_IO, "%s: the run folder cannot be written: %s; --out takes another", folder, strerror(errno));
    return code;
}

err folder_write_job(const char *folder, const char *yaml) {
    char *path = text_format("%s/job.yaml", folder);
    err code = durable_write(path, yaml, strlen(yaml));
    mem_free(path);
    return code;
}

err folder_link(const char *folder, const char *from, const char *to) {
    char *source = text_format("%s/%s", folder, from), *target = text_format("%s/%s", folder, to);
    char *temporary = text_format("%s/.%s.tmp", folder, to);
    unlink(temporary);
    err code = OK;
    if (link(source, temporary) != 0)
        code = fail(ERR_IO, "%s: cannot be linked to %s: %s", target, from, strerror(errno));
    else
        code = durable_rename(temporary, target);
    unlink(temporary); /* there where the rename failed, or both were one file already */
    mem_free(source);
    mem_free(target);
    mem_free(temporary);
    return code;
}
