/* What an owner of a run folder writes of itself, and what others make of it. */
#ifndef SHOAL_TRAIN_OWNER_RECORD_H
#define SHOAL_TRAIN_OWNER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct owner_record {
    char token[40]; /* of this taking; never twice */
    char host[64], since[32], program[96];
    char job[64];     /* SLURM's, or empty */
    int64_t restarts; /* of that job */
    int64_t pid;
    char boot[64];          /* of the machine: the same where two processes run on one kernel, in whatever container */
    uint64_t pid_namespace; /* where the pid means something */
    uint64_t started;       /* of the process, in ticks since the boot: pids come again */
    bool locked;            /* the owner holds a lock on its record */
} owner_record;

typedef enum owner_lock { OWNER_LOCK_NONE, OWNER_LOCK_FREE, OWNER_LOCK_HELD } owner_lock; /* NONE: the file system has no locks */

typedef enum owner_state { OWNER_DEAD, OWNER_ALIVE, OWNER_UNKNOWN } owner_state;

/* This process's, with a new token. */
owner_record owner_record_new(void);

/* As a line of JSON: a new string. */
char *owner_record_text(const owner_record *r);

/* False where the text is no record. */
bool owner_record_parse(owner_record *r, const char *text);

/* What is known of another record's process, without its lease. `lock`: of its record, as it is found now. */
owner_state owner_record_judge(const owner_record *other, const owner_record *mine, owner_lock lock);

/* `process 4711 on node3 (SLURM job 815), since 2026-11-30 23:59:01 UTC`: a new string. */
char *owner_record_name(const owner_record *r);

#endif
