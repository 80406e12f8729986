/* The watchdog: where no rank has got on for train.stall_seconds, it says where each of them is and ends the job. */
#ifndef SHOAL_TRAIN_WATCHDOG_H
#define SHOAL_TRAIN_WATCHDOG_H

#include "base/base.h"

typedef struct watchdog watchdog;

/* Starts a thread that reads place_read() and tells the other ranks. `stall_seconds` 0: *out is NULL and nothing is watched. The job ends
 * with ERR_BROKEN. Collective. */
err watchdog_start(watchdog **out, double stall_seconds);
void watchdog_stop(watchdog *w); /* collective; NULL is allowed */

#endif
