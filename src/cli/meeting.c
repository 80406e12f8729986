/* The first meeting of the ranks: all must have been started with the same command line. Otherwise some of them would wait for ever for
 * others that have gone another way. */
#define _POSIX_C_SOURCE 200809L /* stpcpy */
#include "cli/cli.h"

#include <string.h>

#include "comm/comm.h"

/* The words one after the other, each with its NUL. New string. */
static char *join(int count, char *const *words, size_t *bytes) {
    *bytes = 0;
    for (int i = 0; i < count; i++)
        *bytes += strlen(words[i]) + 1;
    char *text = mem_new(*bytes + 1, 1), *end = text;
    for (int i = 0; i < count; i++)
        end = stpcpy(end, words[i]) + 1;
    return text;
}

/* `"--resume"`, or `missing`. New string. */
static char *quoted(const char *word) {
    return word ? text_format("\"%s\"", word) : mem_string("missing");
}

/* `first` are rank 0's words. */
static err compare(int count, char *const *words, const char *first, size_t bytes) {
    const char *theirs = first;
    for (int i = 0; i < count || theirs < first + bytes; i++) {
        const char *mine = i < count ? words[i] : NULL, *other = theirs < first + bytes ? theirs : NULL;
        if (!mine || !other || strcmp(mine, other) != 0) {
            char *here = quoted(mine), *there = quoted(other);
            fail(ERR_USAGE, "ranks were started with different command lines: argument %d is %s here and %s on rank 0: give all the same",
                 i + 1, here, there);
            mem_free(here);
            mem_free(there);
            return ERR_USAGE;
        }
        theirs += strlen(theirs) + 1;
    }
    return OK;
}

err cli_check_same_words(int count, char *const *words) {
    size_t bytes;
    char *text = join(count, words, &bytes);
    comm *world = comm_world();
    comm_broadcast(world, 0, &bytes, sizeof bytes);
    if (!comm_is_root())
        text = mem_resize(text, bytes + 1, 1);
    comm_broadcast(world, 0, text, bytes);
    err code = comm_agree(world, compare(count, words, text, bytes));
    mem_free(text);
    return code;
}

/* Where MPI has not found the processes that were launched with this one, each of them takes itself for rank 0: the launcher knows which
 * of them is to speak, and the others give it the time, because launchers end all processes once one has left. */
err cli_check_connected(void) {
    err code = comm_check_connected(comm_size(comm_world()));
    if (code != OK)
        log_set_rank(comm_launcher_rank());
    if (log_rank() != 0 && code != OK)
        time_sleep(1);
    return code;
}

err cli_meet_first(int count, char *const *words) {
    if (comm_launcher_size() < 2)
        return OK;
    err code = cli_start_ranks();
    if (code == OK && comm_check_connected(comm_size(comm_world())) != OK)
        log_set_rank(comm_launcher_rank()); /* no more is needed of the others here than their silence */
    else if (code == OK)
        code = cli_check_same_words(count, words);
    cli_report(code);
    comm_finish();
    return code;
}
