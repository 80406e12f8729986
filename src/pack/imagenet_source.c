/* What there is to pack: the archives of ILSVRC2012 as they are distributed, or folders. The training archive is a tar of tars, one a
 * class: only the outer one's thousand headers are read here. */
#define _POSIX_C_SOURCE 200809L
#include "pack/imagenet.h"
#include "pack/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static source_unit *add_unit(source *s, source_unit unit) {
    s->units = mem_resize(s->units, (size_t)s->n_units + 1, sizeof *s->units);
    s->units[s->n_units] = unit;
    return &s->units[s->n_units++];
}

/* Opens SRC/ILSVRC2012_img_PART.tar where it is there; its size is 0 where it is not. */
static err open_tar(source *s, const char *root, split part, int64_t *bytes) {
    struct stat status;
    *bytes = 0;
    char *path = text_format("%s/ILSVRC2012_img_%s.tar", root, split_names[part]);
    s->tars[part] = path;
    if (!pack_file_is_there(path)) {
        mem_free(path);
        s->tars[part] = NULL;
        return OK;
    }
    s->files[part] = open(path, O_RDONLY | O_CLOEXEC);
    if (s->files[part] < 0 || fstat(s->files[part], &status) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    *bytes = status.st_size;
    return *bytes ? OK : fail(ERR_DATA, "%s: is empty; get it again", path);
}

/* A member `n01440764.tar` is a class. */
static err add_class_tar(source *s, const tar_member *m) {
    const char *slash = strrchr(m->name, '/'), *name = slash ? slash + 1 : m->name, *dot = strrchr(name, '.');
    if (name[0] == '.')
        return OK;
    if (!dot || dot == name || strcmp(dot, ".tar") != 0)
        return fail(ERR_DATA, "%s: holds %s, where a tar of every class is expected (n01440764.tar, …)", s->tars[TRAIN], m->name);
    source_unit *unit = add_unit(s, (source_unit){.part = TRAIN, .name = mem_string(name), .at = m->place, .bytes = m->bytes});
    unit->name[dot - name] = '\0';
    return OK;
}

static err list_train_tar(source *s, int64_t bytes) {
    tar *t;
    tar_member member;
    bool found = true;
    err code = tar_open(&t, s->files[TRAIN], s->tars[TRAIN], 0, bytes, false);
    while (code == OK && found) {
        code = tar_next(t, &member, &found);
        if (code == OK && found)
            code = add_class_tar(s, &member);
    }
    tar_close(t);
    return code;
}

static err list_folders(source *s, const char *root, split part) {
    picture_tree tree;
    err code = picture_tree_list(&tree, root, NULL);
    for (int i = 0; i < tree.n_classes && code == OK; i++)
        add_unit(s,
                 (source_unit){.part = part, .name = mem_string(tree.classes[i]), .folder = mem_string(tree.folders[i].path), .bytes = 1});
    picture_tree_reset(&tree);
    return code;
}

static int compare_units(const void *a, const void *b) {
    return strcmp(((const source_unit *)a)->name, ((const source_unit *)b)->name);
}

/* torchvision's order: by WordNet id. */
static err name_classes(source *s) {
    qsort(s->units, (size_t)s->n_units, sizeof *s->units, compare_units);
    s->classes = mem_new((size_t)s->n_units, sizeof *s->classes);
    for (int i = 0; i < s->n_units; i++) {
        if (i > 0 && strcmp(s->units[i].name, s->units[i - 1].name) == 0)
            return fail(ERR_DATA, "%s: has class %s twice", s->tars[TRAIN], s->units[i].name);
        s->units[i].label = i;
        s->classes[s->n_classes++] = mem_string(s->units[i].name);
    }
    return OK;
}

static err open_train(source *s, const char *root) {
    int64_t bytes;
    err code = open_tar(s, root, TRAIN, &bytes);
    char *folder = text_format("%s/train", root);
    if (code == OK && bytes)
        code = list_train_tar(s, bytes);
    else if (code == OK && picture_tree_is_there(folder))
        code = list_folders(s, folder, TRAIN);
    mem_free(folder);
    return code == OK && s->n_units ? name_classes(s) : code;
}

/* Labels of val/WNID/ by the folders' names. */
static err label_val_folders(source *s, int first) {
    if (s->n_classes == 0) {
        s->classes = mem_new((size_t)(s->n_units - first), sizeof *s->classes);
        for (int i = first; i < s->n_units; i++)
            s->classes[s->n_classes++] = mem_string(s->units[i].name);
    }
    for (int i = first; i < s->n_units; i++) {
        char **found = bsearch(&s->units[i].name, s->classes, (size_t)s->n_classes, sizeof *found, text_compare);
        if (!found)
            return fail(ERR_DATA, "%s: there are no training pictures of that class", s->units[i].folder);
        s->units[i].label = (int32_t)(found - s->classes);
    }
    return OK;
}

static err open_val(source *s, const char *root) {
    int64_t bytes;
    int first = s->n_units;
    err code = open_tar(s, root, VAL, &bytes);
    char *folder = text_format("%s/val", root);
    struct stat status;
    if (code == OK && bytes) {
        add_unit(s, (source_unit){.part = VAL, .name = mem_string("val"), .bytes = bytes, .label = -1});
        code = source_read_labels(s, root);
    } else if (code == OK && picture_tree_is_there(folder)) {
        code = list_folders(s, folder, VAL);
        if (code == OK)
            code = label_val_folders(s, first);
    } else if (code == OK && stat(folder, &status) == 0 && S_ISDIR(status.st_mode)) {
        add_unit(s, (source_unit){.part = VAL, .name = mem_string("val"), .folder = mem_string(folder), .bytes = 1, .label = -1});
        code = source_read_labels(s, root);
    }
    mem_free(folder);
    return code;
}

err source_open(source *s, const char *root) {
    *s = (source){.files = {-1, -1}};
    err code = pack_check_folder(root);
    if (code == OK)
        code = open_train(s, root);
    if (code == OK)
        code = open_val(s, root);
    if (code == OK && s->n_units == 0)
        code = fail(ERR_IO, "%s: neither ILSVRC2012_img_train.tar nor ILSVRC2012_img_val.tar nor a folder train or val is there", root);
    return code;
}

void source_reset(source *s) {
    for (int i = 0; i < s->n_units; i++) {
        mem_free(s->units[i].name);
        mem_free(s->units[i].folder);
    }
    for (int i = 0; i < N_SPLITS; i++) {
        if (s->files[i] >= 0)
            close(s->files[i]);
        mem_free(s->tars[i]);
    }
    mem_free(s->units);
    mem_free_strings(s->classes, (size_t)s->n_classes);
    label_list_reset(&s->labels);
    *s = (source){.files = {-1, -1}};
}
