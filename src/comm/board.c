/* A board: the quickest way for the ranks of a node to meet. Everybody writes on a place of its own and counts its visits up; whoever sees
 * that all others have counted as far may read what they wrote. Places are double: while a slow rank still reads what was written before
 * the latest meeting, a quick one writes for the next. It cannot come further, because that meeting needs the slow one. */
#include "comm/internal.h"

#include <stdatomic.h>

enum { CACHE_LINE = 64 };

/* What lies in shared memory, a rank's after the other's; its two places follow. So counters never share a cache line. */
typedef struct post {
    atomic_uint_fast64_t visits;
    char apart[CACHE_LINE - sizeof(atomic_uint_fast64_t)];
} post;

struct comm_board {
    const comm *ranks;
    MPI_Win window;
    post **posts; /* [rank] */
    size_t place_bytes;
    uint64_t visits; /* meetings so far */
};

comm_board *comm_board_new(comm *c, size_t bytes) {
    if (!comm_shares_node(c))
        return NULL;
    comm_board *b = mem_new(1, sizeof *b);
    b->ranks = c;
    b->place_bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    b->posts = mem_new((size_t)c->size, sizeof *b->posts);
    MPI_Aint segment = (MPI_Aint)(sizeof(post) + 2 * b->place_bytes);
    void *mine;
    comm_check(MPI_Win_allocate_shared(segment, 1, MPI_INFO_NULL, c->mpi, &mine, &b->window), "MPI_Win_allocate_shared");
    for (int r = 0; r < c->size; r++) {
        int unit;
        comm_check(MPI_Win_shared_query(b->window, r, &segment, &unit, &b->posts[r]), "MPI_Win_shared_query");
    }
    atomic_init(&b->posts[c->rank]->visits, 0);
    comm_barrier(c);
    return b;
}

void comm_board_free(comm_board *b) {
    if (!b)
        return;
    comm_barrier((comm *)(uintptr_t)b->ranks); /* politely: MPI_Win_free waits for all and spins */
    MPI_Win_free(&b->window);
    mem_free(b->posts);
    mem_free(b);
}

/* Where `rank` writes between the meetings `meeting` and `meeting` + 1. */
static void *place_of(const comm_board *b, int rank, uint64_t meeting) {
    return (char *)(b->posts[rank] + 1) + meeting % 2 * b->place_bytes;
}

void *comm_board_mine(const comm_board *b) {
    return place_of(b, b->ranks->rank, b->visits);
}

const void *comm_board_read(const comm_board *b, int rank) {
    return place_of(b, rank, b->visits - 1);
}

void comm_board_come(comm_board *b) {
    b->visits++;
    atomic_store_explicit(&b->posts[b->ranks->rank]->visits, b->visits, memory_order_release);
}

void comm_board_meet(comm_board *b) {
    double start = time_now();
    for (int r = 0; r < b->ranks->size; r++)
        while (atomic_load_explicit(&b->posts[r]->visits, memory_order_acquire) < b->visits)
            comm_pause(b->ranks, time_now() - start);
}
