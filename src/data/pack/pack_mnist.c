/* MNIST and its kin: IDX files, http://yann.lecun.com/exdb/mnist (magic, sizes as big-endian 32-bit numbers, then bytes). */
#include "data/pack/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

enum { IMAGES_MAGIC = 0x803, LABELS_MAGIC = 0x801, CLASSES = 10, SIDE_MAX = 4096 };

/* zlib reads files that are not compressed as they are. */
typedef struct idx_file {
    char *path;
    gzFile file;
    uint32_t size[3];
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

static err idx_read_header(idx_file *f, uint32_t wanted) {
    uint32_t magic;
    err code = idx_read_number(f, &magic);
    if (code == OK && magic != wanted)
        code = fail(ERR_DATA, "%s: not an IDX file of %s: it begins with %" PRIu32 ", not %" PRIu32, f->path,
                    wanted == IMAGES_MAGIC ? "pictures" : "labels", magic, wanted);
    for (uint32_t i = 0; i < (wanted & 0xff) && code == OK; i++)
        code = idx_read_number(f, &f->size[i]);
    return code;
}

/* FOLDER/STEM.gz or FOLDER/STEM. */
static err idx_open(idx_file *f, const char *folder, const char *stem, uint32_t magic) {
    *f = (idx_file){.path = text_format("%s/%s.gz", folder, stem)};
    if (!pack_file_is_there(f->path)) {
        mem_free(f->path);
        f->path = text_format("%s/%s", folder, stem);
    }
    if (!pack_file_is_there(f->path))
        return fail(ERR_IO, "%s: no such file, and none with .gz", f->path);
    f->file = gzopen(f->path, "rb");
    return f->file ? idx_read_header(f, magic) : fail(ERR_IO, "%s: cannot be read", f->path);
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
    mem_free(f->path);
}

static err check_sizes(const idx_file *images, const idx_file *labels) {
    if (images->size[0] != labels->size[0])
        return fail(ERR_DATA, "%s: %" PRIu32 " labels for %" PRIu32 " pictures", labels->path, labels->size[0], images->size[0]);
    for (int i = 1; i < 3; i++)
        if (images->size[i] < 1 || images->size[i] > SIDE_MAX)
            return fail(ERR_DATA, "%s: pictures of %" PRIu32 " x %" PRIu32 " pixels", images->path, images->size[1], images->size[2]);
    return images->size[0] ? OK : fail(ERR_DATA, "%s: holds no picture", images->path);
}

static err copy_pictures(dataset_writer *w, idx_file *images, idx_file *labels, int n_classes) {
    size_t bytes = (size_t)images->size[1] * images->size[2];
    uint8_t *pixels = mem_new(bytes, 1), label;
    err code = OK;
    for (uint32_t i = 0; i < images->size[0] && code == OK; i++) {
        code = idx_read(images, pixels, bytes);
        if (code == OK)
            code = idx_read(labels, &label, 1);
        if (code == OK && label >= n_classes)
            code = fail(ERR_DATA, "%s: label %d of picture %" PRIu32 " is not in 0…%d", labels->path, label, i, n_classes - 1);
        if (code == OK)
            code = dataset_writer_add(w, pixels, bytes, label, NULL);
    }
    mem_free(pixels);
    if (code == OK)
        code = idx_expect_end(images);
    return code == OK ? idx_expect_end(labels) : code;
}

/* Reads the pair of files STEM-images… and STEM-labels… into a writer that is left unfinished. */
static err read_pair(dataset_writer **w, const pack_options *o, const char *stem, dataset_writer_options how) {
    char *images_name = text_format("%s-images-idx3-ubyte", stem), *labels_name = text_format("%s-labels-idx1-ubyte", stem);
    idx_file images = {0}, labels = {0};
    err code = idx_open(&images, o->source, images_name, IMAGES_MAGIC);
    if (code == OK)
        code = idx_open(&labels, o->source, labels_name, LABELS_MAGIC);
    if (code == OK)
        code = check_sizes(&images, &labels);
    how.image = (shape){images.size[1], images.size[2], 1};
    how.count = images.size[0];
    if (code == OK)
        code = dataset_writer_new(w, &how);
    if (code == OK)
        code = copy_pictures(*w, &images, &labels, how.n_classes);
    idx_close(&images);
    idx_close(&labels);
    mem_free(images_name);
    mem_free(labels_name);
    return code;
}

static err read_classes(const char *folder, char ***names, int *n) {
    char *path = text_format("%s/classes.txt", folder);
    err code = OK;
    if (pack_file_is_there(path)) {
        code = pack_read_lines(path, names, n);
        if (code == OK && (*n < 1 || *n > 256))
            code = fail(ERR_DATA, "%s: %d class names, not 1 to 256", path, *n);
    } else {
        *n = CLASSES;
        pack_number_classes(CLASSES, names);
    }
    mem_free(path);
    return code;
}

err pack_mnist(const pack_options *options) {
    char **classes = NULL;
    int n_classes = 0;
    dataset_writer *train = NULL, *val = NULL;
    err code = pack_check_folder(options->source);
    if (code == OK)
        code = read_classes(options->source, &classes, &n_classes);
    dataset_writer_options how = {.folder = options->out, .name = "train", .classes = classes, .n_classes = n_classes, .channels = 1};
    if (code == OK)
        code = read_pair(&train, options, "train", how);
    how.name = "val";
    if (code == OK)
        code = read_pair(&val, options, "t10k", how);
    if (code == OK)
        code = dataset_writer_finish(train);
    if (code == OK)
        code = dataset_writer_finish(val);
    dataset_writer_free(train);
    dataset_writer_free(val);
    mem_free_strings(classes, (size_t)n_classes);
    return code;
}
