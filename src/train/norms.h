/* Whether batch norms have enough to normalise. */
#ifndef SHOAL_TRAIN_NORMS_H
#define SHOAL_TRAIN_NORMS_H

#include "data/data.h"
#include "graph/graph.h"
#include "job/job.h"

/* A batch norm whose statistics come from one value a channel makes of every value its bias: ERR_USAGE that names the layer and the
 * remedy, for the batches of a run of `steps` steps on `ranks` ranks. */
err norms_check(const graph *g, const job *j, const sampler *order, int64_t steps, int ranks);

#endif
