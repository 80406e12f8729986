/* Own pictures: files, a folder a class. The files go into the set as they are; each is decoded once, to see that it can be.
 */
#include "image/image.h"
#include "pack/duplicates.h"
#include "pack/layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3 };

typedef struct folder_packer {
    const pack_options *options;
    folder_layout layout;
    dataset_pair pair;
    int64_t *counts[N_SPLITS]; /* [classes] pictures that went into the split */
    duplicates twice;
    byte_buffer file;
    image picture;
    int64_t skipped;
} folder_packer;

/* Reads and decodes a file. One that is no picture is named and counted, and `good` is false; or it ends the run, as does one that cannot
 * be read, since it may well be good. */
static err load(folder_packer *p, const char *path, bool *good) {
    err code = byte_buffer_read(&p->file, path);
    if (code == OK) {
        code = image_decode(&p->picture, p->file.bytes, p->file.size, CHANNELS);
        if (code != OK)
            err_prefix("%s", path);
    }
    *good = code == OK;
    if (code != ERR_DATA || p->options->strict)
        return code;
    log_warn("%s; skipped", err_last()->text);
    err_clear();
    p->skipped++;
    return OK;
}

/* The place of picture `i` of a class in the order in which the class is gone through. */
typedef struct class_order {
    rng_key key;
    bool shuffled;
} class_order;

static int64_t file_at(const class_order *order, const class_folder *c, int64_t i) {
    return order->shuffled ? (int64_t)rng_permute(order->key, (uint64_t)c->count, (uint64_t)i) : i;
}

static err add_picture(folder_packer *p, split part, int32_t label, const char *path) {
    p->counts[part][label]++;
    duplicates_add(&p->twice, part, label, p->file.bytes, p->file.size, path);
    return dataset_writer_add(p->pair.writers[part], p->file.bytes, p->file.size, label, &p->picture);
}

/* A class's pictures go to one split; or, with a `share`, that many to val, spread evenly over a keyed permutation of its files: how many
 * can be decoded is known only at the end. */
static err add_class(folder_packer *p, split part, double share, const class_folder *c, const char *name, int32_t label) {
    class_order order = {rng_make_key(p->options->seed, RNG_DATA, rng_hash(name), 0), share > 0};
    int64_t added = 0;
    err code = OK;
    for (int64_t i = 0; i < c->count && code == OK; i++) {
        char *path = text_format("%s/%s", c->path, c->files[file_at(&order, c, i)]);
        bool good;
        code = load(p, path, &good);
        if (code == OK && good) {
            bool to_val = floor((double)(added + 1) * share + 0.5) > floor((double)added * share + 0.5);
            code = add_picture(p, to_val ? VAL : part, label, path);
            added++;
        }
        mem_free(path);
    }
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

static err begin(folder_packer *p, split part, int64_t count) {
    const picture_tree *all = &p->layout.trees[TRAIN];
    p->counts[part] = mem_new((size_t)all->n_classes, sizeof *p->counts[part]);
    return dataset_pair_begin(
        &p->pair, part,
        &(dataset_writer_options){
            .folder = p->options->out, .classes = all->classes, .n_classes = all->n_classes, .channels = CHANNELS, .count = count});
}

/* Both splits lie there, or one folder is split in two. */
static err read_pictures(folder_packer *p) {
    const picture_tree *trees = p->layout.trees;
    bool split = p->layout.split;
    double share = split ? 0 : p->options->val_share;
    err code = begin(p, TRAIN, trees[TRAIN].count);
    if (code == OK && (split || share > 0))
        code = begin(p, VAL, split ? trees[VAL].count : (int64_t)((double)trees[TRAIN].count * share));
    if (code == OK)
        code = add_tree(p, TRAIN, share);
    return code == OK && split ? add_tree(p, VAL, 0) : code;
}

/* ---- what came of it ---- */

/* A class is there to be learnt: it needs pictures in train. In val it may be missing, but that is said. */
static err check_counts(const folder_packer *p) {
    const picture_tree *all = &p->layout.trees[TRAIN];
    int missing = 0, first = 0;
    for (int i = 0; i < all->n_classes; i++) {
        if (p->counts[TRAIN][i] == 0)
            return fail(ERR_DATA, "%s: no picture of it %s; leave the class out (--leave-out %s)", all->folders[i].path,
                        p->counts[VAL] && p->counts[VAL][i] ? "is left for train" : "can be decoded", all->classes[i]);
        if (p->counts[VAL] && p->counts[VAL][i] == 0)
            first = missing++ ? first : i;
    }
    if (p->counts[VAL] && missing == all->n_classes)
        return p->layout.split ? OK
                               : fail(ERR_DATA, "%s: too few pictures for a val.h5 with --val-share %g", all->root, p->options->val_share);
    if (missing)
        log_warn("val has no picture of %d of the %d classes: %s%s", missing, all->n_classes, all->classes[first],
                 missing > 1 ? ", …" : "");
    if (all->n_classes == 1)
        log_warn("%s: one class only, %s: there is nothing to learn from it", all->root, all->classes[0]);
    return OK;
}

static err finish(folder_packer *p) {
    char number[TEXT_NUMBER];
    if (p->skipped)
        log_warn("%s picture%s could not be decoded and %s skipped", text_count(number, p->skipped), text_plural(p->skipped),
                 p->skipped == 1 ? "was" : "were");
    err code = check_counts(p);
    if (code != OK)
        return code;
    duplicates_report(&p->twice);
    return dataset_pair_finish(&p->pair);
}

err pack_folder(const pack_options *options) {
    folder_packer p = {.options = options};
    err code = pack_check_folder(options->source);
    if (code == OK)
        code = folder_layout_find(&p.layout, options);
    if (code == OK) {
        folder_layout_print(&p.layout);
        code = read_pictures(&p);
    }
    if (code == OK)
        code = finish(&p);
    dataset_pair_free(&p.pair);
    folder_layout_reset(&p.layout);
    duplicates_reset(&p.twice);
    image_reset(&p.picture);
    byte_buffer_reset(&p.file);
    for (int i = 0; i < N_SPLITS; i++)
        mem_free(p.counts[i]);
    return code;
}
