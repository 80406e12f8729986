/* Picture files into a set as they are; each is decoded once, to see that it can be. How many may be left out is one rule: none with
 * --strict, one in a hundred by itself, any number with --lenient. */
#define _POSIX_C_SOURCE 200809L
#include "pack/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

enum { LEFT_OUT_OF = 100, NAMED_MOST = 100 };

err intake_begin(intake *in, split part, dataset_writer_options how) {
    in->counts[part] = mem_new((size_t)in->n_classes + 1, sizeof *in->counts[part]);
    how.folder = in->options->out;
    how.classes = in->classes;
    how.n_classes = in->n_classes;
    how.channels = INTAKE_CHANNELS;
    return dataset_pair_begin(&in->pair, part, &how);
}

static err read_picture(intake *in, const char *path) {
    struct stat s;
    if (stat(path, &s) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return fail(ERR_DATA, "%s: no such file", path);
    err code = byte_buffer_read(&in->file, path);
    if (code == OK && image_decode(&in->picture, in->file.bytes, in->file.size, INTAKE_CHANNELS) != OK)
        code = err_prefix("%s", path);
    return code;
}

err intake_load(intake *in, const char *who, const char *path, bool *good) {
    err code = read_picture(in, path);
    if (code != OK && who)
        err_prefix("%s", who);
    *good = code == OK;
    in->found++;
    if (code != ERR_DATA || in->options->strict)
        return code;
    if (in->left_out++ < NAMED_MOST)
        log_warn("%s; left out", err_last()->text);
    if (in->left_out == NAMED_MOST)
        log_warn("others that are left out are not named");
    err_clear();
    return OK;
}

err intake_add(intake *in, split part, dataset_sample sample, const char *path) {
    sample.bytes = in->file.bytes;
    sample.n_bytes = in->file.size;
    sample.decoded = &in->picture;
    for (int i = 0; i < sample.n_labels; i++)
        in->counts[part][sample.labels[i]]++;
    duplicates_add(&in->twice, part, sample.n_labels == 1 ? sample.labels[0] : 0, in->file.bytes, in->file.size, path);
    return dataset_writer_add_sample(in->pair.writers[part], &sample);
}

/* ---- what came of it ---- */

static err check_left_out(const intake *in, const char *source) {
    char left[TEXT_AMOUNT], found[TEXT_NUMBER];
    if (in->left_out == 0)
        return OK;
    text_amount(left, in->left_out, "picture");
    text_count(found, in->found);
    if (in->options->lenient || in->left_out * LEFT_OUT_OF <= in->found) {
        log_warn("%s of %s left out", left, found);
        return OK;
    }
    return fail(ERR_DATA, "%s: %s of %s cannot be decoded, more than one in %d: mend or remove them, or say --lenient to go without them",
                source, left, found, LEFT_OUT_OF);
}

/* A class is there to be learnt: it needs pictures in train. In val it may be missing, but that is said. */
static err check_classes(const intake *in, const char *source, bool split_is_made) {
    const int64_t *train = in->counts[TRAIN], *val = in->counts[VAL];
    int missing = 0, first = 0;
    for (int i = 0; i < in->n_classes; i++) {
        if (train[i] == 0)
            return fail(ERR_DATA, "%s: no picture of class %s %s: leave the class out", source, in->classes[i],
                        val && val[i] ? "is left for train" : "can be decoded");
        if (val && val[i] == 0)
            first = missing++ ? first : i;
    }
    if (val && split_is_made && dataset_writer_count(in->pair.writers[VAL]) == 0)
        return fail(ERR_DATA, "%s: too few pictures for a val.h5 with --val-share %g", source, in->options->val_share);
    if (missing && missing < in->n_classes)
        log_warn("val has no picture of %d of the %d classes: %s%s", missing, in->n_classes, in->classes[first], missing > 1 ? ", …" : "");
    if (in->n_classes == 1)
        log_warn("%s: one class only, %s: there is nothing to learn from it", source, in->classes[0]);
    return OK;
}

err intake_finish(intake *in, const char *source, bool split_is_made) {
    err code = check_left_out(in, source);
    if (code == OK)
        code = check_classes(in, source, split_is_made);
    if (code != OK)
        return code;
    duplicates_report(&in->twice);
    return dataset_pair_finish(&in->pair);
}

void intake_reset(intake *in) {
    dataset_pair_free(&in->pair);
    duplicates_reset(&in->twice);
    image_reset(&in->picture);
    byte_buffer_reset(&in->file);
    for (int i = 0; i < N_SPLITS; i++)
        mem_free(in->counts[i]);
}
