/* Values of one scalar: text, words, numbers, true and false. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "job/internal.h"

/* ---- text ---- */

err job_read_text(const reading *r, const job_key *key, const yaml_node_t *yaml, char **value) {
    const char *text = job_scalar(yaml);
    if (!text || !*text)
        return job_wrong_type(r, key, yaml, "text");
    *value = mem_string(text);
    return OK;
}

static void release_text(const job_key *key, void *base) {
    char **member = job_member(key, base);
    mem_free(*member);
    *member = NULL;
}

static err read_text(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    char *value = NULL;
    bool may_lack = key->option->standard && strcmp(key->option->standard, "null") == 0;
    err code = may_lack && job_is_null(yaml) ? OK : job_read_text(r, key, yaml, &value);
    if (code != OK)
        return code;
    release_text(key, base);
    *(char **)job_member(key, base) = value;
    return OK;
}

static void write_text(writer *w, const job_key *key, const void *base) {
    job_write_text(w, *(char **)job_member(key, base));
}

const job_type job_type_text = {read_text, write_text, release_text};

/* ---- words of a list ---- */

static err find_word(const reading *r, const job_key *key, const yaml_node_t *yaml, int *found) {
    const char *text = job_scalar(yaml), *word;
    if (!text)
        return job_wrong_type(r, key, yaml, "text");
    char hint[128], all[256] = "";
    for (int i = 0; (word = option_word(key->option, i)); i++) {
        if (strcmp(text, word) == 0) {
            *found = i;
            return OK;
        }
        bool last = !option_word(key->option, i + 1);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i == 0 ? "" : last ? " or " : ", ", word);
    }
    return job_error(r, yaml, key->section, key->option->name, "\"%s\" is not %s%s", text, all,
                     option_suggest_word(hint, key->option, text));
}

static err read_word(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    int found = 0;
    err code = find_word(r, key, yaml, &found);
    if (code == OK) {
        release_text(key, base);
        *(char **)job_member(key, base) = mem_string(option_word(key->option, found));
    }
    return code;
}

const job_type job_type_word = {read_word, write_text, release_text};

static err read_choice(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    int found = 0;
    err code = find_word(r, key, yaml, &found);
    if (code == OK)
        *(int *)job_member(key, base) = found;
    return code;
}

static void write_choice(writer *w, const job_key *key, const void *base) {
    job_write_scalar(w, option_word(key->option, *(int *)job_member(key, base)));
}

const job_type job_type_choice = {read_choice, write_choice, NULL};

/* ---- true and false, in YAML's spellings ---- */

static bool to_bool(const char *text, bool *value) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *value = i % 2;
            return true;
        }
    return false;
}

/* The text of a scalar without quotes, or NULL: what stands in quotes is text. */
static const char *plain(const yaml_node_t *yaml) {
    return yaml && yaml->type == YAML_SCALAR_NODE && yaml->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? job_scalar(yaml) : NULL;
}

static err read_bool(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    const char *text = plain(yaml);
    if (!text || !to_bool(text, job_member(key, base)))
        return job_wrong_type(r, key, yaml, "true or false");
    return OK;
}

static void write_bool(writer *w, const job_key *key, const void *base) {
    job_write_scalar(w, *(bool *)job_member(key, base) ? "true" : "false");
}

const job_type job_type_bool = {read_bool, write_bool, NULL};

/* ---- whole numbers ---- */

static bool is_whole(const char *text) {
    text += *text == '-' || *text == '+';
    return *text && strspn(text, "0123456789") == strlen(text);
}

static err check_range(const reading *r, const job_key *key, const yaml_node_t *yaml, double value) {
    if (value < key->option->least)
        return job_error(r, yaml, key->section, key->option->name, "%s is too small: at least %.15g", job_scalar(yaml), key->option->least);
    if (value > key->option->most)
        return job_error(r, yaml, key->section, key->option->name, "%s is too large: at most %.15g", job_scalar(yaml), key->option->most);
    return OK;
}

err job_read_whole(const reading *r, const job_key *key, const yaml_node_t *yaml, int64_t *value) {
    const char *text = plain(yaml);
    if (!text || !is_whole(text))
        return job_wrong_type(r, key, yaml, "a whole number");
    err code = check_range(r, key, yaml, strtod(text, NULL)); /* bounds are far inside those of int64_t */
    return code == OK && !text_to_whole(text, value) ? job_wrong_type(r, key, yaml, "a whole number") : code;
}

static err read_whole(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    return job_read_whole(r, key, yaml, job_member(key, base));
}

static void write_whole(writer *w, const job_key *key, const void *base) {
    job_write_whole(w, *(int64_t *)job_member(key, base));
}

const job_type job_type_whole = {read_whole, write_whole, NULL};

static err read_int(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    int64_t value = 0;
    err code = job_read_whole(r, key, yaml, &value);
    if (code == OK)
        *(int *)job_member(key, base) = (int)value;
    return code;
}

static void write_int(writer *w, const job_key *key, const void *base) {
    job_write_whole(w, *(int *)job_member(key, base));
}

const job_type job_type_int = {read_int, write_int, NULL};

static err read_seed(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    const char *text = plain(yaml);
    if (!text || !is_whole(text))
        return job_wrong_type(r, key, yaml, "a whole number");
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (*text == '-' || errno == ERANGE)
        return job_error(r, yaml, key->section, key->option->name, "%s does not lie in 0 … %" PRIu64, text, UINT64_MAX);
    *(uint64_t *)job_member(key, base) = value;
    return OK;
}

static void write_seed(writer *w, const job_key *key, const void *base) {
    char text[TEXT_NUMBER];
    snprintf(text, sizeof text, "%" PRIu64, *(uint64_t *)job_member(key, base));
    job_write_scalar(w, text);
}

const job_type job_type_seed = {read_seed, write_seed, NULL};

/* ---- numbers; 1e-4 is one, whatever YAML 1.1 says ---- */

err job_read_real(const reading *r, const job_key *key, const yaml_node_t *yaml, double *value) {
    const char *text = plain(yaml);
    double number = 0;
    if (!text || !text_to_real(text, &number))
        return job_wrong_type(r, key, yaml, "a number");
    err code = check_range(r, key, yaml, number);
    if (code == OK)
        *value = number;
    return code;
}

static err read_real(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base) {
    return job_read_real(r, key, yaml, job_member(key, base));
}

static void write_real(writer *w, const job_key *key, const void *base) {
    job_write_real(w, *(double *)job_member(key, base));
}

const job_type job_type_real = {read_real, write_real, NULL};

bool job_number_or_bool(const yaml_node_t *yaml, double *value) {
    const char *text = plain(yaml);
    bool flag;
    if (text && text_to_real(text, value))
        return true;
    if (!text || !to_bool(text, &flag))
        return false;
    *value = flag;
    return true;
}
