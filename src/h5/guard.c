/* HDF5 believes what a file says of itself: damaged structures make it loop, crash or take all memory. So a child process reads a file
 * first (h5_examine()), within limits of time and memory; where it dies, the file is damaged. Of the two processes below this one, the
 * first only forks and waits, so that a new one can be had at any time, also while MPI runs up here; the second does the reading. They hold
 * no file of this process but their socket, and end when it is closed. */
#define _GNU_SOURCE /* SOCK_SEQPACKET, st_mtim */
#include "h5/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MEMORY = 100 << 20, /* bytes, and */
    PROPORTION = 18,    /* times the file's length: more than stored.c lets anybody take */
    SECONDS = 1,        /* of computing for an object, and one more for every */
    BYTES_A_SECOND = 20 << 20,
    MOST_SECONDS = 30,
    PATIENCE = 300, /* seconds by the clock for a file: of a file system that does not answer */
};

typedef struct answer {
    int code;
    char text[sizeof((err_record *)0)->text]; /* what is wrong, without the file's name */
} answer;

static const answer no_memory = {ERR_BROKEN, "cannot be looked at: out of memory; allow more of it (ulimit -v, the batch job's --mem)"};

/* What is known of a file that has not changed since. */
typedef struct verdict {
    struct stat file;
    answer is;
} verdict;

static struct {
    enum { NOT_YET, RUNNING, NEVER } state;
    int socket;
    pid_t child;
    verdict *known;
    size_t n_known;
} guard;

/* ---- the second process: reads ---- */

static size_t memory_of_process(void) {
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%zu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct rlimit granted; /* address space that this process may have */
static bool is_short;         /* less than a sound file may need: a lack of memory says nothing about the file */

/* Beyond what is there already, which under a sanitizer is most of the address space. */
static void limit_memory(uint64_t file_bytes) {
    size_t now = memory_of_process();
    if (now == 0 || granted.rlim_cur == 0)
        return;
    rlim_t most = now + MEMORY + PROPORTION * (rlim_t)file_bytes;
    is_short = most > granted.rlim_cur;
    setrlimit(RLIMIT_AS, &(struct rlimit){is_short ? granted.rlim_cur : most, granted.rlim_max});
}

/* No memory for something of ours. */
static void end_reader(err code, const char *text) {
    (void)text;
    _exit(code == ERR_BROKEN && !is_short ? ERR_DATA : (int)code);
}

/* Seconds until a signal ends this process; 0: none does. */
static void limit_time(int timer, time_t seconds) {
    setitimer(timer, &(struct itimerval){.it_value.tv_sec = seconds}, NULL);
}

/* A file may have very many objects, but none of them takes long. */
static void next_object(uint64_t file_bytes) {
    uint64_t seconds = SECONDS + file_bytes / BYTES_A_SECOND;
    limit_time(ITIMER_PROF, (time_t)(seconds < MOST_SECONDS ? seconds : MOST_SECONDS));
}

/* A second time with memory that is full of rubbish: what HDF5 reads where nothing was written may be a harmless zero here and not above. */
static answer examine(const char *path) {
    struct stat s = {0};
    answer a = {0};
    stat(path, &s);
    limit_memory((uint64_t)s.st_size);
    limit_time(ITIMER_REAL, PATIENCE);
    a.code = h5_examine(path, next_object);
    mallopt(M_PERTURB, 0xA5);
    if (a.code == OK)
        a.code = h5_examine(path, next_object);
    mallopt(M_PERTURB, 0);
    limit_time(ITIMER_PROF, 0);
    limit_time(ITIMER_REAL, 0);
    const char *text = err_last()->text;
    size_t name = strlen(path);
    if (a.code == ERR_DATA && is_short && h5_was_starved())
        return no_memory;
    if (a.code != OK)
        snprintf(a.text, sizeof a.text, "%s", strncmp(text, path, name) == 0 && text[name] == ':' ? text + name + 2 : text);
    return a;
}

static _Noreturn void read_files(int requests) {
    char path[PATH_MAX];
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    getrlimit(RLIMIT_AS, &granted);
    err_set_end(end_reader);
    for (ssize_t n; (n = recv(requests, path, sizeof path - 1, 0)) > 0;) {
        path[n] = '\0';
        answer a = examine(path);
        if (send(requests, &a, sizeof a, MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0); /* nobody asks any more */
}

/* ---- the first process: forks ---- */

/* Nothing of the process above is kept open, or whoever waits for its end would wait for this one's. */
static void close_files(int but) {
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2 && nothing >= 0; fd++)
        dup2(nothing, fd);
    DIR *files = opendir("/proc/self/fd");
    for (struct dirent *d; files && (d = readdir(files));) {
        int fd = atoi(d->d_name);
        if (fd > 2 && fd != but && fd != dirfd(files))
            close(fd);
    }
    if (files)
        closedir(files);
}

/* Signals to the job are for the process above; those that end a reader are as they were at the start. */
static void settle_signals(void) {
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPROF, SIGXCPU, SIGCHLD};
    static const int others[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE, SIGTSTP};
    sigset_t none;
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        signal(others[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static answer cause_of_death(int status) {
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number == SIGALRM)
        return (answer){ERR_IO, "cannot be read: the file system does not answer"};
    if (number == SIGKILL || (WIFEXITED(status) && WEXITSTATUS(status) == ERR_BROKEN)) /* the system kills where there is no memory left */
        return no_memory;
    answer a = {ERR_DATA, ""};
    snprintf(a.text, sizeof a.text, "damaged HDF5 file: reading its structures %s",
             number == SIGPROF || number == SIGXCPU                                          ? "does not come to an end"
             : number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ? "crashes HDF5"
                                                                                             : "takes more memory than it can hold");
    return a;
}

static _Noreturn void keep_a_reader(int requests) {
    close_files(requests);
    settle_signals();
    for (;;) {
        int status = 0;
        pid_t reader = fork();
        if (reader == 0)
            read_files(requests);
        if (reader < 0 || waitpid(reader, &status, 0) < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
            _exit(0);
        answer a = cause_of_death(status);
        send(requests, &a, sizeof a, MSG_NOSIGNAL);
    }
}

/* ---- this process: asks ---- */

static void start(void) {
    int ends[2];
    guard.state = NEVER;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    guard.child = fork();
    if (guard.child == 0)
        keep_a_reader(ends[1]);
    close(ends[1]);
    guard.socket = ends[0];
    guard.state = RUNNING;
    if (guard.child < 0)
        h5_guard_stop();
}

void h5_guard_start(bool here) {
    if (guard.state == NOT_YET && here)
        start();
    if (guard.state == NOT_YET)
        guard.state = NEVER;
}

void h5_guard_stop(void) {
    if (guard.state == RUNNING) {
        close(guard.socket);
        if (guard.child > 0)
            waitpid(guard.child, NULL, 0);
    }
    guard.state = NEVER;
}

static const verdict *find(const struct stat *s) {
    for (size_t i = 0; i < guard.n_known; i++) {
        const struct stat *k = &guard.known[i].file;
        if (k->st_dev == s->st_dev && k->st_ino == s->st_ino && k->st_size == s->st_size && k->st_mtim.tv_sec == s->st_mtim.tv_sec &&
            k->st_mtim.tv_nsec == s->st_mtim.tv_nsec)
            return &guard.known[i];
    }
    return NULL;
}

/* False where nobody answers: then the file is opened without having been looked at. */
static bool ask(const char *path, answer *a) {
    char *whole = realpath(path, NULL);
    bool asked = whole && send(guard.socket, whole, strlen(whole), MSG_NOSIGNAL) > 0;
    free(whole);
    ssize_t n = -1;
    while (asked && (n = recv(guard.socket, a, sizeof *a, 0)) < 0 && errno == EINTR)
        ;
    return n == sizeof *a;
}

err h5_guard(const char *path) {
    struct stat s;
    if (stat(path, &s) != 0)
        return OK; /* whoever opens it will say so */
    const verdict *known = find(&s);
    if (!known) {
        verdict v = {.file = s};
        h5_guard_start(true);
        if (guard.state != RUNNING || !ask(path, &v.is))
            return OK;
        guard.known = mem_resize(guard.known, guard.n_known + 1, sizeof *guard.known);
        guard.known[guard.n_known] = v;
        known = &guard.known[guard.n_known++];
    }
    return known->is.code == OK ? OK : fail((err)known->is.code, "%s: %s", path, known->is.text);
}
