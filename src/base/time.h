/* Measuring time, and waiting. */
#ifndef SHOAL_BASE_TIME_H
#define SHOAL_BASE_TIME_H

/* Seconds of a clock that never goes back. */
double time_now(void);

/* When this process was started, on the same clock; now, where the system does not tell. */
double time_process_start(void);

/* Sleeps for about that long. */
void time_sleep(double seconds);

#endif
