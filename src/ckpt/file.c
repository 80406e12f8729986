/* <shoal/file.h>: checkpoints for programs of others. */
#include <shoal/file.h>

#include "ckpt/internal.h"
#include "comm/comm.h"

struct shoal_checkpoint {
    h5_file *file;
    tensor_places tensors;
};

int shoal_checkpoint_open(shoal_checkpoint **out, const char *path) {
    shoal_checkpoint *c = mem_new(1, sizeof *c);
    h5_guard_start(!comm_is_running()); /* a program that has started MPI must not fork */
    err code = ckpt_open(&c->file, path);
    if (code == OK)
        code = ckpt_find_tensors(c->file, ckpt_weights_group(c->file), &c->tensors);
    if (code != OK) {
        shoal_checkpoint_close(c);
        c = NULL;
    }
    *out = c;
    return (int)code;
}

void shoal_checkpoint_close(shoal_checkpoint *c) {
    if (!c)
        return;
    ckpt_tensors_reset(&c->tensors);
    h5_close(c->file);
    mem_free(c);
}

size_t shoal_checkpoint_count(const shoal_checkpoint *c) {
    return c->tensors.count;
}

const char *shoal_checkpoint_name(const shoal_checkpoint *c, size_t index) {
    return index < c->tensors.count ? c->tensors.list[index].name : "";
}

static err describe(shoal_checkpoint *c, size_t index, h5_info *info, const char **object) {
    *object = NULL;
    if (index >= c->tensors.count)
        return fail(ERR_DATA, "%s: tensor %zu: there are %zu", h5_path(c->file), index, c->tensors.count);
    *object = c->tensors.list[index].object;
    return h5_get_info(c->file, *object, info);
}

int shoal_checkpoint_shape(shoal_checkpoint *c, size_t index, int *rank, int64_t size[4]) {
    h5_info info;
    const char *object;
    err code = describe(c, index, &info, &object);
    if (code != OK)
        return (int)code;
    *rank = info.rank;
    for (int i = 0; i < 4; i++)
        size[i] = i < info.rank ? (int64_t)info.size[i] : 1;
    return 0;
}

int shoal_checkpoint_read(shoal_checkpoint *c, size_t index, float *values, size_t count) {
    h5_info info;
    const char *object;
    err code = describe(c, index, &info, &object);
    if (code == OK && info.count > count)
        code = fail(ERR_DATA, "%s: %s has %zu values, there is room for %zu", h5_path(c->file), object, (size_t)info.count, count);
    if (code == OK)
        code = ckpt_read_tensor(c->file, object, H5_F32, values);
    return (int)code;
}
