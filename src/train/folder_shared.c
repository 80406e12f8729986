/* Whether the nodes see the same run folder: rank 0 leaves a note there, and the first rank of every node looks for it. */
#define _POSIX_C_SOURCE 200809L /* access, getpid */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "comm/comm.h"
#include "launch/launch.h"
#include "train/folder.h"

typedef struct sight {
    char host[64];
    bool missed; /* the note was not there */
} sight;

/* A name that nobody has asked for before: network file systems remember for a while what was not there. New string, the same everywhere.
 */
static char *note_path(const char *folder) {
    long process = (long)getpid();
    comm_broadcast(comm_world(), 0, &process, sizeof process);
    return text_format("%s/.seen-%ld", folder, process);
}

static bool is_first_of_node(void) {
    comm *node = comm_node(comm_world());
    bool first = comm_rank(node) == 0;
    comm_free(node);
    return first;
}

static void warn(const char *folder, const sight *all, int count) {
    const char **blind = mem_new((size_t)count, sizeof *blind);
    int n = 0;
    for (int r = 0; r < count; r++)
        if (all[r].missed)
            blind[n++] = all[r].host;
    char *names = n > 0 ? hosts_short(blind, n) : NULL;
    if (names)
        log_warn(
            "%s: the run folder is not shared: %s does not see what rank 0 on %s writes there; the run goes on, but --resume finds its "
            "checkpoint only where rank 0 runs on %s again: put the folder on a file system of all nodes (--out)",
            folder, names, comm_host(), comm_host());
    mem_free(names);
    mem_free(blind);
}

void folder_check_shared(const char *folder) {
    comm *world = comm_world();
    if (comm_shares_node(world))
        return;
    char *note = note_path(folder);
    int file = comm_is_root() ? open(note, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
    bool left = file >= 0 && close(file) == 0;
    comm_barrier(world);
    sight mine = {.missed = is_first_of_node() && access(note, F_OK) != 0};
    snprintf(mine.host, sizeof mine.host, "%s", comm_host());
    sight *all = comm_is_root() ? mem_new((size_t)comm_size(world), sizeof *all) : NULL;
    comm_collect(world, &mine, all, sizeof mine);
    if (left) { /* never but on rank 0 */
        warn(folder, all, comm_size(world));
        unlink(note);
    }
    mem_free(all);
    mem_free(note);
}
