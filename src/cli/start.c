/* What is decided before a subcommand works: how ranks start, who looks at files, how many threads there are. */
#define _POSIX_C_SOURCE 200809L /* sysconf */
#include "cli/cli.h"

#include <stdlib.h>
#include <unistd.h>

#include "comm/comm.h"
#include "h5/h5.h"
#include "math/math.h"

/* mpirun binds every rank to one core where there are one or two ranks: fine on two cores, a waste on many. */
static void warn_of_idle_cores(const core_set *sets, int ranks) {
    core_set all = {{0}};
    for (int r = 0; r < ranks; r++)
        all = cores_join(all, sets[r]);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (getenv("OMPI_COMM_WORLD_SIZE") && cores_count(sets[0]) == 1 && cores_count(all) < online / 2)
        log_warn("mpirun has bound every rank to one core, and most of the %ld processors of this node stay idle: "
                 "`mpirun --bind-to none` lets Shoal share them out",
                 online);
}

/* Collective over the ranks of the node. */
static int fair_share(comm *node) {
    core_set mine = cores_available();
    int ranks = node ? comm_size(node) : 1, limit = cores_limit() / ranks;
    core_set *sets = mem_new((size_t)ranks, sizeof *sets);
    sets[0] = mine;
    if (node)
        comm_gather_equal(node, &mine, sets, sizeof mine);
    int share = cores_fair_share(sets, ranks, node ? comm_rank(node) : 0);
    warn_of_idle_cores(sets, ranks);
    mem_free(sets);
    return share < limit ? share : limit > 1 ? limit : 1;
}

err cli_check_environment(void) {
    err code = environment_check();
    return code == OK ? math_init() : code;
}

err cli_set_threads(void) {
    err code = cli_check_environment();
    if (comm_world())
        code = comm_agree(comm_world(), code);
    if (code != OK)
        return code;
    comm *node = comm_world() ? comm_node(comm_world()) : NULL;
    int share = fair_share(node);
    comm_free(node);
    threads_set((int)environment_number("OMP_NUM_THREADS", share));
    return OK;
}

/* One process a node looks at files before HDF5 here opens them. Rank 0 is one of them: it reads alone what others never see. */
err cli_start_ranks(void) {
    bool looks = comm_launcher_local_rank() <= 0 || comm_launcher_rank() == 0;
    h5_guard_start(looks && !comm_is_running());
    return comm_init();
}
