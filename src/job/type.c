/* From the type of an option to how its values stand in a job. */
#include "job/internal.h"

static const job_type *const types[] = {
    [OPTION_BOOL] = &job_type_bool,     [OPTION_INT] = &job_type_int,       [OPTION_WHOLE] = &job_type_whole,
    [OPTION_SEED] = &job_type_seed,     [OPTION_REAL] = &job_type_real,     [OPTION_PAIR] = &job_type_pair,
    [OPTION_RANGE] = &job_type_range,   [OPTION_TEXT] = &job_type_text,     [OPTION_WORD] = &job_type_word,
    [OPTION_CHOICE] = &job_type_choice, [OPTION_FLOATS] = &job_type_floats, [OPTION_INTS] = &job_type_ints,
    [OPTION_TEXTS] = &job_type_texts,   [OPTION_LIST] = &job_type_list,
};

const job_type *job_type_of(const option *o) {
    return o->type == OPTION_OTHER ? o->other : types[o->type];
}
