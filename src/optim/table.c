/* The kinds of optimisers and schedules, in the order in which people are told of them. */
#include <string.h>

#include "optim/internal.h"

static const optim_kind *const optims[] = {&optim_sgd, &optim_adamw};
static const schedule_kind *const schedules[] = {&schedule_constant, &schedule_step, &schedule_multistep, &schedule_cosine, &schedule_poly};

enum { N_OPTIMS = sizeof optims / sizeof *optims, N_SCHEDULES = sizeof schedules / sizeof *schedules };

const option_kind *optim_kind_at(int index) {
    return index < N_OPTIMS ? &optims[index]->kind : NULL;
}

const option_kind *schedule_kind_at(int index) {
    return index < N_SCHEDULES ? &schedules[index]->kind : NULL;
}

const optim_kind *optim_find(const char *name) {
    for (int i = 0; i < N_OPTIMS; i++)
        if (strcmp(name, optims[i]->kind.name) == 0)
            return optims[i];
    return NULL;
}

const schedule_kind *schedule_find(const char *name) {
    for (int i = 0; i < N_SCHEDULES; i++)
        if (strcmp(name, schedules[i]->kind.name) == 0)
            return schedules[i];
    return NULL;
}
