/* How the run was launched: which ranks stand where with what; and the classic mistakes of a launch, in plain words. */
#ifndef SHOAL_TRAIN_LAUNCH_H
#define SHOAL_TRAIN_LAUNCH_H

#include "base/base.h"

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

/* `2 ranks on 1 host, 4 threads`, and a line for each group of equal hosts. New string of whole lines. */
char *launch_table(const launch_rank *ranks, int count);

/* A line for each mistake: more threads than cores, ranks pinned to the same cores, more ranks than cores. New string of whole lines,
 * empty where all is well. */
char *launch_mistakes(const launch_rank *ranks, int count);

/* SLURM's tasks against MPI's ranks: srun forgotten in a batch script. New string; NULL where all is well. */
char *launch_idle_tasks(int ranks);

/* How to stop with a checkpoint where the launcher's own ways lose it. New string; NULL where they do not. */
char *launch_advice(void);

/* Rank 0: prints all of it. */
void launch_announce(const launch_rank *ranks, int count);

#endif
