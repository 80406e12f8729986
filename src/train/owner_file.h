/* The file of an owner's record: read by anybody, made by whoever comes first. */
#ifndef SHOAL_TRAIN_OWNER_FILE_H
#define SHOAL_TRAIN_OWNER_FILE_H

#include <time.h>

#include "base/base.h"
#include "train/owner_record.h"

/* A record as it was found. One that cannot be read as such has zeros and a token of its own. */
typedef struct owner_seen {
    owner_record record;
    owner_lock lock;
    struct timespec touched; /* by the file system's clock */
} owner_seen;

/* Reads the record at `path`. 0, or what open() says. */
int owner_file_look(owner_seen *out, const char *path);

/* Whether the record at `path` is the one with this token. */
bool owner_file_has(const char *path, const char *token);

/* This process's own record on its way to becoming a folder's. */
typedef struct owner_draft {
    owner_record record;
    char *folder;
    char *name;           /* of a whole record in the folder; nobody else's name */
    int file;             /* the record's, locked where that can be done */
    int place;            /* the folder, whatever it is called by now */
    double watched_since; /* time_now() when another owner's lease was seen first; 0: none was */
    owner_seen watched;
} owner_draft;

/* Makes the folder where it is missing and writes the draft into it. ERR_IO. */
err owner_draft_write(owner_draft *d);

/* Takes the draft's own name away; what it has become stays. */
void owner_draft_remove(owner_draft *d);

/* 0 where the draft has become `path`, which was not there; EEXIST, ENOENT and so on. */
int owner_draft_become(owner_draft *d, const char *path);

/* Writes the draft and makes it the record at `path`, as owner_take() says. The draft's own name goes. */
err owner_draft_claim(owner_draft *d, const char *path, double patience);

/* ERR_USAGE naming who is in the way. */
err owner_draft_refuse(const owner_draft *d, const owner_record *other);

/* The file system's clock. */
struct timespec owner_draft_now(const owner_draft *d);

#endif
