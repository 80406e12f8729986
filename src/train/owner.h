/* Whose a run folder is. The owner leaves its record there, `.owner`, holds a lock on it where the file system has locks, and touches it
 * every few seconds: its lease. Rank 0 alone calls these. */
#ifndef SHOAL_TRAIN_OWNER_H
#define SHOAL_TRAIN_OWNER_H

#include <stdbool.h>

#include "base/base.h"

typedef struct owner owner;

/* Makes this process the owner of the folder, which is made where it is missing; at most one of all that try becomes it. An owner before is
 * followed at once where it is known to be dead: on this machine where its lock is free or its process gone, and as an earlier start of the
 * same SLURM job; elsewhere when its lease has ended, which is waited for. ERR_USAGE naming an owner that lives, after `patience` seconds
 * on this machine: who was killed may take a moment to die. ERR_IO; ERR_REQUEUE where a signal ends the waiting. */
err owner_take(owner **out, const char *folder, double patience);

/* What this process gives the owner of its run folder to die in. */
extern const double owner_patience;

/* Moves the folder to the path `aside`, with all that is in it, and takes a new one in its place. */
err owner_move_aside(owner *o, const char *aside);

/* ERR_IO where the folder is no longer this process's: moved, deleted, taken by another. Nothing may be written into it then. */
err owner_check(owner *o);

/* Whether that has been noticed; reads no file. */
bool owner_has_lost(const owner *o);

/* Gives the folder back; one that was made for it and is still empty goes. NULL is allowed. */
void owner_release(owner *o);

#endif
