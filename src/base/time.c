#define _GNU_SOURCE /* clock_gettime, nanosleep, CLOCK_BOOTTIME */
#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double time_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Field 22 of /proc/self/stat: clock ticks since the machine was started. The name before it, in brackets, may hold anything. */
static double ticks_at_start(void) {
    char text[1024] = "";
    FILE *f = fopen("/proc/self/stat", "r");
    size_t length = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    double ticks;
    return at && sscanf(at, "%lf", &ticks) == 1 ? ticks : -1;
}

double time_process_start(void) {
    double now = time_now(), ticks = ticks_at_start();
#ifdef CLOCK_BOOTTIME
    struct timespec t;
    if (ticks >= 0 && clock_gettime(CLOCK_BOOTTIME, &t) == 0) {
        double age = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec - ticks / (double)sysconf(_SC_CLK_TCK);
        return age > 0 ? now - age : now;
    }
#endif
    return now;
}

void time_sleep(double seconds) {
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}
