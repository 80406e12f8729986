/* How a folder of pictures is laid out. Names of splits are known ones, in any case; a folder is a split only where it holds folders
 * itself, so that a class may be called `train`. Where two readings are possible, none is taken. */
#include "pack/layout.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

typedef enum role { ROLE_TRAIN, ROLE_VAL, ROLE_TEST, N_ROLES, ROLE_NONE } role;

static role role_of(const char *name) {
    static const struct {
        const char *name;
        role role;
    } names[] = {{"train", ROLE_TRAIN},        {"training", ROLE_TRAIN}, {"train_set", ROLE_TRAIN},
                 {"training_set", ROLE_TRAIN}, {"trainset", ROLE_TRAIN}, {"val", ROLE_VAL},
                 {"valid", ROLE_VAL},          {"validation", ROLE_VAL}, {"val_set", ROLE_VAL},
                 {"validation_set", ROLE_VAL}, {"valset", ROLE_VAL},     {"dev", ROLE_VAL},
                 {"test", ROLE_TEST},          {"testing", ROLE_TEST},   {"test_set", ROLE_TEST},
                 {"testing_set", ROLE_TEST},   {"testset", ROLE_TEST}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i].name, name) == 0)
            return names[i].role;
    return ROLE_NONE;
}

/* ---- a tree of classes ---- */

static bool all_are_deep(const picture_tree *t) {
    for (int i = 0; i < t->n_classes; i++)
        if (t->folders[i].direct > 0)
            return false;
    return true;
}

static bool all_are_names_of_splits(const picture_tree *t) {
    for (int i = 0; i < t->n_classes; i++)
        if (role_of(t->classes[i]) == ROLE_NONE)
            return false;
    return true;
}

static err refuse_strays(const picture_tree *t) {
    bool one = t->strays == 1;
    const char *ending = strrchr(t->stray, '.');
    char *pattern = one || !ending ? mem_string(t->stray) : text_format("*%s", ending);
    err code = fail(
        ERR_DATA, "%s: %" PRId64 " picture%s beside the folders of classes (%s%s): move %s into one, or leave %s out (--leave-out '%s')",
        t->root, t->strays, one ? " lies" : "s lie", t->stray, one ? "" : ", …", one ? "it" : "them", one ? "it" : "them", pattern);
    mem_free(pattern);
    return code;
}

/* Scans a listed tree, and refuses what may be meant in another way. */
static err take_tree(picture_tree *t, const pack_options *options) {
    err code = picture_tree_scan(t, options->lenient);
    if (code == OK && t->strays)
        code = refuse_strays(t);
    if (code != OK)
        return code;
    if (all_are_deep(t) && !options->deep)
        return fail(
            ERR_DATA,
            "%s: its folders hold pictures only in folders of their own (%s/%s): name the folder that holds the classes, or say --deep "
            "where these are the classes, with all that is below them",
            t->root, t->classes[0], t->folders[0].files[0]);
    if (all_are_names_of_splits(t) && !options->no_splits)
        return fail(ERR_DATA,
                    "%s: %s is the name of a split, but holds pictures and no folders of classes; say --no-splits where it is a class",
                    t->root, t->classes[0]);
    return pack_check_classes(t->classes, t->n_classes) == OK ? OK : err_prefix("%s", t->root);
}

static err take_folder(picture_tree *t, const char *root, leave_list *leave, const pack_options *options) {
    err code = picture_tree_list(t, root, leave);
    return code == OK ? take_tree(t, options) : code;
}

/* ---- splits ---- */

/* The folders of each role, as places in the listed root; -1: none. */
typedef struct split_places {
    int of[N_ROLES];
} split_places;

static err find_splits(const picture_tree *root, split_places *p) {
    *p = (split_places){{-1, -1, -1}};
    for (int i = 0; i < root->n_classes; i++) {
        role r = role_of(root->classes[i]);
        if (r == ROLE_NONE || !picture_tree_is_there(root->folders[i].path))
            continue;
        if (p->of[r] >= 0)
            return fail(ERR_DATA, "%s: %s and %s may both be the split: leave one out (--leave-out %s)", root->root,
                        root->classes[p->of[r]], root->classes[i], root->classes[i]);
        p->of[r] = i;
    }
    return OK;
}

/* What lies beside the splits is none. Pictures in it are in doubt. */
static err leave_folder(picture_tree *root, int i, bool has_val) {
    const char *name = root->classes[i];
    class_folder *c = &root->folders[i];
    err code = class_folder_scan(c);
    if (code != OK)
        return code;
    bool is_split = role_of(name) != ROLE_NONE;
    if (c->count > 0 && !is_split)
        return fail(ERR_DATA,
                    "%s: %s holds pictures and lies beside splits: leave it out (--leave-out %s), or say --no-splits where all are classes",
                    root->root, name, name);
    bool has_classes = is_split && picture_tree_is_there(c->path);
    picture_tree_leave(root, name,
                       c->count == 0            ? "no pictures in it"
                       : has_classes && has_val ? "another split is taken for val"
                                                : "no folders of classes in it");
    return OK;
}

static err take_splits(folder_layout *l, const split_places *p, leave_list *leave, const pack_options *options) {
    picture_tree *root = &l->beside;
    int train = p->of[ROLE_TRAIN], val = p->of[ROLE_VAL] >= 0 ? p->of[ROLE_VAL] : p->of[ROLE_TEST];
    if (train < 0)
        return fail(ERR_DATA, "%s: has %s but no train: name the folder that holds the classes, or say --no-splits where all are classes",
                    root->root, root->classes[val]);
    err code = OK;
    for (int i = 0; i < root->n_classes && code == OK; i++)
        if (i != train && i != val)
            code = leave_folder(root, i, val >= 0);
    l->split = val >= 0;
    if (code == OK)
        code = take_folder(&l->trees[TRAIN], root->folders[train].path, leave, options);
    return code == OK && l->split ? take_folder(&l->trees[VAL], root->folders[val].path, leave, options) : code;
}

/* ---- all of it ---- */

static err check_leave(const leave_list *leave, const char *source) {
    for (int i = 0; i < leave->count; i++)
        if (!leave->used[i])
            return fail(ERR_USAGE, "--leave-out %s: nothing of that name in %s", leave->patterns[i], source);
    return OK;
}

static err find(folder_layout *l, const pack_options *options, leave_list *leave) {
    picture_tree *root = &l->beside;
    split_places places = {{-1, -1, -1}};
    err code = picture_tree_list(root, options->source, leave);
    if (code == OK && !options->no_splits)
        code = find_splits(root, &places);
    if (code != OK)
        return code;
    if (places.of[ROLE_TRAIN] >= 0 || places.of[ROLE_VAL] >= 0 || places.of[ROLE_TEST] >= 0)
        return take_splits(l, &places, leave, options);
    l->trees[TRAIN] = *root;
    *root = (picture_tree){0};
    return take_tree(&l->trees[TRAIN], options);
}

err folder_layout_find(folder_layout *l, const pack_options *options) {
    leave_list leave;
    *l = (folder_layout){0};
    leave_list_read(&leave, options->leave_out);
    err code = find(l, options, &leave);
    if (code == OK)
        code = check_leave(&leave, options->source);
    leave_list_reset(&leave);
    return code;
}

void folder_layout_reset(folder_layout *l) {
    for (int i = 0; i < N_SPLITS; i++)
        picture_tree_reset(&l->trees[i]);
    picture_tree_reset(&l->beside);
}
