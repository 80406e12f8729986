/* What the environment tells of the launcher, and what it tells Open MPI. Only Open MPI reads these variables. */
#define _POSIX_C_SOURCE 200809L /* setenv, access */
#include "comm/internal.h"

#include <stdlib.h>
#include <unistd.h>

/* This process's rank, or NULL where nothing has launched it. */
static const char *launched_as(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return value;
    }
    return NULL;
}

int comm_launcher_rank(void) {
    const char *rank = launched_as();
    return rank ? atoi(rank) : 0;
}

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

/* Open MPI takes half a second to start: 0.4 of it goes to libraries that look long for adapters of fast networks, 0.1 to a daemon for
 * processes that are not launched but might launch others. */
static void start_quickly(void) {
    bool fast_network = is_there("/sys/class/infiniband") || is_there("/sys/class/cxi");
    if (!fast_network) {
        setenv("OMPI_MCA_mtl", "^ofi,psm,psm2", false);
        setenv("OMPI_MCA_btl", "^uct,openib,ofi", false);
    }
    if (!launched_as())
        setenv("OMPI_MCA_ess_singleton_isolated", "1", false);
}

/* Over TCP Open MPI hands the kernel as much as it takes: a short message then waits behind megabytes of gradients, and with it every
 * rank. */
static void keep_queues_short(void) {
    setenv("OMPI_MCA_btl_tcp_flags", "send", false); /* long messages in fragments, which others can overtake */
    setenv("OMPI_MCA_btl_tcp_sndbuf", "131072", false);
}

void comm_set_environment(void) {
    start_quickly();
    keep_queues_short();
}
