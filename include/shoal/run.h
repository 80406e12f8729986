/* Running jobs from C. */
#ifndef SHOAL_RUN_H
#define SHOAL_RUN_H

#include <shoal/model.h>

/* The whole `shoal` program, with every registered model: `int main(int argc, char **argv) { …; return shoal_main(argc, argv); }`.
 * Starts and ends MPI where the subcommand needs it; collective in that case. Returns the exit code (0, 64, 65, 70, 74, 75). */
SHOAL_API int shoal_main(int argc, char **argv);

/* Runs a job as `shoal train JOB KEY=VALUE …` does. `overrides` ends with NULL, or is NULL. Collective; once a process, because MPI starts
 * and ends with it. Returns the exit code. */
SHOAL_API int shoal_train(const char *job, const char *const *overrides);

#endif
