/* Signals that ask the program to stop early: SIGTERM, SIGINT, SIGUSR1, SIGUSR2. The handler only sets a flag, which is read where work can
 * be left: at a step boundary, between pictures that are copied. Further signals change nothing. */
#ifndef SHOAL_BASE_SIGNALS_H
#define SHOAL_BASE_SIGNALS_H

#include <stdbool.h>

/* From here on these signals no longer end the process. May be called again. */
void signals_watch(void);

/* Whether one has come since signals_watch() or signals_forget(). Any thread. */
bool signals_stop(void);

/* What has come is dealt with; later ones count anew. */
void signals_forget(void);

#endif
