/* What the environment tells Open MPI; no other MPI reads these variables. */
#define _POSIX_C_SOURCE 200809L /* setenv, access */
#include "comm/internal.h"

#include <stdlib.h>
#include <unistd.h>

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
    setenv("OMPI_MCA_osc", "^ucx", false); /* which some versions of Open MPI 5 complain about */
}

/* Over TCP Open MPI hands the kernel as much as it takes: a short message then waits behind megabytes of gradients, and with it every
 * rank. */
static void keep_queues_short(void) {
    setenv("OMPI_MCA_btl_tcp_flags", "send", false); /* long messages in fragments, which others can overtake */
    setenv("OMPI_MCA_btl_tcp_sndbuf", "131072", false);
}

void comm_set_environment(void) {
    if (!comm_is_launched())
        start_alone();
    start_quickly();
    keep_queues_short();
}
