/* What says that a file is a checkpoint, and a whole one. */
#include <inttypes.h>
#include <string.h>

#include "ckpt/internal.h"

static err check_format(h5_file *f) {
    char *format = NULL;
    int64_t version = 0;
    if (!h5_has_attribute(f, "/", "format") && ckpt_holds_weights(f))
        return OK; /* weights that somebody else wrote */
    if (!h5_has_attribute(f, "/", "format") || h5_read_attribute_text(f, "/", "format", &format) != OK)
        return fail(ERR_DATA, "%s: is no checkpoint: it has no attribute format, and no weights in it either", h5_path(f));
    err code = OK;
    if (strcmp(format, "shoal-checkpoint") != 0)
        code = fail(ERR_DATA, "%s: is no checkpoint: its format is \"%s\"", h5_path(f), format);
    mem_free(format);
    if (code == OK)
        code = h5_read_attribute(f, "/", "version", H5_I64, 0, &version);
    if (code == OK && (version < 1 || version > CKPT_VERSION))
        code = fail(ERR_DATA, "%s: is a checkpoint of version %" PRId64 ", this program reads versions 1 to %d", h5_path(f), version,
                    CKPT_VERSION);
    if (code == OK && version > 1 && !h5_is_sealed(f))
        code = fail(ERR_DATA, "%s: damaged: the checksum at its end is missing; or another program has changed it", h5_path(f));
    if (code == OK && !h5_is_group(f, "model"))
        code = fail(ERR_DATA, "%s: holds no /model", h5_path(f));
    return code;
}

int64_t ckpt_version(h5_file *f) {
    int64_t version = 1;
    if (h5_has_attribute(f, "/", "version"))
        h5_read_attribute(f, "/", "version", H5_I64, 0, &version);
    return version;
}

err ckpt_open(h5_file **out, const char *path) {
    err code = h5_open(out, path);
    if (code != OK)
        return code;
    code = check_format(*out);
    if (code != OK) {
        code = ckpt_close(*out, code);
        *out = NULL;
    }
    return code;
}

err ckpt_close(h5_file *f, err code) {
    if (f)
        code = h5_check_trouble(f, code);
    h5_close(f);
    return code;
}

static err verify_texts(h5_file *f, const char *object) {
    char **texts = NULL;
    uint64_t count = 0;
    err code = ckpt_read_texts(f, object, &texts, &count);
    mem_free_strings(texts, count);
    return code;
}

static err verify_dataset(h5_file *f, const char *object) {
    h5_info info;
    err code = h5_get_info(f, object, &info);
    if (code != OK)
        return code;
    if (info.type == H5_STRING)
        return verify_texts(f, object);
    size_t bytes = ckpt_type_bytes(info.type);
    if (bytes == 0)
        return OK; /* nothing of ours */
    void *values = mem_new(info.count, bytes);
    code = ckpt_read_tensor(f, object, info.type, values);
    mem_free(values);
    return code;
}

/* Each object comes once, whatever groups hold each other. */
static err verify_object(void *context, h5_file *f, const char *object, h5_kind kind) {
    (void)context;
    return kind == H5_DATASET ? verify_dataset(f, object + 1) : OK; /* without the slash in front */
}

err ckpt_verify(const char *path) {
    h5_file *f = NULL;
    ckpt_info info = {0};
    err code = h5_read_through(path);
    if (code == OK)
        code = ckpt_open(&f, path);
    if (code == OK)
        code = h5_walk(f, "/", verify_object, NULL);
    code = ckpt_close(f, code);
    if (code == OK)
        code = ckpt_read_info(path, &info);
    ckpt_info_reset(&info);
    return code;
}
