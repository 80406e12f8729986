/* <shoal/file.h>: data sets for programs of others. */
#include <shoal/file.h>

#include <inttypes.h>

#include "comm/comm.h"
#include "data/data.h"
#include "h5/h5.h"

const char *shoal_last_error(void) {
    return err_last()->text;
}

struct shoal_dataset {
    dataset *data;
    image picture;
    byte_buffer bytes;
};

int shoal_dataset_open(shoal_dataset **out, const char *pattern) {
    *out = NULL;
    dataset *data = NULL;
    h5_guard_start(!comm_is_running()); /* a program that has started MPI must not fork */
    err code = dataset_open(&data, pattern);
    if (code != OK)
        return (int)code;
    *out = mem_new(1, sizeof **out);
    (*out)->data = data;
    return 0;
}

void shoal_dataset_close(shoal_dataset *d) {
    if (!d)
        return;
    dataset_close(d->data);
    image_reset(&d->picture);
    byte_buffer_reset(&d->bytes);
    mem_free(d);
}

int64_t shoal_dataset_count(const shoal_dataset *d) {
    return dataset_count(d->data);
}

int shoal_dataset_classes(const shoal_dataset *d) {
    return dataset_n_classes(d->data);
}

const char *shoal_dataset_class(const shoal_dataset *d, int label) {
    return label >= 0 && label < dataset_n_classes(d->data) ? dataset_class(d->data, label) : "";
}

int shoal_dataset_read(shoal_dataset *d, int64_t id, const uint8_t **pixels, int *height, int *width, int *channels, int *label) {
    if (id < 0 || id >= dataset_count(d->data))
        return (int)fail(ERR_DATA, "sample %" PRId64 ": the set has %" PRId64 " samples", id, dataset_count(d->data));
    int32_t stored = 0;
    err code = dataset_label(d->data, id, &stored);
    if (code == OK)
        code = dataset_image(d->data, id, &d->picture, &d->bytes);
    if (code != OK)
        return (int)code;
    *pixels = d->picture.pixels;
    *height = d->picture.height;
    *width = d->picture.width;
    *channels = d->picture.channels;
    *label = stored;
    return 0;
}
