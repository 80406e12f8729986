/* Work shared among ranks: each does its own part for a few seconds, then all meet. Inside of the pack room only. */
#ifndef SHOAL_PACK_TEAM_H
#define SHOAL_PACK_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "comm/comm.h"

/* The ranks; one where MPI is not running. */
typedef struct team {
    comm *ranks; /* or NULL */
    int rank, size;
} team;

team team_of_all(void);

/* As comm_agree(). Collective. */
err team_agree(const team *t, err code);

/* As comm_same(). Collective. */
bool team_same(const team *t, const void *data, size_t bytes);

/* How far the work is: of this rank, or of all. Units of `done`, `before` and `whole` are the caller's. */
typedef struct team_amount {
    double pictures; /* in this run */
    double done;     /* in this run */
    double before;   /* found done */
} team_amount;

typedef struct team_work {
    const char *name;
    double whole; /* of all ranks, in the units of `done` */
    /* A small piece of this rank's work. Adds to `amount`; sets `done` at the end. */
    err (*step)(void *context, team_amount *amount, bool *done);
    void *context;
} team_work;

/* Calls step() on every rank until all are done, or one has failed, and shows progress. Collective. */
err team_run(const team *t, const team_work *work);

/* As comm_gather_equal(). Collective. */
void team_gather(const team *t, const void *mine, void *all, size_t bytes);

/* Sums of whole numbers over the ranks, in place. Collective. */
void team_sum(const team *t, uint64_t *numbers, int count);

#endif
