/* What the files of the benchmark share. */
#ifndef SHOAL_TRAIN_BENCH_H
#define SHOAL_TRAIN_BENCH_H

#include "train/engine.h"

/* One training step that was looked into. */
typedef struct profiled_step {
    double (*nodes)[N_PASSES]; /* seconds of each node of the graph */
    double whole, optimizer;   /* seconds */
    double exchange;           /* waited for the sums of gradients and metrics */
} profiled_step;

/* Prints a line for every layer that matters, from the medians over the steps. `batch` is global. Collective: every rank measures its
 * roofs, rank 0 prints its own figures. */
void bench_print_layers(const engine *e, int64_t batch, const profiled_step *steps, int count);

/* Of `count` numbers, which are put in rising order. */
double bench_median(double *values, int count);

#endif
