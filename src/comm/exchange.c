/* Messages between ranks: all of them under way at once, long ones in pieces that MPI's int counts can hold. */
#include "comm/internal.h"

enum { TAG = 1 };

static size_t count_pieces(const comm *c, const comm_message *messages, int count) {
    size_t pieces = 0;
    for (int i = 0; i < count; i++)
        pieces += messages[i].bytes / c->piece_bytes + (messages[i].bytes % c->piece_bytes != 0);
    return pieces;
}

static void start_piece(const comm *c, bool send, char *data, size_t bytes, int rank, MPI_Request *request) {
    if (send)
        comm_check(MPI_Isend(data, (int)bytes, MPI_BYTE, rank, TAG, c->mpi, request), "MPI_Isend");
    else
        comm_check(MPI_Irecv(data, (int)bytes, MPI_BYTE, rank, TAG, c->mpi, request), "MPI_Irecv");
}

static MPI_Request *start_all(const comm *c, bool send, const comm_message *messages, int count, MPI_Request *request) {
    for (int i = 0; i < count; i++) {
        char *data = messages[i].data;
        for (size_t left = messages[i].bytes; left > 0;) {
            size_t piece = left < c->piece_bytes ? left : c->piece_bytes;
            start_piece(c, send, data, piece, messages[i].rank, request++);
            data += piece;
            left -= piece;
        }
    }
    return request;
}

void comm_exchange(comm *c, const comm_message *sends, int n_sends, const comm_message *receives, int n_receives) {
    size_t pieces = count_pieces(c, sends, n_sends) + count_pieces(c, receives, n_receives);
    if (pieces > c->capacity) {
        c->requests = mem_resize(c->requests, pieces, sizeof *c->requests);
        c->capacity = pieces;
    }
    /* receives first: what finds its place open when it arrives is not copied twice */
    MPI_Request *next = start_all(c, false, receives, n_receives, c->requests);
    start_all(c, true, sends, n_sends, next);
    comm_wait_all(c, c->requests, (int)pieces);
}
