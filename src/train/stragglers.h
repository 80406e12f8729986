/* Who makes whom wait: the time of each rank's steps, compared once an epoch. */
#ifndef SHOAL_TRAIN_STRAGGLERS_H
#define SHOAL_TRAIN_STRAGGLERS_H

#include <stdint.h>

/* Seconds of a rank since the last comparison. Plain data, so that ranks can tell rank 0. */
typedef struct rank_times {
    double compute, data, wait; /* wait: for other ranks */
    int64_t steps;
} rank_times;

typedef struct spread {
    double least, median, most; /* over ranks, seconds a step */
} spread;

enum { STRAGGLERS_NAMED = 3 };

typedef struct rank_comparison {
    spread compute, data, wait;
    int slowest[STRAGGLERS_NAMED]; /* ranks that the others wait for, the slowest first */
    int n_slowest, n_slow;         /* of these named; all of them: 0 where the ranks are even */
    int idlest;                    /* the rank that waits longest */
} rank_comparison;

/* `times` of `count` ranks that have done the same steps. A rank is slow that computes and loads for a tenth longer than the median. */
rank_comparison stragglers_compare(const rank_times *times, int count);

/* `ranks, min/median/max s a step: compute 0.4100/0.4200/0.5200, …; rank 6 on n3 (compute) makes the others wait, rank 0 on n1 waits
 * longest`. `hosts`: every rank's. New string. */
char *stragglers_line(const rank_comparison *c, const rank_times *times, const char *const *hosts);

#endif
