/* Where this rank runs: its place on the node, the node's name, the library. */
#define _POSIX_C_SOURCE 200809L /* gethostname */
#include "comm/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int local_rank = -1, local_size = -1; /* unknown before comm_init() */

void comm_set_local(int rank, int size) {
    local_rank = rank;
    local_size = size;
}

/* The number at the start of the first of these environment variables that has one, or `otherwise`. */
static int number_from(const char *const *names, int otherwise) {
    for (; *names; names++) {
        const char *value = getenv(*names);
        char *end;
        long number = value ? strtol(value, &end, 10) : 0;
        if (value && end != value && number >= 0)
            return (int)number;
    }
    return otherwise;
}

/* Open MPI, MPICH and Intel MPI, MVAPICH2, SLURM: where a launcher runs inside a SLURM job, the launcher knows better. */
int comm_local_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID",
                                        NULL};
    return local_rank >= 0 ? local_rank : number_from(names, 0);
}

/* SLURM writes `4(x2),3` for nodes with 4, 4 and 3 ranks: the number at the start is right where all nodes are alike. */
int comm_local_size(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE",
                                        "SLURM_STEP_TASKS_PER_NODE", NULL};
    int size = local_size >= 0 ? local_size : number_from(names, 1);
    return size > 0 ? size : 1;
}

const char *comm_library(void) {
    static char name[64];
#ifdef OPEN_MPI
    snprintf(name, sizeof name, "Open MPI %d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#else
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length;
    MPI_Get_library_version(text, &length);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "\n,"), text);
#endif
    return name;
}

const char *comm_host(void) {
    static char name[256];
    if (gethostname(name, sizeof name - 1) != 0)
        snprintf(name, sizeof name, "unknown host");
    return name;
}
