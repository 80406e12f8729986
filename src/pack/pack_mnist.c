/* MNIST and its kin: IDX files, http://yann.lecun.com/exdb/mnist (magic, sizes as big-endian 32-bit numbers, then bytes). QMNIST's labels
 * are rows of numbers of 32 bits, of which the first is the class. */
#include "pack/idx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

enum { IMAGES_MAGIC = 0x803, LABELS_MAGIC = 0x801, ROWS_MAGIC = 0xc02, CLASSES = 10, SIDE_MAX = 4096, ROW_MAX = 64 };

/* zlib reads files that are not compressed as they are. */
typedef struct idx_file {
    const char *path;
    gzFile file;
    uint32_t magic, size[3];
    size_t record; /* bytes of a picture or a label */
} idx_file;

static err idx_read(idx_file *f, void *to, size_t bytes) {
    int n = gzread(f->file, to, (unsigned)bytes);
    if (n >= 0 && (size_t)n == bytes)
        return OK;
    int status;
    const char *text = gzerror(f->file, &status);
    if (status == Z_OK || status == Z_BUF_ERROR)
        return fail(ERR_DATA, "%s: truncated", f->path);
    return fail(status == Z_ERRNO ? ERR_IO : ERR_DATA, "%s: cannot be read: %s", f->path, text);
}

static err idx_read_number(idx_file *f, uint32_t *number) {
    uint8_t b[4];
    err code = idx_read(f, b, sizeof b);
    if (code == OK)
        *number = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return code;
}

static bool is_magic(uint32_t magic, idx_kind kind) {
    return kind == IDX_IMAGES ? magic == IMAGES_MAGIC : magic == LABELS_MAGIC || magic == ROWS_MAGIC;
}

static err idx_read_header(idx_file *f, idx_kind kind) {
    err code = idx_read_number(f, &f->magic);
    if (code == OK && !is_magic(f->magic, kind))
        code = fail(ERR_DATA, "%s: not an IDX file of %s: it begins with %" PRIu32 ", not %d", f->path,
                    kind == IDX_IMAGES ? "pictures" : "labels", f->magic, kind == IDX_IMAGES ? IMAGES_MAGIC : LABELS_MAGIC);
    for (uint32_t i = 0; code == OK && i < (f->magic & 0xff); i++)
        code = idx_read_number(f, &f->size[i]);
    return code;
}

/* The sizes that the header names. */
static err idx_check_sizes(idx_file *f) {
    if (f->magic == IMAGES_MAGIC && (f->size[1] < 1 || f->size[1] > SIDE_MAX || f->size[2] < 1 || f->size[2] > SIDE_MAX))
        return fail(ERR_DATA, "%s: pictures of %" PRIu32 " x %" PRIu32 " pixels", f->path, f->size[1], f->size[2]);
    if (f->magic == ROWS_MAGIC && (f->size[1] < 1 || f->size[1] > ROW_MAX))
        return fail(ERR_DATA, "%s: labels of %" PRIu32 " numbers", f->path, f->size[1]);
    f->record = f->magic == IMAGES_MAGIC ? (size_t)f->size[1] * f->size[2] : f->magic == ROWS_MAGIC ? 4 * (size_t)f->size[1] : 1;
    return OK;
}

/* Whether the file can hold so much: deflate makes at most 1032 bytes of one. */
static err idx_check_length(const idx_file *f) {
    struct stat s;
    if (stat(f->path, &s) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", f->path, strerror(errno));
    uint64_t bytes = (uint64_t)f->size[0] * f->record, room = (uint64_t)s.st_size * (gzdirect(f->file) ? 1 : 1032);
    if (bytes <= room)
        return OK;
    return fail(ERR_DATA, "%s: truncated: its header says %" PRIu32 " x %zu bytes", f->path, f->size[0], f->record);
}

static err idx_open(idx_file *f, const char *path, idx_kind kind) {
    errno = 0;
    *f = (idx_file){.path = path, .file = gzopen(path, "rb")};
    if (!f->file && (errno == 0 || errno == ENOMEM))
        return fail(ERR_BROKEN, "%s: out of memory: reader of gzip", path);
    err code = f->file ? idx_read_header(f, kind) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (code == OK)
        code = idx_check_sizes(f);
    return code == OK ? idx_check_length(f) : code;
}

static err idx_expect_end(idx_file *f) {
    uint8_t byte;
    int n = gzread(f->file, &byte, 1);
    if (n == 0)
        return OK;
    return fail(ERR_DATA, "%s: %s", f->path, n < 0 ? "truncated or damaged" : "longer than its header says");
}

static void idx_close(idx_file *f) {
    if (f->file)
        gzclose(f->file);
}

static err check_counts(const idx_file *images, const idx_file *labels) {
    if (images->size[0] != labels->size[0])
        return fail(ERR_DATA, "%s: %" PRIu32 " labels for %" PRIu32 " pictures", labels->path, labels->size[0], images->size[0]);
    return images->size[0] ? OK : fail(ERR_DATA, "%s: holds no picture", images->path);
}

static err read_label(idx_file *labels, uint32_t *label) {
    uint8_t record[4 * ROW_MAX];
    err code = idx_read(labels, record, labels->record);
    *label = record[0];
    if (labels->magic == ROWS_MAGIC)
        *label = (uint32_t)record[0] << 24 | (uint32_t)record[1] << 16 | (uint32_t)record[2] << 8 | record[3];
    return code;
}

static err copy_pictures(dataset_writer *w, idx_file *images, idx_file *labels, int n_classes) {
    uint8_t *pixels = mem_new(images->record, 1);
    uint32_t label = 0;
    err code = OK;
    for (uint32_t i = 0; i < images->size[0] && code == OK; i++) {
        code = idx_read(images, pixels, images->record);
        if (code == OK)
            code = read_label(labels, &label);
        if (code == OK && label >= (uint32_t)n_classes)
            code = fail(ERR_DATA,
                        "%s: label %" PRIu32 " of picture %" PRIu32
                        " is not in 0…%d; where there are more classes, classes.txt names them, one a line",
                        labels->path, label, i, n_classes - 1);
        if (code == OK)
            code = dataset_writer_add(w, pixels, images->record, (int32_t)label);
    }
    mem_free(pixels);
    if (code == OK)
        code = idx_expect_end(images);
    return code == OK ? idx_expect_end(labels) : code;
}

/* One split's pair of files. */
static err read_split(dataset_pair *p, const idx_set *set, split part, dataset_writer_options how) {
    idx_file images = {0}, labels = {0};
    err code = idx_open(&images, set->files[part][IDX_IMAGES], IDX_IMAGES);
    if (code == OK)
        code = idx_open(&labels, set->files[part][IDX_LABELS], IDX_LABELS);
    if (code == OK)
        code = check_counts(&images, &labels);
    how.image = (shape){images.size[1], images.size[2], 1};
    how.count = images.size[0];
    if (code == OK)
        code = dataset_pair_begin(p, part, &how);
    if (code == OK)
        code = copy_pictures(p->writers[part], &images, &labels, how.n_classes);
    idx_close(&images);
    idx_close(&labels);
    return code;
}

/* Classes of a set, by its name. EMNIST's letters count from 1. */
static int count_classes(const char *set) {
    static const struct {
        const char *name;
        int classes;
    } sets[] = {{"emnist-balanced", 47}, {"emnist-bymerge", 47}, {"emnist-byclass", 62}, {"emnist-letters", 27}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (strcasecmp(sets[i].name, set) == 0)
            return sets[i].classes;
    return CLASSES;
}

/* From classes.txt, which lies where the files are or in DIR itself. */
static err read_classes(const idx_set *set, const char *root, char ***names, int *n) {
    char *path = text_format("%s/classes.txt", set->folder);
    if (!pack_file_is_there(path)) {
        mem_free(path);
        path = text_format("%s/classes.txt", root);
    }
    err code = OK;
    if (pack_file_is_there(path)) {
        code = pack_read_lines(path, names, n);
        if (code == OK && (*n < 1 || *n > 256))
            code = fail(ERR_DATA, "%s: %d class names, not 1 to 256", path, *n);
        if (code == OK && pack_check_classes(*names, *n) != OK)
            code = err_prefix("%s", path);
    } else {
        *n = count_classes(set->name);
        pack_number_classes(*n, names);
    }
    mem_free(path);
    return code;
}

err pack_mnist(const pack_options *options) {
    char **classes = NULL;
    int n_classes = 0;
    idx_set set = {0};
    dataset_pair pair = {0};
    err code = pack_check_folder(options->source);
    if (code == OK)
        code = idx_set_find(&set, options->source, options->set);
    if (code == OK)
        code = read_classes(&set, options->source, &classes, &n_classes);
    dataset_writer_options how = {.folder = options->out, .classes = classes, .n_classes = n_classes, .channels = 1};
    if (code == OK)
        code = read_split(&pair, &set, TRAIN, how);
    if (code == OK)
        code = read_split(&pair, &set, VAL, how);
    if (code == OK)
        code = dataset_pair_finish(&pair);
    dataset_pair_free(&pair);
    idx_set_reset(&set);
    mem_free_strings(classes, (size_t)n_classes);
    return code;
}
