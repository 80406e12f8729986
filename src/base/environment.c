#include "base/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cores.h"
#include "base/text.h"

enum { MANY_RANKS = 1 << 24, LONGEST_NUMBER = 24 };

typedef struct variable {
    const char *name;
    int64_t least, most;
    const char *tail; /* what may follow the number: a comma and more of a list; or one of these units */
    const char *what;
} variable;

static const variable table[] = {
    {"OMP_NUM_THREADS", 1, CORES_MAX, ",", "a number of threads"}, /* or a list, one for every level of nesting */
    {"SHOAL_PIECE_BYTES", 1, INT32_MAX, "", "a number of bytes"},
    {"SHOAL_RANKS_PER_NODE", 1, MANY_RANKS, "", "a number of ranks"},
    {"SHOAL_END_TIME", 0, INT64_MAX, "", "a time in seconds since 1970"},
    {"SLURM_JOB_END_TIME", 0, INT64_MAX, "", "a time in seconds since 1970"},
    {"SLURM_MEM_PER_NODE", 0, INT64_MAX >> 40, "MGT", "a number of megabytes"},
    {"SLURM_NTASKS", 1, MANY_RANKS, "", "a number of tasks"},
    {"SLURM_RESTART_COUNT", 0, INT32_MAX, "", "a number of restarts"},
    {"SLURM_STEP_NUM_TASKS", 1, MANY_RANKS, "", "a number of tasks"},
};
enum { N_VARIABLES = sizeof table / sizeof *table };

static bool is_tail(const char *tail, const char *text) {
    return !*text || (strchr(tail, *text) && (*text == ',' || !text[1]));
}

static bool read_number(const variable *v, const char *text, int64_t *number) {
    char digits[LONGEST_NUMBER];
    size_t length = strspn(text, "0123456789");
    if (length >= sizeof digits || !is_tail(v->tail, text + length))
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!text_to_whole(digits, number) || *number < v->least || *number > v->most)
        return false;
    *number <<= text[length] == 'G' ? 10 : text[length] == 'T' ? 20 : 0;
    return true;
}

err environment_check(void) {
    for (int i = 0; i < N_VARIABLES; i++) {
        const variable *v = &table[i];
        const char *text = getenv(v->name);
        int64_t number;
        if (text && *text && !read_number(v, text, &number))
            return fail(ERR_USAGE, "%s is \"%s\" in the environment: %s from %lld to %lld is needed, or unset it", v->name, text, v->what,
                        (long long)v->least, (long long)v->most);
    }
    return OK;
}

int64_t environment_number(const char *name, int64_t otherwise) {
    const char *text = getenv(name);
    int64_t number;
    for (int i = 0; text && i < N_VARIABLES; i++)
        if (strcmp(table[i].name, name) == 0 && read_number(&table[i], text, &number))
            return number;
    return otherwise;
}
