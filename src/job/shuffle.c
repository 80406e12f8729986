/* data.shuffle: `true`, `false`, or `{block: 256}`. */
#include <string.h>

#include "job/internal.h"

static const option block = {.name = "block", .type = OPTION_WHOLE, .least = 1, .most = 1e9};
static const job_key block_key = {.section = "data.shuffle", .option = &block};

static err read_argument(void *context, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *value) {
    char hint[128];
    if (strcmp(name, block.name) == 0)
        return job_read_whole(r, &block_key, value, context);
    return job_error(r, key, block_key.section, name, "unknown key%s", text_suggest(hint, name, &block.name, 1, sizeof block));
}

static err read_shuffle(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    job *j = base;
    int64_t length = 0;
    if (!yaml || yaml->type != YAML_MAPPING_NODE) {
        err code = job_type_bool.read(r, key, yaml, base);
        if (code != OK)
            return job_wrong_type(r, key, yaml, "true, false, or {block: 256}");
        j->data.shuffle_block = 0;
        return OK;
    }
    err code = job_each_pair(r, yaml, block_key.section, read_argument, &length);
    if (code == OK && length == 0)
        code = job_error(r, yaml, block_key.section, block.name, "is missing: write {block: 256}, or true");
    if (code == OK) {
        j->data.shuffle = true;
        j->data.shuffle_block = length;
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
    job_write_scalar(w, block.name);
    job_write_whole(w, j->data.shuffle_block);
    job_end_map(w);
}

const job_type job_type_shuffle = {read_shuffle, write_shuffle, NULL};
