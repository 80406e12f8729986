/* MNIST and its kin under the names that are about: `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, with .gz or without, with a set's
 * name in front (`emnist-balanced-…`), test for t10k, and in the folders that torchvision makes (DIR/MNIST/raw). */
#include "pack/idx.h"
#include "pack/internal.h"

#include <string.h>
#include <strings.h>

/* Cuts a word off the end of a name, and the sign before it. */
static bool cut_end(char *name, const char *word) {
    size_t length = strlen(name), tail = strlen(word);
    if (length < tail || strcasecmp(name + length - tail, word) != 0)
        return false;
    name[length - tail] = '\0';
    if (length > tail && strchr("-._", name[length - tail - 1]))
        name[length - tail - 1] = '\0';
    return true;
}

static bool cut_kind(char *name, idx_kind *kind) {
    if (cut_end(name, "idx2-int")) {
        *kind = IDX_LABELS; /* QMNIST's */
        return cut_end(name, "labels");
    }
    if (!cut_end(name, "ubyte"))
        return false;
    *kind = cut_end(name, "idx3") ? IDX_IMAGES : IDX_LABELS;
    return *kind == IDX_IMAGES ? cut_end(name, "images") : cut_end(name, "idx1") && cut_end(name, "labels");
}

/* What a file's name says; false where it is none of these. What is left of `name` is the set's. */
static bool parse(char *name, split *part, idx_kind *kind) {
    cut_end(name, "gz");
    if (!cut_kind(name, kind))
        return false;
    *part = cut_end(name, "train") ? TRAIN : VAL;
    return *part == TRAIN || cut_end(name, "t10k") || cut_end(name, "test");
}

static err add(idx_set *s, const char *path, const char *wanted) {
    const char *slash = strrchr(path, '/');
    char *name = mem_string(slash ? slash + 1 : path);
    split part;
    idx_kind kind;
    err code = OK;
    bool is_one = parse(name, &part, &kind) && pack_file_is_there(path) && (!wanted || strcasecmp(name, wanted) == 0);
    if (is_one && s->name && strcasecmp(s->name, name) != 0)
        code = fail(ERR_DATA, "%s: holds files of several sets, \"%s\" and \"%s\": name one with --set", s->folder, s->name, name);
    else if (is_one) {
        mem_free(s->files[part][kind]);
        s->files[part][kind] = mem_string(path);
        mem_free(s->name);
        s->name = mem_string(name);
    }
    mem_free(name);
    return code;
}

/* Those of one folder; .gz comes last in bytewise order, and is taken where there is both. */
static err find_in(idx_set *s, const char *folder, const char *wanted) {
    path_list found;
    mem_free(s->folder);
    s->folder = mem_string(folder);
    err code = path_find(&found, folder, "*");
    for (int i = 0; i < found.count && code == OK; i++)
        code = add(s, found.paths[i], wanted);
    path_list_reset(&found);
    return code;
}

/* The one folder below that holds such files. */
static err find_below(idx_set *s, const char *root, const char *pattern, const char *wanted) {
    path_list found;
    err code = path_find(&found, root, pattern);
    for (int i = 0; i < found.count && code == OK; i++) {
        idx_set below = {0};
        if (pack_check_folder(found.paths[i]) == OK)
            code = find_in(&below, found.paths[i], wanted);
        else
            err_clear();
        if (code == OK && below.name && s->name)
            code = fail(ERR_DATA, "%s: holds the sets of %s and %s: name one of these folders", root, s->folder, below.folder);
        if (code == OK && below.name) {
            idx_set_reset(s);
            *s = below;
        } else {
            idx_set_reset(&below);
        }
    }
    path_list_reset(&found);
    return code;
}

err idx_set_find(idx_set *s, const char *root, const char *wanted) {
    *s = (idx_set){0};
    err code = find_in(s, root, wanted);
    if (code == OK && !s->name)
        code = find_below(s, root, "raw", wanted);
    if (code == OK && !s->name)
        code = find_below(s, root, "*/raw", wanted);
    if (code == OK && !s->name)
        code = fail(ERR_IO, "%s/train-images-idx3-ubyte: no such file, nor one with .gz, of another set, or in raw/", root);
    for (int part = 0; part < N_SPLITS && code == OK; part++)
        for (int kind = 0; kind < N_IDX_KINDS && code == OK; kind++)
            if (!s->files[part][kind])
                code = fail(ERR_IO, "%s/%s%s%s-%s: no such file, and none with .gz", s->folder, s->name, s->name[0] ? "-" : "",
                            part == TRAIN ? "train" : "t10k", kind == IDX_IMAGES ? "images-idx3-ubyte" : "labels-idx1-ubyte");
    return code;
}

void idx_set_reset(idx_set *s) {
    for (int part = 0; part < N_SPLITS; part++)
        for (int kind = 0; kind < N_IDX_KINDS; kind++)
            mem_free(s->files[part][kind]);
    mem_free(s->folder);
    mem_free(s->name);
    *s = (idx_set){0};
}
