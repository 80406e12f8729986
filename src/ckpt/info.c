/* What a checkpoint holds beside the model: attributes of /trainer and /input, /job, /classes. */
#include <string.h>

#include "ckpt/internal.h"

/* The numbers of a ckpt_info as the file has them. No padding, so that one CRC covers them all: attributes have none of their own. */
typedef struct numbers {
    int64_t step, epoch, lanes, batch, best_step;
    uint64_t seed, data_fingerprint;
    double best_top1;
    int64_t image[3];
    float mean[3], std[3];
} numbers;

typedef struct attribute {
    const char *group, *name;
    h5_type type;
    uint64_t count; /* 0: a scalar */
    size_t place;
} attribute;

static const attribute attributes[] = {
    {"trainer", "step", H5_I64, 0, offsetof(numbers, step)},
    {"trainer", "epoch", H5_I64, 0, offsetof(numbers, epoch)},
    {"trainer", "seed", H5_U64, 0, offsetof(numbers, seed)},
    {"trainer", "lanes", H5_I64, 0, offsetof(numbers, lanes)},
    {"trainer", "batch", H5_I64, 0, offsetof(numbers, batch)},
    {"trainer", "best_top1", H5_F64, 0, offsetof(numbers, best_top1)},
    {"trainer", "best_step", H5_I64, 0, offsetof(numbers, best_step)},
    {"trainer", "data_fingerprint", H5_U64, 0, offsetof(numbers, data_fingerprint)},
    {"input", "image", H5_I64, 3, offsetof(numbers, image)}, /* height, width, channels */
    {"input", "mean", H5_F32, 3, offsetof(numbers, mean)},
    {"input", "std", H5_F32, 3, offsetof(numbers, std)},
};
enum { N_ATTRIBUTES = sizeof attributes / sizeof *attributes };

static numbers numbers_of(const ckpt_info *info) {
    numbers n = {
        .step = info->step,
        .epoch = info->epoch,
        .lanes = info->lanes,
        .batch = info->batch,
        .best_step = info->best_step,
        .seed = info->seed,
        .data_fingerprint = info->data_fingerprint,
        .best_top1 = info->best_top1,
        .image = {info->image[0], info->image[1], info->image[2]},
    };
    memcpy(n.mean, info->mean, sizeof n.mean);
    memcpy(n.std, info->std, sizeof n.std);
    return n;
}

static void take_numbers(ckpt_info *info, const numbers *n) {
    info->step = n->step;
    info->epoch = n->epoch;
    info->lanes = (int)n->lanes;
    info->batch = n->batch;
    info->best_step = n->best_step;
    info->seed = n->seed;
    info->data_fingerprint = n->data_fingerprint;
    info->best_top1 = n->best_top1;
    for (int i = 0; i < 3; i++)
        info->image[i] = (int)n->image[i];
    memcpy(info->mean, n->mean, sizeof n->mean);
    memcpy(info->std, n->std, sizeof n->std);
}

static err write_numbers(h5_file *f, const numbers *n) {
    err code = h5_make_group(f, "trainer");
    if (code == OK)
        code = h5_make_group(f, "input");
    for (int i = 0; i < N_ATTRIBUTES && code == OK; i++) {
        const attribute *a = &attributes[i];
        code = h5_write_attribute(f, a->group, a->name, a->type, a->count, (const char *)n + a->place);
    }
    uint32_t crc = ckpt_crc(n, sizeof *n);
    return code == OK ? h5_write_attribute(f, "trainer", "crc32", H5_U32, 0, &crc) : code;
}

static err check_numbers(h5_file *f, const numbers *n) {
    uint32_t is = ckpt_crc(n, sizeof *n), should = is;
    err code = h5_has_attribute(f, "trainer", "crc32") ? h5_read_attribute(f, "trainer", "crc32", H5_U32, 0, &should) : OK;
    if (code == OK && is != should)
        code = fail(ERR_DATA, "%s: the attributes of /trainer and /input are damaged: their CRC-32 is %08x and should be %08x",
                    h5_path(f), is, should);
    return code;
}

static err read_numbers(h5_file *f, numbers *n) {
    err code = OK;
    for (int i = 0; i < N_ATTRIBUTES && code == OK; i++) {
        const attribute *a = &attributes[i];
        if (h5_exists(f, a->group))
            code = h5_read_attribute(f, a->group, a->name, a->type, a->count, (char *)n + a->place);
    }
    return code == OK ? check_numbers(f, n) : code;
}

err ckpt_write_info(h5_file *f, const ckpt_info *info) {
    numbers n = numbers_of(info);
    err code = write_numbers(f, &n);
    if (code == OK && info->job)
        code = ckpt_write_text(f, "job", info->job);
    if (code == OK && info->n_classes > 0)
        code = ckpt_write_texts(f, "classes", info->classes, (uint64_t)info->n_classes);
    return code;
}

/* ---- reading ---- */

static err read_job(h5_file *f, ckpt_info *info) {
    char **texts = NULL;
    uint64_t count = 0;
    err code = ckpt_read_texts(f, "job", &texts, &count);
    if (code == OK && count != 1)
        code = fail(ERR_DATA, "%s: /job is not one text", h5_path(f));
    if (code == OK)
        info->job = mem_string(texts[0]);
    mem_free_strings(texts, count);
    return code;
}

static err read_classes(h5_file *f, ckpt_info *info) {
    uint64_t count = 0;
    err code = ckpt_read_texts(f, "classes", &info->classes, &count);
    info->n_classes = (int)count;
    return code;
}

err ckpt_read_info(const char *path, ckpt_info *info) {
    *info = (ckpt_info){.best_top1 = -1};
    h5_file *f = NULL;
    numbers n = numbers_of(info);
    err code = ckpt_open(&f, path);
    if (code != OK)
        return code;
    if (h5_is_group(f, "trainer"))
        code = read_numbers(f, &n);
    if (code == OK)
        take_numbers(info, &n);
    if (code == OK && h5_exists(f, "job"))
        code = read_job(f, info);
    if (code == OK && h5_exists(f, "classes"))
        code = read_classes(f, info);
    h5_close(f);
    if (code != OK)
        ckpt_info_reset(info);
    return code;
}

void ckpt_info_reset(ckpt_info *info) {
    mem_free(info->job);
    mem_free_strings(info->classes, (size_t)info->n_classes);
    *info = (ckpt_info){0};
}
