/* Whose a run folder is: one owner of many that come at once, dead ones followed, living ones respected, a loss noticed. */
#define _GNU_SOURCE /* mkdtemp, setenv, futimens, kill */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "suite.h"
#include "train/owner.h"

static char place[] = "/tmp/shoal-owner-XXXXXX";
static char *folder;

static char *in_folder(const char *name) {
    return text_format("%s/%s", folder, name);
}

static void begin(void) {
    strcpy(place + sizeof place - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
    folder = text_format("%s/run", place);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
}

static void end(void) {
    char *command = text_format("rm -rf '%s'", place);
    ck_assert_int_eq(system(command), 0);
    mem_free(command);
    mem_free(folder);
}

/* ---- processes that want the folder ---- */

typedef struct candidate {
    pid_t pid;
    int answer, leave; /* pipes: its answer; closed when it may leave */
} candidate;

/* In a child: takes the folder at the moment when `start` is closed, moving an earlier run aside as a new run does; says how it ended,
 * stays until it may leave. */
static _Noreturn void stand(int start, int answer, int leave) {
    char byte;
    owner *o = NULL;
    (void)!read(start, &byte, 1);
    err code = owner_take(&o, folder, 0);
    char *metrics = in_folder("metrics.jsonl"), *aside = text_format("%s.1", folder);
    if (code == OK && access(metrics, F_OK) == 0)
        code = owner_move_aside(o, aside);
    byte = (char)code;
    (void)!write(answer, &byte, 1);
    (void)!read(leave, &byte, 1);
    if (byte == 'x')
        kill(getpid(), SIGKILL);
    byte = code == OK ? (char)owner_check(o) : 0;
    (void)!write(answer, &byte, 1);
    owner_release(o);
    _exit(0);
}

static candidate send_out(int start[2]) {
    int answer[2], leave[2];
    ck_assert(pipe2(answer, O_CLOEXEC) == 0 && pipe2(leave, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(start[1]);
        stand(start[0], answer[1], leave[0]);
    }
    close(answer[1]);
    close(leave[0]);
    return (candidate){pid, answer[0], leave[1]};
}

static err hear(const candidate *c) {
    char byte = 0;
    ck_assert_int_eq(read(c->answer, &byte, 1), 1);
    return (err)byte;
}

/* Lets it go: `x` as one that is killed. What its last look at the folder gave. */
static err dismiss(candidate *c, char how) {
    ck_assert_int_eq(write(c->leave, &how, 1), 1);
    err code = how == 'x' ? OK : hear(c);
    close(c->leave);
    close(c->answer);
    ck_assert_int_eq(waitpid(c->pid, NULL, 0), c->pid);
    return code;
}

static candidate send_one(void) {
    int start[2];
    ck_assert_int_eq(pipe2(start, O_CLOEXEC), 0);
    candidate c = send_out(start);
    close(start[0]);
    close(start[1]);
    return c;
}

static void leave_dead_owner(void) {
    candidate c = send_one();
    ck_assert_int_eq(hear(&c), OK);
    dismiss(&c, 'x');
}

/* Many at once: one becomes the owner and still is it when all have been heard, all others are told of it. */
static void race(void) {
    enum { MANY = 20 };
    candidate all[MANY];
    int start[2], winners = 0, owners = 0;
    ck_assert_int_eq(pipe2(start, O_CLOEXEC), 0);
    for (int i = 0; i < MANY; i++)
        all[i] = send_out(start);
    close(start[1]);
    close(start[0]);
    for (int i = 0; i < MANY; i++) {
        err code = hear(&all[i]);
        ck_assert_msg(code == OK || code == ERR_USAGE, "code %d", code);
        winners += code == OK;
    }
    for (int i = 0; i < MANY; i++)
        owners += dismiss(&all[i], '.') == OK;
    ck_assert_int_eq(winners, 1);
    ck_assert_int_eq(owners, MANY);
    char *path = in_folder(".owner");
    ck_assert_int_ne(access(path, F_OK), 0);
    mem_free(path);
}

/* ---- records that are made up ---- */

static char *read_text(const char *path) {
    char text[2048] = "";
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    return mem_string(text);
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* `"key":VALUE…` becomes `"key":with…`. */
static void change(char **text, const char *key, const char *with) {
    char *name = text_format("\"%s\":", key), *at = strstr(*text, name);
    ck_assert_ptr_nonnull(at);
    const char *rest = at + strlen(name) + strcspn(at + strlen(name), ",}");
    char *changed = text_format("%.*s%s%s%s", (int)(at - *text), *text, name, with, rest);
    mem_free(name);
    mem_free(*text);
    *text = changed;
}

/* The record of a process that has died, with another value of a key; `age` seconds ago it gave a sign of life. */
static void leave_record(const char *key, const char *value, double age) {
    leave_dead_owner();
    char *path = in_folder(".owner"), *text = read_text(path);
    change(&text, key, value);
    write_text(path, text);
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_sec -= (time_t)age;
    times[0] = times[1];
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    mem_free(text);
    mem_free(path);
}

static void taken(void) {
    owner *o = NULL;
    ck_assert_msg(owner_take(&o, folder, 0) == OK, "%s", err_last()->text);
    ck_assert_int_eq(owner_check(o), OK);
    owner_release(o);
}

static void refused(const char *expected) {
    owner *o = NULL;
    ck_assert_int_eq(owner_take(&o, folder, 0), ERR_USAGE);
    ck_assert_ptr_null(o);
    ck_assert_msg(strstr(err_last()->text, expected) != NULL, "%s", err_last()->text);
}

/* ---- one of many ---- */

enum { ROUNDS = 10 };

START_TEST(one_of_many_takes_a_new_folder) {
    for (int i = 0; i < ROUNDS; i++)
        race();
}
END_TEST

START_TEST(one_of_many_follows_a_dead_owner) {
    for (int i = 0; i < ROUNDS; i++) {
        leave_dead_owner();
        race();
    }
}
END_TEST

/* A successor that was killed after it had announced itself. */
START_TEST(one_of_many_follows_a_dead_successor) {
    for (int i = 0; i < ROUNDS; i++) {
        leave_dead_owner();
        char *path = in_folder(".owner"), *text = read_text(path);
        char *claim = text_format("%s.tmp-%.32s", path, strstr(text, "token\":\"") + 8);
        change(&text, "token", "\"ffff0123\"");
        write_text(claim, text);
        race();
        ck_assert_int_ne(access(claim, F_OK), 0);
        mem_free(claim);
        ck_assert_int_eq(rmdir(folder), 0);
        mem_free(text);
        mem_free(path);
    }
}
END_TEST

/* Between two steps of its way: the dead owner's record is still there, and its successor has announced itself. */
START_TEST(a_successor_on_its_way_is_respected) {
    leave_dead_owner();
    char *path = in_folder(".owner"), *saved = in_folder("saved"), *text = read_text(path);
    char *claim = text_format("%s.tmp-%.32s", path, strstr(text, "token\":\"") + 8);
    ck_assert_int_eq(rename(path, saved), 0);
    candidate c = send_one();
    ck_assert_int_eq(hear(&c), OK);
    ck_assert(link(path, claim) == 0 && rename(saved, path) == 0);
    char *expected = text_format("process %d on ", (int)c.pid);
    refused(expected);
    dismiss(&c, 'x');
    taken();
    mem_free(expected);
    mem_free(claim);
    mem_free(text);
    mem_free(saved);
    mem_free(path);
}
END_TEST

START_TEST(one_of_many_moves_an_earlier_run_aside) {
    char *metrics = in_folder("metrics.jsonl"), *aside = text_format("%s.1", folder), *moved = text_format("%s/metrics.jsonl", aside);
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert(mkdir(folder, 0755) == 0);
        write_text(metrics, "{}");
        race();
        ck_assert_int_eq(access(moved, F_OK), 0);
        ck_assert_int_eq(unlink(moved), 0);
        ck_assert_int_eq(rmdir(aside), 0);                /* nothing of ours stays there */
        ck_assert(rmdir(folder) == 0 || errno == ENOENT); /* who came between made it, and has taken it away */
    }
    mem_free(metrics);
    mem_free(aside);
    mem_free(moved);
}
END_TEST

/* ---- who lives and who does not ---- */

START_TEST(a_living_owner_is_named) {
    candidate c = send_one();
    ck_assert_int_eq(hear(&c), OK);
    char *expected = text_format("belongs to a run that is under way: process %d on ", (int)c.pid);
    refused(expected);
    ck_assert_int_eq(dismiss(&c, '.'), OK);
    taken();
    ck_assert_int_ne(access(folder, F_OK), 0); /* it was made for the run, and is empty */
    mem_free(expected);
}
END_TEST

/* The lock says so where there is one, also of a process that cannot be seen; else the process. */
START_TEST(a_dead_owner_on_this_machine_is_followed_at_once) {
    leave_dead_owner();
    taken();
    leave_record("pid_namespace", "1", 0);
    taken();
    leave_record("locked", "false", 0);
    taken();
    char *pid = text_format("%d", (int)getpid());
    leave_record("pid", pid, 0); /* the number is somebody else's now */
    char *path = in_folder(".owner"), *text = read_text(path);
    change(&text, "locked", "false");
    change(&text, "started", "1");
    write_text(path, text);
    taken();
    mem_free(pid);
    mem_free(text);
    mem_free(path);
}
END_TEST

/* In another container on a file system without locks, on another machine, or with a record that is none. */
START_TEST(a_lease_that_has_ended_is_followed) {
    leave_record("boot", "\"another\"", 61);
    taken();
    leave_record("host", "\"another\"", 61);
    taken();
    leave_record("token", "{}", 61);
    taken();
    leave_record("boot", "\"another\"", 59);
    double before = time_now();
    taken();
    ck_assert_double_ge(time_now() - before, 0.4);
}
END_TEST

START_TEST(a_lease_that_is_renewed_is_respected) {
    leave_record("boot", "\"another\"", 20);
    char *path = in_folder(".owner");
    pid_t pid = fork();
    for (int i = 0; pid == 0; i++) {
        utimensat(AT_FDCWD, path, NULL, 0);
        time_sleep(0.1);
    }
    refused("is under way: process ");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    mem_free(path);
}
END_TEST

START_TEST(a_signal_ends_the_waiting) {
    owner *o = NULL;
    leave_record("boot", "\"another\"", 0);
    signals_watch();
    raise(SIGTERM);
    ck_assert_int_eq(owner_take(&o, folder, 0), ERR_REQUEUE);
    ck_assert_ptr_null(o);
    signals_forget();
}
END_TEST

START_TEST(a_requeued_job_follows_its_earlier_start) {
    setenv("SLURM_JOB_ID", "815", 1);
    candidate c = send_one();
    ck_assert_int_eq(hear(&c), OK);
    refused("(SLURM job 815)");
    setenv("SLURM_RESTART_COUNT", "1", 1);
    owner *o = NULL;
    ck_assert_int_eq(owner_take(&o, folder, 0), OK);
    ck_assert_int_eq(dismiss(&c, '.'), ERR_IO);
    ck_assert_int_eq(owner_check(o), OK);
    owner_release(o);
}
END_TEST

/* ---- a loss ---- */

static void lost(owner *o, const char *expected) {
    ck_assert(!owner_has_lost(o));
    ck_assert_int_eq(owner_check(o), ERR_IO);
    ck_assert(owner_has_lost(o));
    ck_assert_msg(strstr(err_last()->text, expected) != NULL, "%s", err_last()->text);
    owner_release(o);
}

START_TEST(a_loss_is_noticed) {
    owner *o = NULL;
    char *path = in_folder(".owner"), *away = text_format("%s/away", place), *command = text_format("rm -rf '%s'", folder);
    char *copy = text_format("cp -r '%s' '%s' && rm -rf '%s' && mv '%s' '%s'", folder, away, folder, away, folder);
    ck_assert_int_eq(owner_take(&o, folder, 0), OK);
    ck_assert_int_eq(rename(folder, away), 0);
    lost(o, "it was moved, deleted or replaced");
    ck_assert_int_eq(rename(away, folder), 0);
    ck_assert_int_eq(owner_take(&o, folder, 0), OK);
    ck_assert_int_eq(system(command), 0);
    lost(o, "it was moved, deleted or replaced");
    ck_assert_int_eq(owner_take(&o, folder, 0), OK);
    ck_assert_int_eq(system(copy), 0);
    lost(o, "it was moved, deleted or replaced");
    ck_assert_int_eq(owner_take(&o, folder, 0), OK);
    char *text = read_text(path);
    change(&text, "token", "\"0123\"");
    write_text(path, text);
    lost(o, "it belongs to process ");
    ck_assert_int_eq(access(path, F_OK), 0); /* the other's stays */
    mem_free(text);
    mem_free(path);
    mem_free(away);
    mem_free(copy);
    mem_free(command);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("all");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, one_of_many_takes_a_new_folder);
    tcase_add_test(tests, one_of_many_follows_a_dead_owner);
    tcase_add_test(tests, one_of_many_follows_a_dead_successor);
    tcase_add_test(tests, a_successor_on_its_way_is_respected);
    tcase_add_test(tests, one_of_many_moves_an_earlier_run_aside);
    tcase_add_test(tests, a_living_owner_is_named);
    tcase_add_test(tests, a_dead_owner_on_this_machine_is_followed_at_once);
    tcase_add_test(tests, a_lease_that_has_ended_is_followed);
    tcase_add_test(tests, a_lease_that_is_renewed_is_respected);
    tcase_add_test(tests, a_signal_ends_the_waiting);
    tcase_add_test(tests, a_requeued_job_follows_its_earlier_start);
    tcase_add_test(tests, a_loss_is_noticed);
    return suite_run();
}
