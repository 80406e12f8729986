/* What all ranks of a communicator do together: to a watchdog, waiting for the others. */
#include "comm/internal.h"

#include <string.h>

void comm_barrier(comm *c) {
    place_waits(true);
    MPI_Request request;
    comm_check(MPI_Ibarrier(c->mpi, &request), "MPI_Ibarrier");
    comm_wait_all(c, &request, 1);
    place_waits(false);
}

void comm_broadcast(comm *c, int root, void *data, size_t bytes) {
    char *next = data;
    place_waits(true);
    for (size_t left = bytes; left > 0;) {
        size_t piece = left < c->piece_bytes ? left : c->piece_bytes;
        MPI_Request request;
        comm_check(MPI_Ibcast(next, (int)piece, MPI_BYTE, root, c->mpi, &request), "MPI_Ibcast");
        comm_wait_all(c, &request, 1);
        next += piece;
        left -= piece;
    }
    place_waits(false);
}

static void exchange(comm *c, const comm_message *sends, int n_sends, const comm_message *receives, int n_receives) {
    place_waits(true);
    comm_exchange(c, sends, n_sends, receives, n_receives);
    place_waits(false);
}

/* Rank r gives bytes[r * stride]: stride 0 means one size for everybody. */
static void gather(comm *c, const void *mine, char *all, const size_t *bytes, int stride) {
    comm_message *sends = c->messages, *receives = c->messages + c->size;
    int count = 0;
    char *place = all;
    for (int r = 0; r < c->size; r++) {
        size_t theirs = bytes[r * stride];
        if (r != c->rank) {
            sends[count] = (comm_message){r, (void *)mine, bytes[c->rank * stride]};
            receives[count++] = (comm_message){r, place, theirs};
        } else if (place != mine && theirs > 0) {
            memcpy(place, mine, theirs);
        }
        place += theirs;
    }
    exchange(c, sends, count, receives, count);
}

void comm_gather_all(comm *c, const void *mine, void *all, const size_t *bytes) {
    gather(c, mine, all, bytes, 1);
}

void comm_gather_equal(comm *c, const void *mine, void *all, size_t bytes) {
    gather(c, mine, all, &bytes, 0);
}

void comm_collect(comm *c, const void *mine, void *all, size_t bytes) {
    if (c->rank != 0) {
        exchange(c, &(comm_message){0, (void *)(uintptr_t)mine, bytes}, 1, NULL, 0);
        return;
    }
    memcpy(all, mine, bytes);
    for (int r = 1; r < c->size; r++)
        c->messages[r - 1] = (comm_message){r, (char *)all + (size_t)r * bytes, bytes};
    exchange(c, NULL, 0, c->messages, c->size - 1);
}
