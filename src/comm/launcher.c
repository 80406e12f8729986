/* What the environment tells of who launched this process, and whether MPI has found the others that were launched with it. */
#include "comm/internal.h"

#include <stdlib.h>

/* Where launchers tell a process how many there are and which of them it is. mpirun's own words come first: it may have started its
 * helpers with srun. Within SLURM only a step has launched anything, not the batch script, whatever the job was granted. */
typedef struct launcher {
    const char *size, *rank;
    const char *remedy; /* where the processes do not find each other; NULL: the right mpirun */
} launcher;

enum { STEP = 3 }; /* SLURM's place */

static const launcher launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", NULL}, /* Open MPI */
    {"PMI_SIZE", "PMI_RANK", NULL},                         /* MPICH, Intel MPI; srun --mpi=pmi2 */
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", NULL},   /* MVAPICH */
    [STEP] = {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "try `srun --mpi=pmix` (`srun --mpi=list` shows what there is)"},
    {"MPI_LOCALNRANKS", "MPI_LOCALRANKID", NULL}, /* MPICH's kin, of this node alone */
};
enum { N_LAUNCHERS = sizeof launchers / sizeof *launchers };

static const char *value_of(const char *variable) {
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

static const launcher *find_launcher(void) {
    for (int i = 0; i < N_LAUNCHERS; i++)
        if (value_of(launchers[i].size) && value_of(launchers[i].rank))
            return &launchers[i];
    return NULL;
}

/* This process's rank, or NULL where nothing has launched it. */
static const char *launched_as(void) {
    static const char *const others[] = {"PMIX_RANK", "SLURM_PROCID"}; /* which come without a number of processes too */
    const launcher *l = find_launcher();
    if (l)
        return value_of(l->rank);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (value_of(others[i]))
            return value_of(others[i]);
    return NULL;
}

bool comm_is_launched(void) {
    return launched_as() != NULL;
}

int comm_launcher_rank(void) {
    const char *rank = launched_as();
    return rank ? atoi(rank) : 0;
}

/* A step of SLURM's counts where its ranks find each other (PMIx): a plain srun starts programs that are none of MPI's. */
int comm_launcher_size(void) {
    const launcher *l = find_launcher();
    return l && (l != &launchers[STEP] || value_of("PMIX_RANK")) ? atoi(value_of(l->size)) : 0;
}

int comm_launcher_local_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMIX_LOCAL_RANK", "PMI_LOCAL_RANK",
                                        "SLURM_LOCALID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_of(names[i]))
            return atoi(value_of(names[i]));
    return comm_is_launched() ? -1 : 0;
}

err comm_check_connected(int ranks) {
    const launcher *l = find_launcher();
    int processes = l ? atoi(value_of(l->size)) : 1;
    if (ranks > 1 || processes <= 1)
        return OK;
    char *mpirun = text_format("use the mpirun of %s", comm_library());
    err code =
        fail(ERR_USAGE,
             "%d processes were launched (%s), but MPI connects none of them: each would run the whole job by itself; %s, or --alone if "
             "that is meant",
             processes, l->size, l->remedy ? l->remedy : mpirun);
    mem_free(mpirun);
    return code;
}
