/* Signals that ask the program to stop early: SIGTERM, SIGINT, SIGUSR1, SIGUSR2; SIGHUP (the terminal is gone; not under nohup), SIGXCPU (the
 * processor time is used up), SIGPIPE (nobody reads what is printed; the write fails besides). The handler only sets a flag, which is read
 * where work can be left: at a step boundary, between pictures that are copied. Further signals change nothing. */
#ifndef SHOAL_BASE_SIGNALS_H
#define SHOAL_BASE_SIGNALS_H

#include <stdbool.h>

/* From here on these signals no longer end the process. May be called again. */
void signals_watch(void);

/* From here on a file that grows past its limit (ulimit -f) is a write that fails, with a reason, and not the end of the process. */
void signals_let_writes_fail(void);

/* Whether one has come since signals_watch() or signals_forget(). Any thread. */
bool signals_stop(void);

/* What has come is dealt with; later ones count anew. */
void signals_forget(void);

#endif
