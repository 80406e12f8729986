/* Hosts whose ranks are alike, so that a thousand of them make one line. */
#ifndef SHOAL_LAUNCH_HOST_GROUPS_H
#define SHOAL_LAUNCH_HOST_GROUPS_H

#include "launch/launch.h"

typedef struct host_facts {
    int ranks, threads_together, cores_together; /* cores that any of its ranks may use */
    int threads_least, threads_most, cores_least, cores_most; /* of a rank */
    int limit;                            /* of the container, in cores */
    int pinned, pinned_core, pinned_cores; /* ranks that share fewer cores than they are, the first of these and how many; 0: none */
    int crowded;                          /* threads of a rank that has more of them than cores; 0: none */
    uint64_t memory_gb;
} host_facts;

typedef struct host_group {
    host_facts facts;
    const char **names; /* the ranks' */
    int n_names;
} host_group;

typedef struct host_groups {
    host_group *list;
    int count;
} host_groups;

host_groups host_groups_make(const launch_rank *ranks, int count);
void host_groups_free(host_groups *g);

#endif
