/* What the files of comm share. */
#ifndef SHOAL_COMM_INTERNAL_H
#define SHOAL_COMM_INTERNAL_H

#include <mpi.h>

#include "comm/comm.h"

struct comm {
    MPI_Comm mpi;
    int rank, size;
    bool awake;             /* comm_stay_awake() */
    size_t piece_bytes;     /* most bytes of one MPI message: below 2^31. SHOAL_PIECE_BYTES=n lowers it, on all ranks alike (tests) */
    comm_message *messages; /* 2 * size, of a gather under way */
    MPI_Request *requests;  /* of an exchange under way; grows to the largest one and stays */
    size_t capacity;
};

/* Settings for Open MPI, which are its environment; before MPI is started. What the user has set stands. */
void comm_set_environment(void);

/* Whether a launcher has started this process: mpirun, srun. */
bool comm_is_launched(void);

/* Ends the job where an MPI function did not succeed. */
void comm_check(int status, const char *function);

/* Waits politely until all requests are through. */
void comm_wait_all(const comm *c, MPI_Request *requests, int count);

/* One pause of a wait that has lasted `idle` seconds without a sign of life. */
void comm_pause(const comm *c, double idle);

/* Finds out how many cores a rank of this node has. Collective over the world. */
void comm_count_cores(comm *world);

/* The ranks of `c` that truly share this rank's node. Collective. */
comm *comm_true_node(comm *c);

#endif
