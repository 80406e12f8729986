#define _POSIX_C_SOURCE 200809L /* popen, clock_gettime */
#include "launch/launch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Before a checkpoint has been measured: a slow disk, and some time for its folder. */
static const double slow_disk_bytes_per_second = 50e6, slow_disk_seconds = 1;

/* A sixtieth of the allotment for the end of the process: leaving MPI, the batch script's last words. */
static const double margin_share = 1.0 / 60, least_margin = 1, most_margin = 30;

static double slurm_end; /* seconds since 1970, as squeue said; 0: not known */

/* ---- when it ends ---- */

static double unix_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double number_of(const char *variable) {
    return (double)environment_number(variable, 0);
}

/* `1-02:03:04`, `2:03:04`, `03:04`; -1 for `UNLIMITED`, `INVALID` and everything else. */
static double parse_time_left(const char *text) {
    int days = 0, fields[3] = {0}, used = 0;
    if (sscanf(text, "%d-%n", &days, &used) < 1 || used == 0)
        days = used = 0;
    int n = sscanf(text + used, "%d:%d:%d", &fields[0], &fields[1], &fields[2]);
    if (n < 2)
        return -1;
    double clock = n == 3 ? 3600.0 * fields[0] + 60.0 * fields[1] + fields[2] : 60.0 * fields[0] + fields[1];
    return 86400.0 * days + clock;
}

void launch_ask_slurm(void) {
    const char *job = getenv("SLURM_JOB_ID");
    if (!job || atol(job) <= 0 || number_of("SHOAL_END_TIME") > 0 || number_of("SLURM_JOB_END_TIME") > 0)
        return;
    char command[96], line[64] = "";
    snprintf(command, sizeof command, "timeout 20 squeue -h -j %ld -o %%L 2>/dev/null", atol(job));
    FILE *squeue = popen(command, "r");
    bool answered = squeue && fgets(line, sizeof line, squeue);
    if (squeue)
        pclose(squeue);
    double left = answered ? parse_time_left(line) : -1;
    if (left >= 0)
        slurm_end = unix_now() + left;
}

/* On time_now()'s clock; INFINITY where SLURM sets no limit or is not there. */
static double find_slurm_end(void) {
    double end = number_of("SHOAL_END_TIME");
    if (!(end > 0))
        end = number_of("SLURM_JOB_END_TIME");
    if (!(end > 0))
        end = slurm_end;
    return end > 0 ? time_now() + end - unix_now() : INFINITY;
}

void deadline_init(deadline *d, double max_seconds, size_t checkpoint_bytes) {
    double started = time_process_start(), end = find_slurm_end();
    if (max_seconds > 0 && started + max_seconds < end)
        end = started + max_seconds;
    *d = (deadline){.end = end, .allotment = end - started};
    double margin = d->allotment * margin_share;
    d->margin = margin < least_margin ? least_margin : margin > most_margin ? most_margin : margin;
    d->save_seconds = slow_disk_seconds + (double)checkpoint_bytes / slow_disk_bytes_per_second;
}

/* ---- whether there is time ---- */

void deadline_add_step(deadline *d, double seconds) {
    double faded = 0.98 * d->longest_step;
    d->longest_step = seconds > faded ? seconds : faded;
}

void deadline_add_save(deadline *d, double seconds) {
    d->save_seconds = seconds;
}

/* Twice a checkpoint: one may fall due in between, and the next may take longer than the last. */
static double seconds_to_leave(const deadline *d) {
    return 2 * d->save_seconds + d->margin;
}

/* This step, and the next, after which the vote of that one would come. */
bool deadline_is_near(const deadline *d, double more) {
    return time_now() + 2 * d->longest_step + more + seconds_to_leave(d) > d->end;
}

void deadline_warn_of_epoch(deadline *d, double step_seconds, int64_t steps_per_epoch, int64_t steps_left) {
    double epoch = step_seconds * (double)steps_per_epoch, rest = step_seconds * (double)steps_left;
    if (d->warned || !(epoch > d->allotment && rest > d->end - time_now()))
        return;
    d->warned = true;
    char needs[TEXT_NUMBER], has[TEXT_NUMBER];
    log_warn("an epoch takes about %s and the time limit is %s: the run will stop with a checkpoint (exit code 75), and goes on from there "
             "when it is started again with --resume, as slurm/train.sbatch does",
             text_duration(needs, epoch), text_duration(has, d->allotment));
}
