/* launch: how a run stands on its hosts: which ranks are where with what, the classic mistakes of a launch in plain words, who makes whom
 * wait, when it must have ended, and whether it still gets on. */
#ifndef SHOAL_LAUNCH_H
#define SHOAL_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* ---- ranks and hosts ---- */

/* What a rank knows of itself. Plain data, so that ranks can tell rank 0. */
typedef struct launch_rank {
    char host[64];
    core_set cores; /* that it may use */
    int threads;
    int limit;       /* processor time that its container grants, in cores */
    bool bound;      /* to fewer processors than the host has */
    uint64_t memory; /* of the host, bytes */
} launch_rank;

/* Everybody's, in rank order, on rank 0; NULL elsewhere. Free with mem_free(). Collective. */
launch_rank *launch_gather(void);

/* Their hosts, in rank order, for messages. Free the array with mem_free(). NULL where `ranks` is. */
const char **launch_hosts(const launch_rank *ranks, int count);

/* Host names in short: `n[001-004,007]`, as SLURM writes them. New string. The names are put in order; a name that comes twice is told once. */
char *hosts_short(const char **names, int count);

/* `2 ranks on 1 host, 4 threads`, and a line for each group of equal hosts. New string of whole lines. */
char *launch_table(const launch_rank *ranks, int count);

/* A line for each mistake: more threads than cores, ranks pinned to the same cores, more ranks than cores. New string of whole lines,
 * empty where all is well. */
char *launch_mistakes(const launch_rank *ranks, int count);

/* SLURM's tasks against MPI's ranks: srun forgotten in a batch script. New string; NULL where all is well. */
char *launch_idle_tasks(int ranks);

/* `8 lanes on 3 ranks: 2 ranks have 3, 1 has 2 and waits …`: what shares that are not equal cost. New string; NULL where they are. */
char *launch_shares(int lanes, int ranks);

/* How to stop with a checkpoint where the launcher's own ways lose it. New string; NULL where they do not. */
char *launch_advice(void);

/* Rank 0: prints all of it. */
void launch_announce(const launch_rank *ranks, int count);

/* ---- stragglers: who makes whom wait, compared once an epoch ---- */

/* Seconds of a rank since the last comparison. Plain data, so that ranks can tell rank 0. */
typedef struct rank_times {
    double compute, data, wait; /* wait: for other ranks */
    int64_t steps;
    double share; /* of the lanes, beside what a rank has on the average */
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

/* `times` of `count` ranks that have done the same steps. A rank is slow that computes and loads for a tenth longer than the median, beside
 * what its share of the lanes takes. */
rank_comparison stragglers_compare(const rank_times *times, int count);

/* `ranks, min/median/max s a step: compute 0.4100/0.4200/0.5200, …; rank 6 on n3 (compute) makes the others wait, rank 0 on n1 waits
 * longest`. `hosts`: every rank's. New string. */
char *stragglers_line(const rank_comparison *c, const rank_times *times, const char *const *hosts);

/* ---- deadline: SLURM's limit of the job, or train.max_seconds, whichever comes first; rank 0 alone looks at the clock and votes ---- */

typedef struct deadline {
    double end;         /* on time_now()'s clock; INFINITY: none */
    double allotment;   /* seconds from this process's start to `end` */
    double margin;      /* seconds that the end of the process is given */
    double longest_step, save_seconds; /* measured; of saving an estimate before that */
    bool warned;        /* that an epoch does not fit */
} deadline;

/* Asks SLURM when the job ends where its environment does not tell (SHOAL_END_TIME, SLURM_JOB_END_TIME: seconds since 1970): runs squeue,
 * so before MPI is started. On rank 0. */
void launch_ask_slurm(void);

/* `max_seconds` since the start of this process, 0: no limit; `checkpoint_bytes` for the first estimate. */
void deadline_init(deadline *d, double max_seconds, size_t checkpoint_bytes);

/* What was measured. */
void deadline_add_step(deadline *d, double seconds);
void deadline_add_save(deadline *d, double seconds);

/* Whether a step that begins now is the last one that leaves time for a checkpoint, where `more` seconds of other work follow it. */
bool deadline_is_near(const deadline *d, double more);

/* One warning where an epoch of `steps_per_epoch` steps, and the rest of the run too, take longer than the whole limit. */
void deadline_warn_of_epoch(deadline *d, double step_seconds, int64_t steps_per_epoch, int64_t steps_left);

/* ---- watchdog: where no rank has got on for train.stall_seconds, it says where each of them is and ends the job ---- */

typedef struct watchdog watchdog;

/* Starts a thread that reads place_read() and tells the other ranks. `stall_seconds` 0: *out is NULL and nothing is watched. The job ends
 * with ERR_BROKEN. Collective. */
err watchdog_start(watchdog **out, double stall_seconds);
void watchdog_stop(watchdog *w); /* collective; NULL is allowed */

#endif
