/* Signals that ask a run to stop early: SIGTERM, SIGINT, SIGUSR1. The handler only sets a flag, which the step boundary reads. */
#ifndef SHOAL_TRAIN_SIGNALS_H
#define SHOAL_TRAIN_SIGNALS_H

#include <stdbool.h>

void signals_watch(void);

/* Whether one has come since signals_watch(). */
bool signals_stop(void);

#endif
