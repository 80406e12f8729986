/* The run folder: .owner (owner.h), job.yaml, metrics.jsonl, log.txt, last.h5, best.h5, step-N.h5. Rank 0 calls these but for the last. */
#ifndef SHOAL_TRAIN_FOLDER_H
#define SHOAL_TRAIN_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "train/owner.h"

/* Readies a folder that `o` owns. Where it holds an earlier run and `resume` is false, that run is moved aside (`DIR.1`, `DIR.2` …):
 * nothing is overwritten. A run that goes on from a file of elsewhere (`from`, or NULL) finds no checkpoints here that are not its own:
 * ERR_USAGE. ERR_IO. */
err folder_prepare(owner *o, const char *folder, bool resume, const char *from);

/* Writes the resolved job. ERR_IO. */
err folder_write_job(const char *folder, const char *yaml);

/* Gives the file at DIR/FROM a second name DIR/TO, replacing what has that name, without a moment when TO is missing or half. */
err folder_link(const char *folder, const char *from, const char *to);

/* Warns where ranks of other nodes do not see what rank 0 writes into the folder. Collective. */
void folder_check_shared(const char *folder);

#endif
