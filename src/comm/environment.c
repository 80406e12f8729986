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

/* A step of SLURM's counts where its ranks find each other (PMIx): a plain srun starts programs that are none of MPI's. */
int comm_launcher_size(void) {
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    if (!size)
        size = getenv("PMI_SIZE");
    if (!size && getenv("PMIX_RANK"))
        size = getenv("SLURM_STEP_NUM_TASKS");
    return size ? atoi(size) : 0;
}

int comm_launcher_local_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMIX_LOCAL_RANK", "PMI_LOCAL_RANK",
                                        "SLURM_LOCALID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return atoi(value);
    }
    return launched_as() ? -1 : 0;
}

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

/* A process that is not launched needs neither the daemon that would let it launch others (0.1 s) nor a way to others. Without the daemon
 * all such processes of a user have the same name, so they must not have folders or shared memory, which would be the same ones. */
static void start_alone(void) {
    setenv("OMPI_MCA_ess_singleton_isolated", "1", false);
    setenv("OMPI_MCA_orte_create_session_dirs", "0", false);
    setenv("OMPI_MCA_btl", "self", false);
}

/* 0.4 of the half second that Open MPI takes to start go to libraries that look long for adapters of fast networks. */
static void start_quickly(void) {
    if (is_there("/sys/class/infiniband") || is_there("/sys/class/cxi"))
        return;
    setenv("OMPI_MCA_mtl", "^ofi,psm,psm2", false);
    setenv("OMPI_MCA_btl", "^uct,openib,ofi", false);
}

/* Over TCP Open MPI hands the kernel as much as it takes: a short message then waits behind megabytes of gradients, and with it every
 * rank. */
static void keep_queues_short(void) {
    setenv("OMPI_MCA_btl_tcp_flags", "send", false); /* long messages in fragments, which others can overtake */
    setenv("OMPI_MCA_btl_tcp_sndbuf", "131072", false);
}

void comm_set_environment(void) {
    if (!launched_as())
        start_alone();
    start_quickly();
    keep_queues_short();
}
