/* Writing a checkpoint, so that a file under its final name is whole: under another name beside it first, closed, opened again, every
 * checksum compared, then renamed, and the folder synced. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ckpt/internal.h"

/* ---- what is written ---- */

ckpt_state ckpt_state_of(graph *g, optim *o) {
    ckpt_state s = {.graph = g, .optim = o, .values = graph_values(g)};
    for (int slot = 0; o && slot < optim_n_slots(o); slot++)
        s.slots[slot] = optim_slot(o, slot);
    return s;
}

static err write_values(h5_file *f, const char *group, const param *p, const float *memory) {
    char *object = text_format("%s/%s", group, p->name);
    float *plain = p->layout == LAYOUT_PLAIN ? NULL : mem_new((size_t)p->size, sizeof *plain);
    if (plain)
        param_to_plain(p, memory, plain);
    err code = ckpt_write_tensor(f, object, H5_F32, p->dims, plain ? plain : memory);
    mem_free(plain);
    mem_free(object);
    return code;
}

static err write_counter(h5_file *f, const param *p, int64_t counter) {
    char *object = text_format("model/%s", p->name);
    err code = ckpt_write_tensor(f, object, H5_I64, (dims){0}, &counter);
    mem_free(object);
    return code;
}

static err write_model(h5_file *f, const ckpt_state *s) {
    const graph *g = s->graph;
    err code = h5_make_group(f, "model");
    for (int i = 0; i < graph_n_params(g) && code == OK; i++) {
        const param *p = graph_param(g, i);
        int64_t place = p->offset + (param_is_trained(p) ? 0 : graph_trained_size(g));
        if (p->role == PARAM_COUNTER)
            code = write_counter(f, p, s->counters ? s->counters[i] : p->counter);
        else
            code = write_values(f, "model", p, s->values + place);
    }
    return code;
}

static err write_slot(h5_file *f, const ckpt_state *s, int slot) {
    char *group = text_format("optimizer/%s", optim_slot_name(s->optim, slot));
    err code = h5_make_group(f, group);
    for (int i = 0; i < graph_n_params(s->graph) && code == OK; i++) {
        const param *p = graph_param(s->graph, i);
        if (param_is_trained(p))
            code = write_values(f, group, p, s->slots[slot] + p->offset);
    }
    mem_free(group);
    return code;
}

static err write_all(h5_file *f, const ckpt_state *s, const ckpt_info *info) {
    int64_t version = CKPT_VERSION;
    err code = h5_write_attribute_text(f, "/", "format", "shoal-checkpoint");
    if (code == OK)
        code = h5_write_attribute(f, "/", "version", H5_I64, 0, &version);
    if (code == OK)
        code = write_model(f, s);
    for (int slot = 0; s->optim && slot < optim_n_slots(s->optim) && code == OK; slot++)
        code = write_slot(f, s, slot);
    if (code == OK)
        code = ckpt_write_info(f, info);
    return code == OK ? ckpt_write_provenance(f) : code;
}

static err write_file(const char *path, const ckpt_state *s, const ckpt_info *info) {
    h5_file *f = NULL;
    err code = h5_create(&f, path);
    if (code != OK)
        return code;
    code = write_all(f, s, info);
    if (code != OK)
        h5_close(f);
    return code == OK ? h5_finish(f) : code;
}

/* ---- where it is written ---- */

/* The folder of a path, and the name in it. New string; *name points into `path`. */
static char *folder_of(const char *path, const char **name) {
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return mem_string(".");
    char *folder = mem_string(path);
    folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

/* Temporary files `PREFIX12345` of processes that are no more: they were killed while they wrote. */
static void remove_leftovers(const char *folder, const char *prefix) {
    DIR *entries = opendir(folder);
    for (struct dirent *e; entries && (e = readdir(entries));) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
            continue;
        long process = strtol(e->d_name + strlen(prefix), NULL, 10);
        if (process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH) {
            char *path = text_format("%s/%s", folder, e->d_name);
            unlink(path);
            mem_free(path);
        }
    }
    if (entries)
        closedir(entries);
}

/* A renamed file survives a power cut only once its folder is on the disk. File systems without that notion say EINVAL. */
static err sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(ERR_IO, "%s: the folder cannot be synced: %s", folder, strerror(errno));
    err code = fsync(fd) == 0 || errno == EINVAL ? OK : fail(ERR_IO, "%s: the folder cannot be synced: %s", folder, strerror(errno));
    close(fd);
    return code;
}

static err verify_written(const char *temporary, const char *path) {
    if (ckpt_verify(temporary) == OK)
        return OK;
    err_last()->code = ERR_IO;
    return err_prefix("%s: what was written reads back otherwise, is the disk in order?", path);
}

err ckpt_write(const char *path, const ckpt_state *state, const ckpt_info *info) {
    const char *name;
    char *folder = folder_of(path, &name), *prefix = text_format(".%s.tmp-", name);
    char *temporary = text_format("%s/%s%ld", folder, prefix, (long)getpid());
    remove_leftovers(folder, prefix);
    err code = write_file(temporary, state, info);
    if (code != OK)
        err_prefix("%s", path);
    if (code == OK)
        code = verify_written(temporary, path);
    if (code == OK && rename(temporary, path) != 0)
        code = fail(ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (code == OK)
        code = sync_folder(folder);
    else
        unlink(temporary);
    mem_free(temporary);
    mem_free(prefix);
    mem_free(folder);
    return code;
}
