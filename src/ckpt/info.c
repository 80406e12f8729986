/* What a checkpoint holds beside the model: attributes of /trainer and /input, /job, /classes, and the run's past (past.c). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ckpt/internal.h"

/* The numbers of a ckpt_info as the file has them. No padding, so that one CRC covers them: attributes have none of their own. In version 1
 * it ends before what version 2 has added. */
typedef struct numbers {
    int64_t step, epoch, lanes, batch, best_step;
    uint64_t seed, data_fingerprint;
    double best_value;
    int64_t image[3];
    float mean[3], std[3];
    int64_t updates, rollbacks;
    double lr_factor;
} numbers;

typedef struct attribute {
    const char *group, *name;
    h5_type type;
    uint64_t count; /* 0: a scalar */
    size_t place;
    int version; /* that alone has it; 0: each has it */
} attribute;

static const attribute attributes[] = {
    {"trainer", "step", H5_I64, 0, offsetof(numbers, step), 0},
    {"trainer", "epoch", H5_I64, 0, offsetof(numbers, epoch), 0},
    {"trainer", "seed", H5_U64, 0, offsetof(numbers, seed), 0},
    {"trainer", "lanes", H5_I64, 0, offsetof(numbers, lanes), 0},
    {"trainer", "batch", H5_I64, 0, offsetof(numbers, batch), 0},
    {"trainer", "best_top1", H5_F64, 0, offsetof(numbers, best_value), 1},
    {"trainer", "best_value", H5_F64, 0, offsetof(numbers, best_value), 2},
    {"trainer", "best_step", H5_I64, 0, offsetof(numbers, best_step), 0},
    {"trainer", "updates", H5_I64, 0, offsetof(numbers, updates), 2},
    {"trainer", "lr_factor", H5_F64, 0, offsetof(numbers, lr_factor), 2},
    {"trainer", "rollbacks", H5_I64, 0, offsetof(numbers, rollbacks), 2},
    {"trainer", "data_fingerprint", H5_U64, 0, offsetof(numbers, data_fingerprint), 0},
    {"input", "image", H5_I64, 3, offsetof(numbers, image), 0}, /* height, width, channels */
    {"input", "mean", H5_F32, 3, offsetof(numbers, mean), 0},
    {"input", "std", H5_F32, 3, offsetof(numbers, std), 0},
};
enum {
    N_ATTRIBUTES = sizeof attributes / sizeof *attributes,
    MOST_SIDE = 1 << 16,     /* of a picture: a job's sizes end there */
    MOST_UNVOUCHED = 1 << 22 /* numbers of it, where no checksum says that the numbers are as they were written */
};

static numbers numbers_of(const ckpt_info *info) {
    numbers n = {
        .step = info->step,
        .epoch = info->epoch,
        .lanes = info->lanes,
        .batch = info->batch,
        .best_step = info->best_step,
        .seed = info->seed,
        .data_fingerprint = info->data_fingerprint,
        .best_value = info->best_value,
        .image = {info->image[0], info->image[1], info->image[2]},
        .updates = info->updates,
        .rollbacks = info->rollbacks,
        .lr_factor = info->lr_factor,
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
    info->best_value = n->best_value;
    info->updates = n->updates;
    info->rollbacks = n->rollbacks;
    info->lr_factor = n->lr_factor;
    for (int i = 0; i < 3; i++)
        info->image[i] = (int)n->image[i];
    memcpy(info->mean, n->mean, sizeof n->mean);
    memcpy(info->std, n->std, sizeof n->std);
}

static bool is_in(const attribute *a, int64_t version) {
    return a->version == 0 || a->version == version;
}

static uint32_t crc_of(const numbers *n, int64_t version) {
    return ckpt_crc(n, version == 1 ? offsetof(numbers, updates) : sizeof *n);
}

static err write_numbers(h5_file *f, const numbers *n) {
    err code = h5_make_group(f, "trainer");
    if (code == OK)
        code = h5_make_group(f, "input");
    for (int i = 0; i < N_ATTRIBUTES && code == OK; i++) {
        const attribute *a = &attributes[i];
        if (is_in(a, CKPT_VERSION))
            code = h5_write_attribute(f, a->group, a->name, a->type, a->count, (const char *)n + a->place);
    }
    uint32_t crc = crc_of(n, CKPT_VERSION);
    return code == OK ? h5_write_attribute(f, "trainer", "crc32", H5_U32, 0, &crc) : code;
}

/* Memory is planned for what is said here: it has to be a picture's size, or none at all. */
static err check_picture(h5_file *f, const int64_t image[3], bool vouched) {
    bool none = image[0] == 0 && image[1] == 0 && image[2] == 0, good = true;
    for (int i = 0; i < 3; i++)
        good = good && image[i] >= 1 && image[i] <= MOST_SIDE;
    if (none || (good && (vouched || image[0] * image[1] <= MOST_UNVOUCHED / image[2])))
        return OK;
    return fail(ERR_DATA,
                "%s: /input speaks of pictures of %" PRId64 " x %" PRId64 " with %" PRId64 " channels: damaged; take another checkpoint",
                h5_path(f), image[0], image[1], image[2]);
}

static err check_numbers(h5_file *f, const numbers *n, int64_t version) {
    uint32_t is = crc_of(n, version), should = is;
    bool vouched = h5_has_attribute(f, "trainer", "crc32");
    err code = vouched ? h5_read_attribute(f, "trainer", "crc32", H5_U32, 0, &should) : OK;
    if (code == OK && is != should)
        code = fail(ERR_DATA, "%s: the attributes of /trainer and /input are damaged: their CRC-32 is %08x and should be %08x", h5_path(f),
                    is, should);
    if (code == OK && (n->lanes < 0 || n->lanes > INT32_MAX))
        code = fail(ERR_DATA, "%s: /trainer speaks of %" PRId64 " lanes: damaged; take another checkpoint", h5_path(f), n->lanes);
    return code == OK ? check_picture(f, n->image, vouched) : code;
}

static err read_numbers(h5_file *f, numbers *n) {
    int64_t version = ckpt_version(f);
    err code = OK;
    for (int i = 0; i < N_ATTRIBUTES && code == OK; i++) {
        const attribute *a = &attributes[i];
        if (is_in(a, version) && h5_exists(f, a->group))
            code = h5_read_attribute(f, a->group, a->name, a->type, a->count, (char *)n + a->place);
    }
    if (code == OK && version == 1)
        n->updates = n->step;
    return code == OK ? check_numbers(f, n, version) : code;
}

err ckpt_write_info(h5_file *f, const ckpt_info *info) {
    numbers n = numbers_of(info);
    err code = write_numbers(f, &n);
    if (code == OK)
        code = h5_write_attribute_text(f, "trainer", "best_metric", info->best_metric);
    if (code == OK && info->job)
        code = ckpt_write_text(f, "job", info->job);
    if (code == OK && info->n_classes > 0)
        code = ckpt_write_texts(f, "classes", info->classes, (uint64_t)info->n_classes);
    return code == OK ? ckpt_write_past(f, info) : code;
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

static err read_best_metric(h5_file *f, ckpt_info *info) {
    char *name = NULL;
    err code = h5_read_attribute_text(f, "trainer", "best_metric", &name);
    if (code == OK)
        snprintf(info->best_metric, sizeof info->best_metric, "%s", name);
    mem_free(name);
    return code;
}

static err read_all(h5_file *f, ckpt_info *info) {
    numbers n = numbers_of(info);
    err code = h5_is_group(f, "trainer") ? read_numbers(f, &n) : OK;
    if (code == OK)
        take_numbers(info, &n);
    if (code == OK && h5_is_group(f, "trainer") && ckpt_version(f) > 1)
        code = read_best_metric(f, info);
    if (code == OK && h5_exists(f, "job"))
        code = read_job(f, info);
    if (code == OK && h5_exists(f, "classes"))
        code = read_classes(f, info);
    if (code == OK)
        code = ckpt_read_past(f, info);
    if (code == OK && info->n_jobs == 0 && info->job)
        ckpt_add_job(info, 0, info->job);
    return code;
}

ckpt_info ckpt_info_new(void) {
    return (ckpt_info){.best_metric = "top1", .best_value = -1, .lr_factor = 1};
}

err ckpt_read_info(const char *path, ckpt_info *info) {
    *info = ckpt_info_new();
    h5_file *f = NULL;
    err code = ckpt_open(&f, path);
    if (code == OK)
        code = read_all(f, info);
    code = ckpt_close(f, code);
    if (code != OK)
        ckpt_info_reset(info);
    return code;
}

void ckpt_info_reset(ckpt_info *info) {
    mem_free(info->job);
    for (int i = 0; i < info->n_jobs; i++)
        mem_free(info->jobs[i].yaml);
    mem_free(info->jobs);
    mem_free(info->history);
    mem_free_strings(info->classes, (size_t)info->n_classes);
    *info = (ckpt_info){0};
}
