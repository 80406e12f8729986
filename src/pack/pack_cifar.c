/* CIFAR-10 and CIFAR-100, binary version, https://www.cs.toronto.edu/~kriz/cifar.html: a record is one or two bytes of label (the last
 * is the fine one), then 1024 red, 1024 green and 1024 blue bytes, row by row. */
#define _POSIX_C_SOURCE 200809L
#include "pack/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, LABELS_MAX = 2 };

typedef struct cifar {
    const char *name;  /* of the kind */
    const char *below; /* the folder that the archive unpacks to */
    const char *archive;
    const char *python; /* a file of the version that Python reads */
    const char *train;  /* pattern of file names */
    const char *test;
    const char *names; /* file of class names */
    int n_train;       /* files of the whole set */
    int n_classes, label_bytes;
    const char *const *known; /* class names where that file is missing, or NULL: numbers */
} cifar;

static const char *const cifar10_names[] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
static const cifar cifar10 = {"cifar10",
                              "cifar-10-batches-bin",
                              "cifar-10-binary.tar.gz",
                              "cifar-10-batches-py",
                              "data_batch_*.bin",
                              "test_batch.bin",
                              "batches.meta.txt",
                              5,
                              10,
                              1,
                              cifar10_names};
static const cifar cifar100 = {"cifar100",
                               "cifar-100-binary",
                               "cifar-100-binary.tar.gz",
                               "cifar-100-python",
                               "train.bin",
                               "test.bin",
                               "fine_label_names.txt",
                               1,
                               100,
                               2,
                               NULL};

static err count_records(const path_list *files, int record, int64_t *records) {
    for (int i = 0; i < files->count; i++) {
        struct stat s;
        if (stat(files->paths[i], &s) != 0)
            return fail(ERR_IO, "%s: cannot be read: %s", files->paths[i], strerror(errno));
        if (s.st_size == 0 || s.st_size % record != 0)
            return fail(ERR_DATA, "%s: truncated or no CIFAR file: %lld bytes are no whole number of records of %d bytes", files->paths[i],
                        (long long)s.st_size, record);
        *records += s.st_size / record;
    }
    return OK;
}

static void interleave(const uint8_t *planes, uint8_t *pixels) {
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = planes[c * PLANE + i];
}

static err copy_file(dataset_writer *w, const cifar *kind, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    uint8_t record[LABELS_MAX + PIXELS], pixels[PIXELS];
    size_t bytes = (size_t)kind->label_bytes + PIXELS;
    err code = OK;
    for (int64_t i = 0; code == OK && fread(record, 1, bytes, file) == bytes; i++) {
        int label = record[kind->label_bytes - 1];
        interleave(record + kind->label_bytes, pixels);
        if (label >= kind->n_classes)
            code = fail(ERR_DATA, "%s: label %d of picture %" PRId64 " is not in 0…%d", path, label, i, kind->n_classes - 1);
        else
            code = dataset_writer_add(w, pixels, sizeof pixels, label);
    }
    if (code == OK && ferror(file))
        code = fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    return code;
}

/* None are read where no file is there. */
static err read_files(dataset_pair *p, split part, const cifar *kind, const path_list *files, dataset_writer_options how) {
    err code = count_records(files, kind->label_bytes + PIXELS, &how.count);
    if (code || files->count == 0)
        return code;
    code = dataset_pair_begin(p, part, &how);
    for (int i = 0; i < files->count && code == OK; i++)
        code = copy_file(p->writers[part], kind, files->paths[i]);
    return code;
}

static err read_classes(const cifar *kind, const char *folder, char ***names, int *n) {
    char *path = text_format("%s/%s", folder, kind->names);
    err code = OK;
    if (pack_file_is_there(path)) {
        code = pack_read_lines(path, names, n);
        if (code == OK && *n != kind->n_classes)
            code = fail(ERR_DATA, "%s: %d class names, not %d", path, *n, kind->n_classes);
        if (code == OK && pack_check_classes(*names, *n) != OK)
            code = err_prefix("%s", path);
    } else {
        *n = kind->n_classes;
        pack_number_classes(*n, names);
        for (int i = 0; kind->known && i < *n; i++) {
            mem_free((*names)[i]);
            (*names)[i] = mem_string(kind->known[i]);
        }
    }
    mem_free(path);
    return code;
}

static void report_missing(const cifar *kind, const char *folder, int train_files, int test_files) {
    if (train_files == 0)
        log_warn("%s: has no %s", folder, kind->train);
    else if (train_files < kind->n_train)
        log_warn("%s: has %d of the %d files %s", folder, train_files, kind->n_train, kind->train);
    if (test_files == 0)
        log_warn("%s: has no %s", folder, kind->test);
}

/* What lies there instead. */
static err refuse(const cifar *kind, const char *folder) {
    const cifar *other = kind == &cifar10 ? &cifar100 : &cifar10;
    char *archive = text_format("%s/%s", folder, kind->archive), *python = text_format("%s/%s", folder, kind->python);
    char *batch = text_format("%s/data_batch_1", folder), *meta = text_format("%s/meta", folder);
    char *theirs = text_format("%s/%s", folder, other->test), *below = text_format("%s/%s", folder, other->below);
    struct stat s;
    err code;
    if (stat(python, &s) == 0 || pack_file_is_there(batch) || pack_file_is_there(meta))
        code = fail(ERR_DATA, "%s: holds the version for Python (pickle files); get the binary version, %s", folder, kind->archive);
    else if (pack_file_is_there(archive))
        code = fail(ERR_DATA, "%s: is not unpacked: tar -xzf %s -C %s", archive, archive, folder);
    else if (pack_file_is_there(theirs) || stat(below, &s) == 0)
        code = fail(ERR_DATA, "%s: holds %s, not %s: `shoal pack %s`", folder, other->name, kind->name, other->name);
    else
        code = fail(ERR_DATA, "%s: has neither %s nor %s", folder, kind->train, kind->test);
    mem_free(archive);
    mem_free(python);
    mem_free(batch);
    mem_free(meta);
    mem_free(theirs);
    mem_free(below);
    return code;
}

static err pack_from(const cifar *kind, const pack_options *options, const char *folder) {
    char **classes = NULL;
    int n_classes = 0;
    path_list train = {0}, test = {0};
    dataset_pair pair = {0};
    err code = path_find(&train, folder, kind->train);
    if (code == OK)
        code = path_find(&test, folder, kind->test);
    if (code == OK && train.count + test.count == 0)
        code = refuse(kind, options->source);
    if (code == OK)
        code = read_classes(kind, folder, &classes, &n_classes);
    dataset_writer_options how = {
        .folder = options->out, .classes = classes, .n_classes = n_classes, .image = {SIDE, SIDE, 3}, .channels = 3};
    if (code == OK)
        code = read_files(&pair, TRAIN, kind, &train, how);
    if (code == OK)
        code = read_files(&pair, VAL, kind, &test, how);
    if (code == OK)
        report_missing(kind, folder, train.count, test.count);
    if (code == OK)
        code = dataset_pair_finish(&pair);
    dataset_pair_free(&pair);
    mem_free_strings(classes, (size_t)n_classes);
    path_list_reset(&train);
    path_list_reset(&test);
    return code;
}

/* The files lie in the folder given, or in the one of the archive below it. */
static err pack_cifar(const cifar *kind, const pack_options *options) {
    err code = pack_check_folder(options->source);
    if (code != OK)
        return code;
    char *below = text_format("%s/%s", options->source, kind->below);
    struct stat s;
    bool is_below = stat(below, &s) == 0 && S_ISDIR(s.st_mode);
    code = pack_from(kind, options, is_below ? below : options->source);
    mem_free(below);
    return code;
}

err pack_cifar10(const pack_options *options) {
    return pack_cifar(&cifar10, options);
}

err pack_cifar100(const pack_options *options) {
    return pack_cifar(&cifar100, options);
}
