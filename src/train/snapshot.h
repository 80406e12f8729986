/* snapshot: the state that the run trains, and on rank 0 a copy of it, from which a checkpoint is written while training goes on. */
#ifndef SHOAL_TRAIN_SNAPSHOT_H
#define SHOAL_TRAIN_SNAPSHOT_H

#include "ckpt/ckpt.h"
#include "train/engine.h"

typedef struct snapshot {
    graph *graph;
    ckpt_state live, copy; /* copy: the live values themselves, where there is no memory for others */
    arena memory;
    int64_t *counters;
} snapshot;

/* `copies`: takes the memory of a copy, and touches it, so that a step that copies finds it ready. ERR_BROKEN where there is none. */
err snapshot_init(snapshot *s, graph *g, optim *o, bool copies);
void snapshot_reset(snapshot *s);
size_t snapshot_bytes(const snapshot *s);

/* Reads all of this rank's state, bucket by bucket, copies it where there is memory for that, and compares it with the other ranks': what
 * differs, or is not finite, is not to be saved. ERR_BROKEN on all ranks, naming the rank (`hosts` is rank 0's) or the parameter. The
 * text is about the state and wants a prefix. Collective. */
err snapshot_take(snapshot *s, const engine *e, const char *const *hosts);

#endif
