/* data.shuffle: `true`, `false`, or `{block: 256}`. */
#include <string.h>

#include "job/internal.h"

static const job_key block_key = {.section = "data.shuffle", .name = "block", .least = 1, .most = 1e9};

static err read_argument(void *context, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *value) {
    char hint[128];
    if (strcmp(name, block_key.name) == 0)
        return job_read_whole(r, &block_key, value, context);
    return job_error(r, key, block_key.section, name, "unknown key%s",
                     text_suggest(hint, name, &block_key.name, 1, sizeof block_key.name));
}

static err read_shuffle(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    job *j = base;
    int64_t block = 0;
    if (!yaml || yaml->type != YAML_MAPPING_NODE) {
        err code = job_type_bool.read(r, key, yaml, base);
        if (code != OK)
            return job_wrong_type(r, key, yaml, "true, false, or {block: 256}");
        j->data.shuffle_block = 0;
        return OK;
    }
    err code = job_each_pair(r, yaml, block_key.section, read_argument, &block);
    if (code == OK && block == 0)
        code = job_error(r, yaml, block_key.section, block_key.name, "is missing: write {block: 256}, or true");
    if (code == OK) {
        j->data.shuffle = true;
        j->data.shuffle_block = block;
    }
    return code;
}

static void write_shuffle(writer *w, const job_key *key, const void *base) {
    const job *j = base;
    if (j->data.shuffle_block == 0) {
        job_type_bool.write(w, key, base);
        return;
    }
    job_begin_map(w, true);
    job_write_scalar(w, block_key.name);
    job_write_whole(w, j->data.shuffle_block);
    job_end_map(w);
}

const job_type job_type_shuffle = {"true, false, or {block: 256}", read_shuffle, write_shuffle, NULL};
