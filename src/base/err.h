/* Errors: a function that can fail returns an `err`; the record of what happened is written once, where it happened. */
#ifndef SHOAL_BASE_ERR_H
#define SHOAL_BASE_ERR_H

/* The values are the exit codes of the program. */
typedef enum err {
    OK = 0,
    ERR_USAGE = 64,   /* bad command line or job */
    ERR_DATA = 65,    /* bad data */
    ERR_BROKEN = 70,  /* training broke (non-finite), out of memory, or a bug */
    ERR_IO = 74,      /* a file cannot be read or written */
    ERR_REQUEUE = 75, /* stopped early with a checkpoint: please requeue */
} err;

typedef struct err_record {
    err code;
    int rank;         /* MPI rank that met the error; -1 where every rank met the same */
    char file[64];    /* source file and line of the origin */
    int line;
    char text[1024];  /* one line: what, where, remedy; printable, no newline at the end */
} err_record;

/* The last error of this thread. Never NULL; its code is OK where nothing failed. */
err_record *err_last(void);

/* Forgets the last error of this thread. */
void err_clear(void);

/* Records an error of this thread and returns `code`: `return fail(ERR_IO, "%s: cannot be read", path);` */
#define fail(code, ...) err_record_here((code), __FILE__, __LINE__, __VA_ARGS__)
err err_record_here(err code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts `format: ` in front of the last error's text (a file's name, a scope) and returns its code. */
err err_prefix(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the process at once with one line, where no error can be returned: no memory for something small, or a bug. */
_Noreturn void err_end(err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How that is done where others wait for this process: `end` says the text and does not return; where it does, the process ends alone. */
void err_set_end(void (*end)(err code, const char *text));

#endif
