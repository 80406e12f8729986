/* option: a named argument of a kind (an optimiser, a schedule, a transform, …) or of a section of a job. Its row stands in the file of
 * what it belongs to, and says all that checks, help, suggestions, jobs and the comparison of jobs at resume need to know. */
#ifndef SHOAL_BASE_OPTION_H
#define SHOAL_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>

/* What it is, and the member that holds it. */
typedef enum option_type {
    OPTION_BOOL,    /* bool */
    OPTION_INT,     /* int */
    OPTION_WHOLE,   /* int64_t */
    OPTION_SEED,    /* uint64_t */
    OPTION_REAL,    /* double */
    OPTION_PAIR,    /* double[2] */
    OPTION_RANGE,   /* double[2], the first not above the second */
    OPTION_TEXT,    /* char *, which belongs to the struct; NULL only where that is the default */
    OPTION_WORD,    /* char * likewise: one of `words`, or the name of one of `kinds` */
    OPTION_CHOICE,  /* an enum: the place of a word among `words` */
    OPTION_FLOATS,  /* float[capacity], counted by an int */
    OPTION_INTS,    /* int[capacity], counted by an int */
    OPTION_TEXTS,   /* char *[capacity], counted by an int */
    OPTION_LIST,    /* option_list: some of `kinds`, each with its options */
    OPTION_OTHER,   /* what one room alone can read; `other` says how */
    OPTION_KINDS,   /* no option: here stand those of all `kinds`. const void *: the struct of the chosen one, which is named above */
    OPTION_DEFAULT, /* no option: a kind's default for the option of this name that its section has */
} option_type;

/* What another value means to a run that is resumed. */
typedef enum option_change {
    OPTION_UNSAID, /* no option's: a row must say, where jobs are compared by it */
    OPTION_FREE,   /* nothing to its result: what is told, how, and where the run stops */
    OPTION_RESULT, /* another result: taken over where the command line says so */
    OPTION_FIXED,  /* never: what is computed already would not be this job's */
} option_change;

typedef struct option_kind option_kind;

typedef struct option_row { /* `struct option` is getopt.h's */
    const char *name;
    option_type type;
    size_t place;         /* of the member in its struct */
    const char *standard; /* the default, as a job would say it; or the name of the option that it follows; NULL: must be given */
    const char *help;     /* one line for people */
    double least, most;   /* of numbers */
    size_t count_place;   /* of the int that counts */
    int capacity;
    const char *const *words;               /* up to a NULL */
    const option_kind *(*kinds)(int index); /* NULL behind the last */
    const void *other;
    bool quiet; /* a resolved job says it only where it is not the default: those of before the option came stay as they are */
    option_change change;
} option;

/* What is chosen by its name, with options of its own. The table entry of every kind has one of these. */
struct option_kind {
    const char *name;
    const option *options;
    int n_options;
    size_t size;       /* of the options' struct */
    bool in_every_job; /* a resolved job says these options whichever kind is chosen, as all have done since version 1 */
};

enum { OPTION_MAX_LIST = 16 };

/* A kind with its options: `values` is its struct. */
typedef struct option_item {
    const option_kind *kind;
    void *values;
} option_item;

typedef struct option_list {
    option_item list[OPTION_MAX_LIST];
    int count;
} option_list;

static inline void *option_member(const option *o, const void *values) {
    return (char *)(size_t)values + o->place;
}

static inline int *option_count(const option *o, const void *values) {
    return (int *)(void *)((char *)(size_t)values + o->count_place);
}

/* The word of this number of a choice of words or kinds; NULL behind the last. */
const char *option_word(const option *o, int index);

/* The kind of this name, or NULL; the option of this name, or NULL. */
const option_kind *option_find_kind(const option_kind *(*kinds)(int index), const char *name);
const option *option_find(const option_kind *kind, const char *name);

/* The kind's OPTION_DEFAULT of this name, or NULL. */
const option *option_default(const option_kind *kind, const char *name);

/* ` (did you mean "x"?)` for the nearest of the words or kinds; of the kind's options. Into `out`, which is returned. */
char *option_suggest_word(char out[128], const option *o, const char *word);
char *option_suggest(char out[128], const option_kind *kind, const char *word);

/* For callers without a job: a new struct of zeros, and one number or flag of it. The option must be there. */
void *option_new(const option_kind *kind);
void option_set_number(const option_kind *kind, void *values, const char *name, double value);

#endif
