/* Own pictures: files, a folder a class. */
#include "pack/intake.h"
#include "pack/layout.h"

#include <math.h>
#include <stdlib.h>

typedef struct folder_packer {
    const pack_options *options;
    folder_layout layout;
    intake in;
} folder_packer;

/* The place of picture `i` of a class in the order in which the class is gone through. */
typedef struct class_order {
    rng_key key;
    bool shuffled;
} class_order;

static int64_t file_at(const class_order *order, const class_folder *c, int64_t i) {
    return order->shuffled ? (int64_t)rng_permute(order->key, (uint64_t)c->count, (uint64_t)i) : i;
}

/* A class's pictures go to one split; or, with a `share`, that many to val, spread evenly over a keyed permutation of its files: how many
 * can be decoded is known only at the end. */
static err add_class(folder_packer *p, split part, double share, class_folder *c, const char *name, int32_t label) {
    class_order order = {rng_make_key(p->options->seed, RNG_DATA, rng_hash(name), 0), share > 0};
    int64_t added = 0;
    err code = OK;
    for (int64_t i = 0; i < c->count && code == OK; i++) {
        char *path = text_format("%s/%s", c->path, c->files[file_at(&order, c, i)]);
        bool good;
        code = intake_load(&p->in, NULL, path, &good);
        if (code == OK && good) {
            bool to_val = floor((double)(added + 1) * share + 0.5) > floor((double)added * share + 0.5);
            code = intake_add(&p->in, to_val ? VAL : part, (dataset_sample){.labels = &label, .n_labels = 1}, path);
            added++;
        }
        mem_free(path);
    }
    c->left_out = c->count - added;
    return code;
}

/* The pictures of a split's tree, labelled by the classes of train's. */
static err add_tree(folder_packer *p, split part, double share) {
    const picture_tree *t = &p->layout.trees[part], *all = &p->layout.trees[TRAIN];
    err code = OK;
    for (int i = 0; i < t->n_classes && code == OK; i++) {
        char **found = bsearch(&t->classes[i], all->classes, (size_t)all->n_classes, sizeof *found, text_compare);
        if (!found)
            return fail(ERR_DATA, "%s: no class of that name in %s", t->folders[i].path, all->root);
        code = add_class(p, part, share, &t->folders[i], t->classes[i], (int32_t)(found - all->classes));
    }
    return code;
}

/* Both splits lie there, or one folder is split in two. */
static err read_pictures(folder_packer *p) {
    const picture_tree *trees = p->layout.trees;
    bool split = p->layout.split;
    double share = split ? 0 : p->options->val_share;
    err code = intake_begin(&p->in, TRAIN, (dataset_writer_options){.count = trees[TRAIN].count});
    if (code == OK && (split || share > 0)) {
        int64_t count = split ? trees[VAL].count : (int64_t)((double)trees[TRAIN].count * share);
        code = intake_begin(&p->in, VAL, (dataset_writer_options){.count = count});
    }
    if (code == OK)
        code = add_tree(p, TRAIN, share);
    return code == OK && split ? add_tree(p, VAL, 0) : code;
}

static err pack(folder_packer *p) {
    const picture_tree *all = &p->layout.trees[TRAIN];
    folder_layout_print(&p->layout);
    p->in = (intake){.options = p->options, .classes = all->classes, .n_classes = all->n_classes};
    err code = read_pictures(p);
    if (code != OK)
        return code;
    folder_layout_print_left_out(&p->layout);
    return intake_finish(&p->in, p->options->source, !p->layout.split);
}

err pack_folder(const pack_options *options) {
    folder_packer p = {.options = options};
    err code = pack_check_folder(options->source);
    if (code == OK)
        code = folder_layout_find(&p.layout, options);
    if (code == OK)
        code = pack(&p);
    intake_reset(&p.in);
    folder_layout_reset(&p.layout);
    return code;
}
