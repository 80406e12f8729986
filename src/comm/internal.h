/* What the files of comm share. */
#ifndef SHOAL_COMM_INTERNAL_H
#define SHOAL_COMM_INTERNAL_H

#include <mpi.h>

#include "comm/comm.h"

struct comm {
    MPI_Comm mpi;
    int rank, size;
    size_t piece_bytes;     /* most bytes of one MPI message: below 2^31. SHOAL_PIECE_BYTES=n lowers it, on all ranks alike (tests) */
    comm_message *messages; /* 2 * size, of a gather under way */
    MPI_Request *requests;  /* of an exchange under way; grows to the largest one and stays */
    size_t capacity;
};

/* Ends the job where an MPI function did not succeed. */
void comm_check(int status, const char *function);

/* Waits politely until all requests are through. */
void comm_wait_all(MPI_Request *requests, int count);

#endif
