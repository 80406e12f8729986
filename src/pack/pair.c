/* A train.h5 and a val.h5 of one packing, or one of them. They get their names together, when both are whole, in an order in which a kill
 * at any moment leaves the old set without its val.h5, the new one without, or the new one: never halves of both. */
#define _POSIX_C_SOURCE 200809L
#include "pack/internal.h"

#include <string.h>
#include <unistd.h>

/* What a packing that was killed has left. */
static void remove_leftovers(const pack_output *o) {
    path_list found;
    for (int i = 0; i < N_SPLITS; i++) {
        char *pattern = text_format(".%s.h5-*", split_names[i]);
        if (path_find(&found, o->path, pattern) != OK)
            err_clear();
        for (int k = 0; k < found.count; k++)
            unlink(found.paths[k]);
        path_list_reset(&found);
        mem_free(pattern);
    }
}

static err open_output(dataset_pair *p, const char *folder) {
    err code = pack_output_open(&p->output, folder);
    if (code == OK)
        code = pack_output_check(&p->output);
    if (code == OK)
        remove_leftovers(&p->output);
    return code;
}

err dataset_pair_begin(dataset_pair *p, split part, const dataset_writer_options *options) {
    dataset_writer_options how = *options;
    how.name = split_names[part];
    err code = pack_check_classes(how.classes, how.n_classes);
    if (code == OK && !p->output.path)
        code = open_output(p, how.folder);
    return code == OK ? dataset_writer_new(&p->writers[part], &how) : code;
}

/* A file that would be left of an earlier packing is removed; but not one that somebody may have made by hand. */
static err check_old(const dataset_pair *p, split part, const char *name) {
    if (p->writers[part] || pack_output_owner(&p->output, name) != FILE_DATASET)
        return OK;
    return pack_output_refuse(&p->output, name, "and this packing makes none to replace it");
}

static err remove_old(const dataset_pair *p, const char *name, bool replaced) {
    if (!replaced && pack_output_has(&p->output, name))
        log_info("%s: removed, it was of another packing", name);
    return pack_output_remove(&p->output, name);
}

/* What a set in several files has beside it, once these are gone. */
static err remove_side_files(const pack_output *o) {
    static const char *const names[] = {"odd-train.tsv", "odd-val.tsv", "pack.txt"};
    err code = OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && code == OK && pack_output_has(o, "pack.txt"); i++)
        code = pack_output_remove(o, names[i]);
    return code;
}

/* The old val.h5 goes first: from then on there is no val that is not of the train beside it. */
static err replace(const dataset_pair *p) {
    dataset_writer *train = p->writers[TRAIN], *val = p->writers[VAL];
    err code = remove_old(p, "val.h5", val != NULL);
    if (code == OK && !train)
        code = remove_old(p, "train.h5", false);
    if (code == OK)
        code = remove_side_files(&p->output);
    if (code == OK)
        code = pack_output_sync(&p->output);
    if (code == OK && train)
        code = dataset_writer_publish(train);
    if (code == OK)
        code = pack_output_sync(&p->output);
    if (code == OK && val)
        code = dataset_writer_publish(val);
    return code == OK ? pack_output_sync(&p->output) : code;
}

static void make_id(const dataset_pair *p, char id[PACK_ID]) {
    pack_hash *h = pack_hash_new();
    for (int i = 0; i < N_SPLITS; i++)
        if (p->writers[i])
            dataset_writer_hash(p->writers[i], h);
    pack_hash_finish(h, id);
}

err dataset_pair_finish(dataset_pair *p) {
    char id[PACK_ID];
    err code = check_old(p, TRAIN, "train.h5");
    if (code == OK)
        code = check_old(p, VAL, "val.h5");
    if (code != OK)
        return code;
    make_id(p, id);
    for (int i = 0; i < N_SPLITS && code == OK; i++)
        if (p->writers[i])
            code = dataset_writer_write(p->writers[i], id);
    return code == OK ? replace(p) : code;
}

void dataset_pair_free(dataset_pair *p) {
    for (int i = 0; i < N_SPLITS; i++)
        dataset_writer_free(p->writers[i]);
    pack_output_close(&p->output);
    *p = (dataset_pair){0};
}
