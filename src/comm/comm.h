/* comm: MPI. The only room that includes <mpi.h>.
 *
 * Collective functions are called by all ranks of the communicator, in the same order. Waiting is polite: it polls and naps rather
 * than spins, so that a waiting thread takes no core from a computing one (but see comm_stay_awake()). A failure inside MPI ends the job
 * (comm_abort): nobody is left that could be told. Sizes are size_t bytes; what is larger than MPI's int counts is cut up inside. */
#ifndef SHOAL_COMM_H
#define SHOAL_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

typedef struct comm comm;

/* Starts MPI (MPI_THREAD_MULTIPLE) and tells log_set_rank() the rank. Outside mpirun and srun this is one rank. Collective over the world.
 * An error where MPI does not give that level of threads. */
err comm_init(void);

/* Whether somebody has started MPI in this process: Shoal, or the program that it is a part of. */
bool comm_is_running(void);

/* Ends MPI; nothing else of comm may be called after it. Does nothing where MPI has not been started. Collective. */
void comm_finish(void);

/* One line to stderr (the text), then the whole job ends with `code`. Not collective; any thread. */
_Noreturn void comm_abort(err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* This process's rank as the launcher's environment tells it, before comm_init() and without MPI; 0 outside a launcher. */
int comm_launcher_rank(void);

/* How many processes the launcher has started together; 0 where its environment does not tell. */
int comm_launcher_size(void);

/* The same among the ranks of its node; -1 where the launcher does not tell. */
int comm_launcher_local_rank(void);

/* ERR_USAGE where the launcher says that it started several processes, and MPI (`ranks` is the size of its world) that there is one: then
 * the launcher is another MPI's, and each process would do the whole work. Not collective. */
err comm_check_connected(int ranks);

/* All ranks; NULL before comm_init(). */
comm *comm_world(void);
int comm_rank(const comm *c);
bool comm_is_root(void); /* rank 0 of the world */
int comm_size(const comm *c);

/* A communicator of the same ranks with traffic of its own, so that two threads can communicate at once. Collective. */
comm *comm_copy(comm *c);

/* The ranks of `c` that share this rank's node, in rank order. SHOAL_RANKS_PER_NODE=n pretends that every n ranks are a node (tests).
 * Collective. */
comm *comm_node(comm *c);

/* The ranks of `c` that give the same colour, in rank order. Collective. */
comm *comm_split(comm *c, int colour);

/* For a thread that has nothing to do but wait: waits on `c` poll for longer before they nap, so that answers are seen at once. Does
 * nothing where the threads of this node's ranks are more than its cores: there a nap lets others compute. Not collective. */
void comm_stay_awake(comm *c);

/* Whether all ranks of `c` share one node, as comm_node() sees it. Collective. */
bool comm_shares_node(comm *c);

/* Collective. NULL is allowed. */
void comm_free(comm *c);

/* Returns once all ranks have come here. Collective. */
void comm_barrier(comm *c);

/* Copies `bytes` from rank `root` to all. Collective; root and bytes are the same on all ranks. */
void comm_broadcast(comm *c, int root, void *data, size_t bytes);

/* Every rank gives `bytes[rank]` bytes; all get all of them one after the other in rank order. `bytes` is the same on all ranks. What
 * is mine may already lie in its place in `all`. Collective. */
void comm_gather_all(comm *c, const void *mine, void *all, const size_t *bytes);

/* The same with one size for everybody. Collective. */
void comm_gather_equal(comm *c, const void *mine, void *all, size_t bytes);

/* Rank 0 gets `bytes` bytes of every rank, one after the other in rank order; `all` is only looked at there. Collective. */
void comm_collect(comm *c, const void *mine, void *all, size_t bytes);

/* A message to or from another rank; several of them under way at once, both directions. */
typedef struct comm_message {
    int rank;
    void *data;
    size_t bytes;
} comm_message;

/* Sends and receives all of the messages and returns when all are through. Between two ranks messages match in the order given.
 * Every send has its receive on the other side; calls of different ranks need not be the same otherwise. */
void comm_exchange(comm *c, const comm_message *sends, int n_sends, const comm_message *receives, int n_receives);

/* A board: memory that the ranks of a node share, for meetings that must be quick. */
typedef struct comm_board comm_board;

/* A place of `bytes` bytes, the same everywhere, for every rank of `c`, which must outlive the board. NULL where the ranks are not all on
 * one node. Collective. */
comm_board *comm_board_new(comm *c, size_t bytes);
void comm_board_free(comm_board *b); /* collective; NULL is allowed */

/* Where this rank writes before it comes to the next meeting. Undefined content. */
void *comm_board_mine(const comm_board *b);

/* This rank has written; it must have read what it wants of the meeting before. Does not wait. */
void comm_board_come(comm_board *b);

/* Returns once all ranks have come to the meeting that this one has come to. Collective. */
void comm_board_meet(comm_board *b);

/* What `rank` had written before it came to the latest meeting; it stays until this rank comes to the next one. */
const void *comm_board_read(const comm_board *b, int rank);

/* A pulse: small reports that ranks send to rank 0, and rank 0 to all of them, at a pace of their own. Nobody ever waits, so that a rank
 * that stands still holds up no other. For one thread, which need not be the step's. */
typedef struct comm_pulse comm_pulse;

/* Reports of `bytes` bytes between the ranks of `c`, which is copied. Collective. */
comm_pulse *comm_pulse_new(comm *c, size_t bytes);
void comm_pulse_free(comm_pulse *p); /* collective; NULL is allowed */

/* Sends my report on, where the one before has left, and takes in what has come. */
void comm_pulse_beat(comm_pulse *p, const void *mine);

/* The latest report of a rank, and the seconds since it came (or since comm_pulse_new(), where none has: then it is zeros). Rank 0 has one
 * of every rank but itself, the others one of rank 0. */
const void *comm_pulse_read(const comm_pulse *p, int rank, double *age);

/* All ranks agree on the worst error: each gives its own `code` (and its err_last() record where that is not OK); all return the
 * worst of all (the highest exit code; among equals the lowest rank), and err_last() is that rank's record everywhere. Collective. */
err comm_agree(comm *c, err code);

/* Whether all ranks gave the same bytes. Collective. */
bool comm_same(comm *c, const void *data, size_t bytes);

/* The MPI that runs: `Open MPI 4.1.4`; and the one compiled with, where that is another. */
const char *comm_library(void);

/* Host name. */
const char *comm_host(void);

#endif
