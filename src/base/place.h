/* Where this process is, for a watchdog that asks from another thread: whoever works says so in passing. A few plain stores to memory: no
 * lock, no system call. The step's own thread says where; any thread may say that it gets on. */
#ifndef SHOAL_BASE_PLACE_H
#define SHOAL_BASE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* Plain data, so that processes can tell each other. */
typedef struct place_now {
    uint64_t ticks;   /* grows with everything that is done */
    int64_t step;     /* that is under way; -1: none yet */
    bool waiting;     /* for other ranks */
    char phase[32];   /* `backward` */
    char work[64];    /* on what: an op's name; empty: nothing to name */
} place_now;

/* Each counts as progress. `phase` is a literal; `work` stays until the next call of either (NULL: nothing to name). */
void place_step(int64_t step);
void place_phase(const char *phase);
void place_work(const char *work);

/* What is done from here to its place_waits(false) is waiting for other ranks. No progress. They may lie within each other. */
void place_waits(bool waiting);

/* Something was done: a picture read, a tensor written. Any thread. */
void place_tick(void);

/* Any thread. */
place_now place_read(void);

#endif
