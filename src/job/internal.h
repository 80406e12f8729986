/* What the files of job share. One table of keys (schema.c), made of the options' rows, drives reading, defaults, overrides, writing, the
 * comparison at resume and the help; an option's type (type.c) says how its values are read, written and freed. */
#ifndef SHOAL_JOB_INTERNAL_H
#define SHOAL_JOB_INTERNAL_H

#include <stddef.h>
#include <yaml.h>

#include "job/job.h"

/* ---- keys ---- */

typedef struct job_key job_key;
typedef struct reading reading;
typedef struct writer writer;

/* How values of a type of option are read, written and freed. Functions get the struct that holds the member. */
typedef struct job_type {
    err (*read)(const reading *r, const job_key *key, const yaml_node_t *yaml, void *base);
    void (*write)(writer *w, const job_key *key, const void *base);
    void (*release)(const job_key *key, void *base); /* NULL: nothing to free */
} job_type;

/* An option at its place: in a section of the job, or of a transform. */
struct job_key {
    const char *section; /* "": a key of the top level; the transform's name */
    const option *option;
    const option_kind *kind; /* of which of the section's kinds it is an option; NULL: of the section itself */
    int own;                 /* … and its struct is job.own[own]; -1: the member is the job's */
    bool is_twin;            /* a kind before it has an option of this name: they are read together */
};

/* A section, whose rows stand in the file of its name. */
typedef struct job_section {
    const char *name;
    const option *options;
    int n_options;
} job_section;

extern const job_section job_section_top, job_section_model, job_section_data;                /* section_data.c */
extern const job_section job_section_train, job_section_comm;                                 /* section_train.c */
extern const job_section job_section_optimizer, job_section_schedule;                         /* section_optimizer.c */
extern const job_section job_section_init, job_section_checkpoint, job_section_log;           /* section_files.c */

/* One of a section's kinds. */
typedef struct job_own {
    const char *section;
    const option_kind *kind;
    const option *chosen; /* whose member points to the struct of the kind that is chosen */
} job_own;

enum { JOB_MAX_KEYS = 256, JOB_MAX_OWN = 64 };

/* Every key of a job: the sections' own options, and those of their kinds. */
typedef struct job_schema {
    job_key keys[JOB_MAX_KEYS];
    job_own own[JOB_MAX_OWN];
    int n_keys, n_own;
} job_schema;

const job_schema *job_keys(void);
int job_n_keys(void);

/* The key, or NULL. `norm_weight_decay` and its like stand for another key where they are not given: that key, or NULL. */
const job_key *job_find_key(const char *section, const char *name);
const job_key *job_key_followed(const job_key *key);
bool job_is_section(const char *word);

/* Whether the job has chosen the kind of which this is an option. Options of no kind always count as chosen. */
bool job_key_is_chosen(const job *j, const job_key *key);

/* Of a key and its twins the one whose value is the job's: that of the chosen kind, or else of one that is in every job; NULL where a
 * resolved job does not say it. */
const job_key *job_key_said(const job *j, const job_key *key);

/* The struct that holds the key's member. */
void *job_base(const job *j, const job_key *key);

/* ` (did you mean "batch"?)`, also where the word is a key of another section. */
char *job_suggest(char out[128], const char *section, const char *word);

/* The section whose other keys are the model's own options. */
#define JOB_OPTIONS_SECTION "model"

static inline void *job_member(const job_key *key, const void *base) {
    return option_member(key->option, base);
}

static inline int *job_member_count(const job_key *key, const void *base) {
    return option_count(key->option, base);
}

const job_type *job_type_of(const option *o); /* type.c */

extern const job_type job_type_text, job_type_word, job_type_choice, job_type_bool, job_type_int, job_type_whole, job_type_seed,
    job_type_real;                                                                                        /* value.c */
extern const job_type job_type_floats, job_type_ints, job_type_texts, job_type_pair, job_type_range;      /* list.c */
extern const job_type job_type_list;                                                                      /* kind_list.c */
extern const job_type job_type_shuffle;                                                                   /* shuffle.c */

/* The kinds that stand in a list, with their options and defaults. */
void job_print_list(FILE *out, const option *list);

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

/* Gives a key the value that `text` says; its default, where it has one. */
void job_set_text(const job_key *key, void *base, const char *text);
void job_set_standard(const job_key *key, void *base);

/* The same for every key of a section (NULL: of all), and forgets where they were given. */
void job_set_defaults(job *j, const char *section);

/* Reads the text of a file, or an override, over what is there. */
err job_read_file_text(job *j, const char *text, size_t length, const char *origin);
err job_read_override(job *j, const char *text);

/* Where the key or the model's option was given. NULL: there is no such key. */
job_given *job_given_of(const job *j, const char *section, const char *name);

/* What can be checked without data and model, once everything is read. */
err job_check(job *j, const char *origin);

/* ---- writing ---- */

/* The value of a key as it stands in a job file. New string. */
char *job_value_text(const job_key *key, const job *j);

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
