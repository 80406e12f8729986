/* What the files of job share. One table of keys (schema.c) drives reading, defaults, overrides, writing, the comparison at resume and the
 * help; a key's type (value.c, list.c, transforms.c) knows how values of it are read, written and freed. */
#ifndef SHOAL_JOB_INTERNAL_H
#define SHOAL_JOB_INTERNAL_H

#include <stddef.h>
#include <yaml.h>

#include "job/job.h"

/* ---- keys ---- */

typedef struct job_key job_key;
typedef struct reading reading;
typedef struct writer writer;

/* What another value of a key means to a run that is resumed. */
typedef enum job_change {
    JOB_UNSAID, /* no key's: a row must say */
    JOB_FREE,   /* nothing to its result: what is told, how, and where the run stops */
    JOB_RESULT, /* another result: taken over where the command line says so */
    JOB_FIXED,  /* never: what is computed already would not be this job's */
} job_change;

/* Functions get the struct that holds the member: the job, or a transform. */
typedef struct job_type {
    const char *what; /* `a whole number` */
    err (*read)(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base);
    void (*write)(writer *w, const job_key *key, const void *base);
    void (*release)(const job_key *key, void *base); /* NULL: nothing to free */
} job_type;

struct job_key {
    const char *section, *name; /* section "": a key of the top level */
    const job_type *type;
    size_t place;               /* of the member in its struct */
    const char *standard;       /* the default as YAML; NULL: must be given */
    const char *help;
    double least, most;         /* of numbers */
    size_t count_place;         /* lists: of the member that counts (int) */
    int capacity;               /* lists: most elements */
    const char *const *words;   /* words: which there are */
    const int *n_words;
    job_change change;
};

extern const job_key job_keys[];
extern const int n_job_keys;

/* The key, or NULL. `norm_weight_decay` and its like stand for another key where they are not given: that key, or NULL. */
const job_key *job_find_key(const char *section, const char *name);
const job_key *job_key_followed(const job_key *key);
bool job_is_section(const char *word);

/* ` (did you mean "batch"?)`, also where the word is a key of another section. */
char *job_suggest(char out[128], const char *section, const char *word);

/* The section whose other keys are the model's own options. */
#define JOB_OPTIONS_SECTION "model"

static inline void *job_member(const job_key *key, const void *base) {
    return (char *)(uintptr_t)base + key->place;
}

static inline int *job_member_count(const job_key *key, const void *base) {
    return (int *)(void *)((char *)(uintptr_t)base + key->count_place);
}

extern const job_type job_type_text, job_type_word, job_type_bool, job_type_int, job_type_whole, job_type_seed, job_type_real,
    job_type_norm_scope;                                                           /* value.c */
extern const job_type job_type_floats, job_type_ints, job_type_texts, job_type_pair; /* list.c */
extern const job_type job_type_transforms;                                         /* transforms.c */
extern const job_type job_type_shuffle;                                            /* shuffle.c */

void job_print_transforms(FILE *out);

/* ---- reading ---- */

struct reading {
    const char *origin; /* file, or override */
    bool is_override;
    yaml_document_t *document;
};

/* Parses YAML text and calls `use` with its root (NULL: empty). ERR_USAGE with the line where it is not YAML. */
err job_with_document(const char *text, size_t length, const char *origin, bool is_override,
                      err (*use)(void *context, const reading *r, const yaml_node_t *root), void *context);

/* `jobs/x.yaml:12`, or `override train.batch=3`. New string. */
char *job_place_of(const reading *r, const yaml_node_t *yaml);
bool job_is_override(const char *place);

/* Records `PLACE: SECTION.NAME: …` and returns ERR_USAGE. */
err job_error(const reading *r, const yaml_node_t *yaml, const char *section, const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* `"many" is not a whole number`. */
err job_wrong_type(const reading *r, const job_key *key, const yaml_node_t *yaml, const char *what);

/* The text of a scalar that is not null; NULL for everything else. */
const char *job_scalar(const yaml_node_t *yaml);
bool job_is_null(const yaml_node_t *yaml);

const yaml_node_t *job_item(const reading *r, const yaml_node_t *list, int index);
int job_n_items(const yaml_node_t *list);

/* The pairs of a map. ERR_USAGE where a key is no word or stands there twice. */
typedef err pair_function(void *context, const reading *r, const char *name, const yaml_node_t *key, const yaml_node_t *value);
err job_each_pair(const reading *r, const yaml_node_t *map, const char *section, pair_function *use, void *context);

/* A number, true or false (1, 0): false where the node is neither. */
bool job_number_or_bool(const yaml_node_t *yaml, double *value);
err job_read_real(const reading *r, const job_key *key, const yaml_node_t *yaml, double *value);
err job_read_whole(const reading *r, const job_key *key, const yaml_node_t *yaml, int64_t *value);
err job_read_text(const reading *r, const job_key *key, const yaml_node_t *yaml, char **value);

/* Gives a key with a default its default. */
void job_set_standard(const job_key *key, void *base);

/* The same for every key of a section (NULL: of all), and forgets where they were given. */
void job_set_defaults(job *j, const char *section);

/* Reads the text of a file, or an override, over what is there. */
err job_read_file_text(job *j, const char *text, size_t length, const char *origin);
err job_read_override(job *j, const char *text);

/* Where the key or the model's option was given; NULL: nowhere. */
char **job_place_slot(const job *j, const char *section, const char *name);

/* What can be checked without data and model, once everything is read. */
err job_check(job *j, const char *origin);

/* ---- writing ---- */

writer *job_writer_new(void);
char *job_writer_finish(writer *w); /* the text, a new string; frees the writer */
void job_write_scalar(writer *w, const char *text);
void job_write_text(writer *w, const char *text); /* quoted where it would read as something else; NULL: null */
void job_write_real(writer *w, double value);
void job_write_float(writer *w, float value);
void job_write_whole(writer *w, int64_t value);
void job_begin_map(writer *w, bool flow);
void job_end_map(writer *w);
void job_begin_list(writer *w);
void job_end_list(writer *w);

#endif
