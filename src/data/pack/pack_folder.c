/* Own pictures: JPEG and PNG files, a folder a class. The files go into the set as they are; each is decoded once, to see that it can be.
 */
#include "data/image/image.h"
#include "data/pack/pack.h"
#include "data/pack/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3 };

typedef struct folder_packer {
    const pack_options *options;
    dataset_writer *train, *val;
    byte_buffer file;
    image picture;
    int64_t skipped;
} folder_packer;

/* Reads and decodes a file. One that is no picture is named and counted, and `good` is false; or it ends the run, as does one that cannot be
 * read, since it may well be good. */
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

/* Of every class, `share` of the pictures go to `val`, spread evenly over a keyed permutation of its files: how many can be decoded is
 * known only at the end. Without a share all go to `train`. */
static err add_class(folder_packer *p, dataset_writer *train, dataset_writer *val, double share, const class_folder *c, const char *name,
                     int32_t label) {
    class_order order = {rng_make_key(p->options->seed, RNG_DATA, rng_hash(name), 0), share > 0};
    int64_t added = 0;
    err code = OK;
    for (int64_t i = 0; i < c->count && code == OK; i++) {
        char *path = text_format("%s/%s", c->path, c->files[file_at(&order, c, i)]);
        bool good;
        code = load(p, path, &good);
        mem_free(path);
        if (code || !good)
            continue;
        bool to_val = floor((double)(added + 1) * share + 0.5) > floor((double)added * share + 0.5);
        code = dataset_writer_add(to_val ? val : train, p->file.bytes, p->file.size, label, &p->picture);
        added++;
    }
    return code;
}

/* The pictures of a tree, labelled by the classes of another (or the same). */
static err add_tree(folder_packer *p, dataset_writer *train, dataset_writer *val, double share, const picture_tree *t,
                    const picture_tree *classes) {
    err code = OK;
    for (int i = 0; i < t->n_classes && code == OK; i++) {
        char **found = bsearch(&t->classes[i], classes->classes, (size_t)classes->n_classes, sizeof *found, text_compare);
        if (!found)
            return fail(ERR_DATA, "%s: no class of that name in %s", t->folders[i].path, classes->root);
        code = add_class(p, train, val, share, &t->folders[i], t->classes[i], (int32_t)(found - classes->classes));
    }
    return code;
}

static err new_writer(folder_packer *p, dataset_writer **w, const char *name, const picture_tree *classes, int64_t count) {
    return dataset_writer_new(w, &(dataset_writer_options){.folder = p->options->out,
                                                           .name = name,
                                                           .classes = classes->classes,
                                                           .n_classes = classes->n_classes,
                                                           .channels = CHANNELS,
                                                           .count = count});
}

static void report_ignored(int64_t count) {
    char number[TEXT_NUMBER];
    if (count)
        log_info("%s file%s left out: no picture by name", text_count(number, count), text_plural(count));
}

/* Both splits lie there. */
static err pack_two(folder_packer *p, const char *train_root, const char *val_root) {
    picture_tree train = {0}, val = {0};
    err code = picture_tree_scan(&train, train_root);
    if (code == OK)
        code = picture_tree_scan(&val, val_root);
    if (code == OK)
        code = new_writer(p, &p->train, "train", &train, train.count);
    if (code == OK)
        code = new_writer(p, &p->val, "val", &train, val.count);
    if (code == OK)
        code = add_tree(p, p->train, NULL, 0, &train, &train);
    if (code == OK)
        code = add_tree(p, p->val, NULL, 0, &val, &train);
    report_ignored(train.ignored + val.ignored);
    picture_tree_reset(&train);
    picture_tree_reset(&val);
    return code;
}

/* One folder is split in two. */
static err pack_one(folder_packer *p, const char *root) {
    double share = p->options->val_share;
    picture_tree all = {0};
    err code = picture_tree_scan(&all, root);
    if (code == OK)
        code = new_writer(p, &p->train, "train", &all, all.count);
    if (code == OK && share > 0)
        code = new_writer(p, &p->val, "val", &all, (int64_t)((double)all.count * share));
    if (code == OK)
        code = add_tree(p, p->train, p->val, share, &all, &all);
    report_ignored(all.ignored);
    if (code == OK && p->val && dataset_writer_count(p->train) > 0 && dataset_writer_count(p->val) == 0)
        code = fail(ERR_DATA, "%s: too few pictures for a val.h5 with --val-share %g", root, share);
    picture_tree_reset(&all);
    return code;
}

static err finish(folder_packer *p) {
    char number[TEXT_NUMBER];
    if (p->skipped)
        log_warn("%s picture%s could not be decoded and %s skipped", text_count(number, p->skipped), text_plural(p->skipped),
                 p->skipped == 1 ? "was" : "were");
    err code = dataset_writer_finish(p->train);
    return code || !p->val ? code : dataset_writer_finish(p->val);
}

/* The first of DIR/val, DIR/valid, DIR/validation, DIR/test that holds folders; or NULL. */
static char *find_val(const char *folder) {
    static const char *const names[] = {"val", "valid", "validation", "test"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = text_format("%s/%s", folder, names[i]);
        if (picture_tree_is_there(path))
            return path;
        mem_free(path);
    }
    return NULL;
}

err pack_folder(const pack_options *options) {
    folder_packer p = {.options = options};
    err code = pack_check_folder(options->source);
    if (code != OK)
        return code;
    char *train = text_format("%s/train", options->source), *val = find_val(options->source);
    bool has_train = picture_tree_is_there(train); /* a folder of pictures may be a class of that name */
    if (has_train && val)
        code = pack_two(&p, train, val);
    else
        code = pack_one(&p, has_train ? train : options->source);
    if (code == OK)
        code = finish(&p);
    dataset_writer_free(p.train);
    dataset_writer_free(p.val);
    image_reset(&p.picture);
    byte_buffer_reset(&p.file);
    mem_free(train);
    mem_free(val);
    return code;
}
