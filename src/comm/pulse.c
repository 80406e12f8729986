/* Reports that are sent without waiting for anybody. Rank 0 has a wire to every other rank, the others one to rank 0; on each there is at
 * most one report under way and one receive open. */
#include "comm/internal.h"

#include <string.h>

enum { TAG = 2 };

typedef struct wire {
    int peer;
    MPI_Request send, receive;
    char *out, *in, *latest;
    uint64_t sent, received;
    double heard; /* time_now() of the latest report */
} wire;

struct comm_pulse {
    comm *ranks;
    size_t bytes;
    wire *wires;
    int n_wires;
};

static void open_receive(const comm_pulse *p, wire *l) {
    comm_check(MPI_Irecv(l->in, (int)p->bytes, MPI_BYTE, l->peer, TAG, p->ranks->mpi, &l->receive), "MPI_Irecv");
}

comm_pulse *comm_pulse_new(comm *c, size_t bytes) {
    comm_pulse *p = mem_new(1, sizeof *p);
    p->ranks = comm_copy(c);
    p->bytes = bytes;
    p->n_wires = c->rank == 0 ? c->size - 1 : 1;
    p->wires = mem_new((size_t)p->n_wires, sizeof *p->wires);
    for (int i = 0; i < p->n_wires; i++) {
        wire *l = &p->wires[i];
        *l = (wire){.peer = c->rank == 0 ? i + 1 : 0, .send = MPI_REQUEST_NULL, .heard = time_now()};
        l->out = mem_new(3, bytes);
        l->in = l->out + bytes;
        l->latest = l->in + bytes;
        open_receive(p, l);
    }
    return p;
}

static bool is_through(MPI_Request *request) {
    int done = 0;
    comm_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done;
}

static void take_in(const comm_pulse *p, wire *l) {
    memcpy(l->latest, l->in, p->bytes);
    l->heard = time_now();
    l->received++;
    open_receive(p, l);
}

static void send_on(const comm_pulse *p, wire *l, const void *mine) {
    memcpy(l->out, mine, p->bytes);
    comm_check(MPI_Isend(l->out, (int)p->bytes, MPI_BYTE, l->peer, TAG, p->ranks->mpi, &l->send), "MPI_Isend");
    l->sent++;
}

void comm_pulse_beat(comm_pulse *p, const void *mine) {
    for (int i = 0; i < p->n_wires; i++) {
        wire *l = &p->wires[i];
        while (is_through(&l->receive))
            take_in(p, l);
        if (is_through(&l->send))
            send_on(p, l, mine);
    }
}

const void *comm_pulse_read(const comm_pulse *p, int rank, double *age) {
    const wire *l = &p->wires[p->ranks->rank == 0 ? rank - 1 : 0];
    *age = time_now() - l->heard;
    return l->latest;
}

/* Both ends tell each other how many reports they have sent; then those are waited for, so that nothing is left on the way. */
static void drain(const comm_pulse *p) {
    int n = p->n_wires;
    uint64_t *theirs = mem_new((size_t)n, sizeof *theirs);
    comm_message *sends = mem_new(2 * (size_t)n, sizeof *sends), *receives = sends + n;
    for (int i = 0; i < n; i++) {
        sends[i] = (comm_message){p->wires[i].peer, &p->wires[i].sent, sizeof(uint64_t)};
        receives[i] = (comm_message){p->wires[i].peer, &theirs[i], sizeof(uint64_t)};
    }
    comm_exchange(p->ranks, sends, n, receives, n);
    for (int i = 0; i < n; i++) {
        wire *l = &p->wires[i];
        while (l->received < theirs[i]) {
            comm_wait_all(p->ranks, &l->receive, 1);
            take_in(p, l);
        }
        comm_wait_all(p->ranks, &l->send, 1);
    }
    mem_free(sends);
    mem_free(theirs);
}

void comm_pulse_free(comm_pulse *p) {
    if (!p)
        return;
    drain(p);
    for (int i = 0; i < p->n_wires; i++) {
        MPI_Cancel(&p->wires[i].receive);
        MPI_Wait(&p->wires[i].receive, MPI_STATUS_IGNORE);
        mem_free(p->wires[i].out);
    }
    comm_free(p->ranks);
    mem_free(p->wires);
    mem_free(p);
}
