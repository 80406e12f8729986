/* The labels of ImageNet's validation pictures: from the devkit, packed or unpacked, or from one of the lists that are about. */
#define _POSIX_C_SOURCE 200809L
#include "pack/imagenet.h"
#include "pack/synsets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char truth_name[] = "ILSVRC2012_validation_ground_truth.txt", meta_name[] = "meta.mat";

/* The two files of the devkit that matter. */
typedef struct devkit {
    byte_buffer truth, meta;
} devkit;

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static err unpack_devkit(devkit *kit, int fd, const char *path) {
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    tar *t;
    tar_member member;
    bool found = true;
    err code = tar_open(&t, fd, path, 0, status.st_size, true);
    while (code == OK && found) {
        code = tar_next(t, &member, &found);
        if (code == OK && found && ends_with(member.name, truth_name))
            code = tar_read(t, &kit->truth);
        else if (code == OK && found && ends_with(member.name, meta_name))
            code = tar_read(t, &kit->meta);
    }
    tar_close(t);
    return code;
}

static err read_packed(devkit *kit, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    err code = unpack_devkit(kit, fd, path);
    if (fd >= 0)
        close(fd);
    return code;
}

static err read_unpacked(devkit *kit, const char *folder) {
    char *truth = text_format("%s/%s", folder, truth_name), *meta = text_format("%s/%s", folder, meta_name);
    err code = byte_buffer_read(&kit->truth, truth);
    if (code == OK)
        code = byte_buffer_read(&kit->meta, meta);
    mem_free(truth);
    mem_free(meta);
    return code;
}

static err use_devkit(source *s, const devkit *kit, const char *path) {
    if (kit->truth.size == 0 || kit->meta.size == 0)
        return fail(ERR_DATA, "%s: has no data/%s", path, kit->truth.size ? meta_name : truth_name);
    if (memchr(kit->truth.bytes, '\0', kit->truth.size))
        return fail(ERR_DATA, "%s: %s is no text", path, truth_name);
    char **wnids;
    int count;
    err code = synsets_read(kit->meta.bytes, kit->meta.size, &wnids, &count);
    if (code != OK)
        return err_prefix("%s: %s", path, meta_name);
    char *truth = mem_new(kit->truth.size + 1, 1);
    memcpy(truth, kit->truth.bytes, kit->truth.size);
    code = label_list_from_truth(&s->labels, path, truth, wnids, count);
    if (code == OK && s->n_classes == 0)
        code = label_list_classes(&s->labels, &s->classes, &s->n_classes);
    if (code == OK)
        code = label_list_resolve(&s->labels, s->classes, s->n_classes);
    mem_free(truth);
    mem_free_strings(wnids, (size_t)count);
    return code;
}

static err use_list(source *s, const char *path) {
    err code = label_list_read(&s->labels, path);
    if (code == OK && s->n_classes == 0)
        code = label_list_classes(&s->labels, &s->classes, &s->n_classes);
    return code == OK ? label_list_resolve(&s->labels, s->classes, s->n_classes) : code;
}

static err read_devkit(source *s, const char *path, err (*read)(devkit *, const char *)) {
    devkit kit = {0};
    err code = read(&kit, path);
    if (code == OK)
        code = use_devkit(s, &kit, path);
    byte_buffer_reset(&kit.truth);
    byte_buffer_reset(&kit.meta);
    return code;
}

err source_read_labels(source *s, const char *root) {
    char *packed = text_format("%s/ILSVRC2012_devkit_t12.tar.gz", root), *unpacked = text_format("%s/ILSVRC2012_devkit_t12/data", root);
    char *truth = text_format("%s/%s", unpacked, truth_name);
    char *kaggle = text_format("%s/LOC_val_solution.csv", root), *list = text_format("%s/val.txt", root);
    err code;
    if (pack_file_is_there(packed))
        code = read_devkit(s, packed, read_packed);
    else if (pack_file_is_there(truth))
        code = read_devkit(s, unpacked, read_unpacked);
    else if (pack_file_is_there(kaggle) || pack_file_is_there(list))
        code = use_list(s, pack_file_is_there(kaggle) ? kaggle : list);
    else
        code =
            fail(ERR_IO,
                 "%s: no labels of the validation pictures: ILSVRC2012_devkit_t12.tar.gz, LOC_val_solution.csv or val.txt has to lie there",
                 root);
    mem_free(packed);
    mem_free(unpacked);
    mem_free(truth);
    mem_free(kaggle);
    mem_free(list);
    return code;
}
