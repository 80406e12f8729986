/* Lists of numbers and of texts. */
#include "job/internal.h"

static err check_length(const reading *r, const job_key *key, const yaml_node_t *yaml, const char *what) {
    if (!yaml || yaml->type != YAML_SEQUENCE_NODE)
        return job_wrong_type(r, key, yaml, what);
    if (job_n_items(yaml) > key->option->capacity)
        return job_error(r, yaml, key->section, key->option->name, "%d elements are too many: at most %d", job_n_items(yaml),
                         key->option->capacity);
    return OK;
}

/* ---- numbers ---- */

static err read_floats(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    float *values = job_member(key, base);
    err code = check_length(r, key, yaml, "a list of numbers, like [0.5, 0.5, 0.5]");
    int count = code == OK ? job_n_items(yaml) : 0;
    for (int i = 0; i < count && code == OK; i++) {
        double value = 0;
        code = job_read_real(r, key, job_item(r, yaml, i), &value);
        values[i] = (float)value;
    }
    if (code == OK)
        *job_member_count(key, base) = count;
    return code;
}

static void write_floats(writer *w, const job_key *key, const void *base) {
    const float *values = job_member(key, base);
    job_begin_list(w);
    for (int i = 0; i < *job_member_count(key, base); i++)
        job_write_float(w, values[i]);
    job_end_list(w);
}

const job_type job_type_floats = {read_floats, write_floats, NULL};

static err read_ints(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    int *values = job_member(key, base);
    err code = check_length(r, key, yaml, "a list of whole numbers, like [30, 60, 80]");
    int count = code == OK ? job_n_items(yaml) : 0;
    for (int i = 0; i < count && code == OK; i++) {
        int64_t value = 0;
        code = job_read_whole(r, key, job_item(r, yaml, i), &value);
        values[i] = (int)value;
    }
    if (code == OK)
        *job_member_count(key, base) = count;
    return code;
}

static void write_ints(writer *w, const job_key *key, const void *base) {
    const int *values = job_member(key, base);
    job_begin_list(w);
    for (int i = 0; i < *job_member_count(key, base); i++)
        job_write_whole(w, values[i]);
    job_end_list(w);
}

const job_type job_type_ints = {read_ints, write_ints, NULL};

/* ---- two numbers ---- */

static err read_two(const reading *r, const job_key *key, const yaml_node_t *yaml, const char *what, double *low, double *high) {
    if (!yaml || yaml->type != YAML_SEQUENCE_NODE || job_n_items(yaml) != 2)
        return job_wrong_type(r, key, yaml, what);
    err code = job_read_real(r, key, job_item(r, yaml, 0), low);
    return code == OK ? job_read_real(r, key, job_item(r, yaml, 1), high) : code;
}

static err read_pair(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    double *values = job_member(key, base), first, second;
    err code = read_two(r, key, yaml, "a list of two numbers, like [0.9, 0.999]", &first, &second);
    if (code == OK) {
        values[0] = first;
        values[1] = second;
    }
    return code;
}

static err read_range(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    double *values = job_member(key, base), low, high;
    err code = read_two(r, key, yaml, "a list of two numbers, like [0.08, 1]", &low, &high);
    if (code == OK && low > high)
        code = job_error(r, yaml, key->section, key->option->name, "[%g, %g] must rise", low, high);
    if (code == OK) {
        values[0] = low;
        values[1] = high;
    }
    return code;
}

static void write_pair(writer *w, const job_key *key, const void *base) {
    const double *values = job_member(key, base);
    job_begin_list(w);
    job_write_real(w, values[0]);
    job_write_real(w, values[1]);
    job_end_list(w);
}

const job_type job_type_pair = {read_pair, write_pair, NULL};
const job_type job_type_range = {read_range, write_pair, NULL};

/* ---- texts ---- */

static void release_texts(const job_key *key, void *base) {
    char **values = job_member(key, base);
    int *count = job_member_count(key, base);
    while (*count > 0)
        mem_free(values[--*count]);
}

static err read_texts(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    char **values = job_member(key, base);
    int *count = job_member_count(key, base);
    err code = check_length(r, key, yaml, "a list of texts, like [\"layer1.*\", conv1.weight]");
    if (code != OK)
        return code;
    release_texts(key, base);
    for (int n = job_n_items(yaml); *count < n && code == OK; *count += code == OK)
        code = job_read_text(r, key, job_item(r, yaml, *count), &values[*count]);
    return code;
}

static void write_texts(writer *w, const job_key *key, const void *base) {
    char **values = job_member(key, base);
    job_begin_list(w);
    for (int i = 0; i < *job_member_count(key, base); i++)
        job_write_text(w, values[i]);
    job_end_list(w);
}

const job_type job_type_texts = {read_texts, write_texts, release_texts};
