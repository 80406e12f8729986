#define _GNU_SOURCE /* getentropy */
#include "train/owner_record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "comm/comm.h"

/* ---- this process ---- */

/* The first line of a file, or what was there before. */
static void read_line(char *out, size_t size, const char *path) {
    FILE *file = fopen(path, "r");
    if (file && fgets(out, (int)size, file))
        out[strcspn(out, "\n")] = '\0';
    if (file)
        fclose(file);
}

static uint64_t own_pid_namespace(void) {
    struct stat s;
    return stat("/proc/self/ns/pid", &s) == 0 ? (uint64_t)s.st_ino : 0;
}

/* Field 22 of /proc/PID/stat, and whether field 3 says that the process has died and only waits to be noticed; 0: there is no such process.
 * The name before them, in brackets, may hold anything. */
static uint64_t process_started(int64_t pid) {
    char path[64], text[1024] = "", state;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    read_line(text, sizeof text, path);
    const char *at = strrchr(text, ')');
    uint64_t ticks;
    if (!at || sscanf(at, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64, &state, &ticks) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : ticks;
}

static void make_token(char out[40]) {
    uint64_t random[2] = {0, 0};
    if (getentropy(random, sizeof random) != 0) { /* process and moment serve as well */
        random[0] = (uint64_t)getpid();
        random[1] = (uint64_t)(time_now() * 1e9);
    }
    snprintf(out, 40, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

owner_record owner_record_new(void) {
    owner_record r = {.pid = (int64_t)getpid(), .pid_namespace = own_pid_namespace(), .started = process_started((int64_t)getpid())};
    const char *job = getenv("SLURM_JOB_ID");
    time_t now = time(NULL);
    struct tm utc;
    make_token(r.token);
    strftime(r.since, sizeof r.since, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &utc));
    snprintf(r.host, sizeof r.host, "%s", comm_host());
    snprintf(r.program, sizeof r.program, "shoal %s (%s)", version_number(), version_commit());
    snprintf(r.job, sizeof r.job, "%s", job ? job : "");
    r.restarts = environment_number("SLURM_RESTART_COUNT", 0);
    read_line(r.boot, sizeof r.boot, "/proc/sys/kernel/random/boot_id");
    return r;
}

/* ---- as text ---- */

char *owner_record_text(const owner_record *r) {
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:b}", "token", r->token, "host", r->host, "pid", (json_int_t)r->pid,
                  "since", r->since, "job", r->job, "restarts", (json_int_t)r->restarts, "program", r->program, "boot", r->boot,
                  "pid_namespace", (json_int_t)r->pid_namespace, "started", (json_int_t)r->started, "locked", r->locked);
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL; /* NULL: a host name that is no UTF-8 */
    char *text = text_format("%s\n", line ? line : "{}");
    free(line);
    json_decref(object);
    return text;
}

bool owner_record_parse(owner_record *r, const char *text) {
    const char *token, *host, *since, *job, *program, *boot;
    json_int_t pid, restarts, space, started;
    int locked;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool whole = object && json_unpack(object, "{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:b}", "token", &token, "host", &host,
                                       "pid", &pid, "since", &since, "job", &job, "restarts", &restarts, "program", &program, "boot", &boot,
                                       "pid_namespace", &space, "started", &started, "locked", &locked) == 0;
    *r = (owner_record){.pid = 0};
    if (whole) {
        snprintf(r->token, sizeof r->token, "%s", token);
        snprintf(r->host, sizeof r->host, "%s", host);
        snprintf(r->since, sizeof r->since, "%s", since);
        snprintf(r->program, sizeof r->program, "%s", program);
        snprintf(r->job, sizeof r->job, "%s", job);
        snprintf(r->boot, sizeof r->boot, "%s", boot);
        r->pid = pid;
        r->restarts = restarts;
        r->pid_namespace = (uint64_t)space;
        r->started = (uint64_t)started;
        r->locked = locked;
        whole = strspn(r->token, "0123456789abcdef") == strlen(r->token) && *r->token; /* a part of a file's name */
    }
    json_decref(object);
    return whole;
}

char *owner_record_name(const owner_record *r) {
    if (!*r->host)
        return mem_string("a process that has left no readable record");
    char *job = *r->job ? text_format(" (SLURM job %s)", r->job) : mem_string("");
    char *name = text_format("process %" PRId64 " on %s%s, since %s", r->pid, r->host, job, r->since);
    mem_free(job);
    return name;
}

/* ---- whether it lives ---- */

/* SLURM starts a job anew only when the start before has ended. */
static bool is_earlier_start(const owner_record *other, const owner_record *mine) {
    return *other->job && strcmp(other->job, mine->job) == 0 && other->restarts < mine->restarts;
}

/* Containers may share a machine under names of their own. */
static bool is_same_machine(const owner_record *a, const owner_record *b) {
    return *a->boot && strcmp(a->boot, b->boot) == 0;
}

owner_state owner_record_judge(const owner_record *other, const owner_record *mine, owner_lock lock) {
    if (is_earlier_start(other, mine))
        return OWNER_DEAD;
    if (!is_same_machine(other, mine))
        return OWNER_UNKNOWN; /* its locks may outlive it, or never be seen from here */
    if (lock == OWNER_LOCK_HELD)
        return OWNER_ALIVE;
    if (strcmp(other->host, mine->host) != 0)
        return OWNER_UNKNOWN;
    if (other->locked && lock == OWNER_LOCK_FREE)
        return OWNER_DEAD;
    if (other->pid_namespace != mine->pid_namespace)
        return OWNER_UNKNOWN;
    return other->started != 0 && process_started(other->pid) == other->started ? OWNER_ALIVE : OWNER_DEAD;
}
