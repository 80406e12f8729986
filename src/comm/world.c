/* The start and the end of MPI, and communicators. */
#include "comm/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static comm *world;
static bool started_here; /* MPI was not running before comm_init() */

static comm *adopt(MPI_Comm mpi) {
    comm *c = mem_new(1, sizeof *c);
    c->mpi = mpi;
    MPI_Comm_rank(mpi, &c->rank);
    MPI_Comm_size(mpi, &c->size);
    c->piece_bytes = (size_t)environment_number("SHOAL_PIECE_BYTES", 1 << 30);
    c->messages = mem_new(2 * (size_t)c->size, sizeof *c->messages);
    return c;
}

static err start_mpi(void) {
    int level = MPI_THREAD_SINGLE;
    bool running = comm_is_running();
    if (!running)
        comm_set_environment();
    if (running)
        MPI_Query_thread(&level);
    else if (MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level) != MPI_SUCCESS)
        return fail(ERR_BROKEN, "MPI cannot be started: check the installation of %s", comm_library());
    started_here = !running;
    if (level < MPI_THREAD_MULTIPLE)
        return fail(ERR_BROKEN, "%s lets only one thread communicate: Shoal needs MPI_THREAD_MULTIPLE", comm_library());
    return OK;
}

bool comm_is_running(void) {
    int running = 0;
    MPI_Initialized(&running);
    return running;
}

/* A process that has no others ends by itself, without what MPI says of an abort. */
static void end_everywhere(err code, const char *text) {
    if (world && comm_size(world) > 1)
        comm_abort(code, "%s", text);
}

err comm_init(void) {
    if (world)
        return OK;
    err code = start_mpi();
    if (code != OK)
        return code;
    err_set_end(end_everywhere);
    MPI_Comm mpi;
    comm_check(MPI_Comm_dup(MPI_COMM_WORLD, &mpi), "MPI_Comm_dup");
    comm_check(MPI_Comm_set_errhandler(mpi, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler"); /* copies inherit it */
    world = adopt(mpi);
    log_set_rank(world->rank);
    comm_count_cores(world);
    return OK;
}

void comm_finish(void) {
    if (world) {
        comm_barrier(world); /* politely: MPI_Finalize waits for the slowest rank and spins meanwhile */
        comm_free(world);
        world = NULL;
    }
    if (started_here)
        MPI_Finalize();
    started_here = false;
}

void comm_abort(err code, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_error("rank %d: %s", log_rank(), text);
    int running = 0, over = 0;
    MPI_Initialized(&running);
    MPI_Finalized(&over);
    if (running && !over)
        MPI_Abort(MPI_COMM_WORLD, (int)code);
    _Exit((int)code);
}

void comm_check(int status, const char *function) {
    if (status == MPI_SUCCESS)
        return;
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(status, reason, &length);
    comm_abort(ERR_BROKEN, "%s failed: %s", function, reason);
}

comm *comm_world(void) {
    return world;
}

bool comm_is_root(void) {
    return comm_rank(comm_world()) == 0;
}

int comm_rank(const comm *c) {
    return c->rank;
}

int comm_size(const comm *c) {
    return c->size;
}

comm *comm_copy(comm *c) {
    MPI_Comm mpi;
    MPI_Request request;
    comm_check(MPI_Comm_idup(c->mpi, &mpi, &request), "MPI_Comm_idup");
    comm_wait_all(c, &request, 1);
    return adopt(mpi);
}

comm *comm_split(comm *c, int colour) {
    comm_barrier(c); /* MPI splits with all ranks spinning: let them arrive first, here and below */
    MPI_Comm mpi;
    comm_check(MPI_Comm_split(c->mpi, colour, c->rank, &mpi), "MPI_Comm_split");
    return adopt(mpi);
}

comm *comm_node(comm *c) {
    int ranks = (int)environment_number("SHOAL_RANKS_PER_NODE", 0);
    return ranks > 0 ? comm_split(c, c->rank / ranks) : comm_true_node(c);
}

comm *comm_true_node(comm *c) {
    comm_barrier(c);
    MPI_Comm mpi;
    comm_check(MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &mpi), "MPI_Comm_split_type");
    return adopt(mpi);
}

bool comm_shares_node(comm *c) {
    comm *node = comm_node(c);
    bool all_here = comm_size(node) == comm_size(c); /* where it holds for one it holds for all */
    comm_free(node);
    return all_here;
}

void comm_free(comm *c) {
    if (!c)
        return;
    MPI_Comm_free(&c->mpi);
    mem_free(c->messages);
    mem_free(c->requests);
    mem_free(c);
}
