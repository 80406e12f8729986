#define _POSIX_C_SOURCE 200809L /* getppid */
#include "launch/launch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/comm.h"
#include "launch/host_groups.h"
#include "math/math.h"

/* ---- what ranks know ---- */

/* SLURM grants a job so many megabytes of a node. */
static uint64_t memory_of_host(void) {
    uint64_t machine = mem_of_machine(), share = (uint64_t)environment_number("SLURM_MEM_PER_NODE", 0) << 20;
    return share > 0 && share < machine ? share : machine;
}

launch_rank *launch_gather(void) {
    launch_rank mine = {
        .cores = cores_available(),
        .threads = threads_count(),
        .limit = cores_limit(),
        .bound = cores_are_bound(),
        .memory = memory_of_host(),
    };
    snprintf(mine.host, sizeof mine.host, "%s", comm_host());
    launch_rank *all = comm_is_root() ? mem_new((size_t)comm_size(comm_world()), sizeof *all) : NULL;
    comm_collect(comm_world(), &mine, all, sizeof mine);
    return all;
}

/* ---- the table ---- */

static char *range_text(int least, int most, const char *what) {
    if (least == most)
        return text_format("%d %s%s", least, what, text_plural(least));
    return text_format("%d to %d %ss", least, most, what);
}

static char *group_line(const host_group *g) {
    const host_facts *h = &g->facts;
    char memory[TEXT_NUMBER];
    char *names = hosts_short(g->names, g->n_names), *threads = range_text(h->threads_least, h->threads_most, "thread");
    char *cores = range_text(h->cores_least, h->cores_most, "core");
    char *line =
        text_format("  %s: %d host%s x %d rank%s x %s; a rank may use %s of %d, %s a host\n", names, g->n_names, text_plural(g->n_names),
                    h->ranks, text_plural(h->ranks), threads, cores, h->cores_together, text_bytes(memory, h->memory_gb * 1000000000));
    mem_free(names);
    mem_free(threads);
    mem_free(cores);
    return line;
}

const char **launch_hosts(const launch_rank *ranks, int count) {
    const char **hosts = ranks ? mem_new((size_t)count, sizeof *hosts) : NULL;
    for (int r = 0; ranks && r < count; r++)
        hosts[r] = ranks[r].host;
    return hosts;
}

char *launch_table(const launch_rank *ranks, int count) {
    host_groups groups = host_groups_make(ranks, count);
    int64_t threads = 0;
    int hosts = 0;
    for (int r = 0; r < count; r++)
        threads += ranks[r].threads;
    for (int g = 0; g < groups.count; g++)
        hosts += groups.list[g].n_names;
    char number[TEXT_NUMBER];
    char *text = text_format("launch: %d rank%s on %d host%s, %s thread%s\n", count, text_plural(count), hosts, text_plural(hosts),
                             text_count(number, threads), text_plural(threads));
    for (int g = 0; g < groups.count; g++)
        text_append(&text, group_line(&groups.list[g]));
    host_groups_free(&groups);
    return text;
}

/* ---- mistakes ---- */

static char *mistake_of(const host_group *g) {
    const host_facts *h = &g->facts;
    int cores = h->cores_together < h->limit ? h->cores_together : h->limit;
    char *names = hosts_short(g->names, g->n_names), *text = NULL;
    if (h->pinned > 0)
        text = text_format("%s: ranks are pinned to the same core: %d of them to core %d%s, where they take turns; with mpirun "
                           "`--bind-to none` (or --map-by socket), with srun --cpus-per-task and SRUN_CPUS_PER_TASK give each its own\n",
                           names, h->pinned, h->pinned_core, h->pinned_cores > 1 ? " and its neighbours" : "");
    else if (h->ranks > cores)
        text =
            text_format("%s: %d ranks on %d core%s take turns: fewer ranks would be faster\n", names, h->ranks, cores, text_plural(cores));
    else if (h->threads_together > cores)
        text = text_format(
            "%s: %d rank%s with %d threads in all on %d core%s: more threads than cores are slower; leave OMP_NUM_THREADS unset "
            "or set it to %d\n",
            names, h->ranks, text_plural(h->ranks), h->threads_together, cores, text_plural(cores), cores / h->ranks);
    else if (h->crowded > 0)
        text = text_format("%s: more threads than cores: %d threads of a rank that may use %s; bind ranks to more cores, or set "
                           "OMP_NUM_THREADS lower\n",
                           names, h->crowded, h->cores_least == 1 ? "1 core" : "fewer cores");
    mem_free(names);
    return text;
}

char *launch_mistakes(const launch_rank *ranks, int count) {
    host_groups groups = host_groups_make(ranks, count);
    char *text = mem_string("");
    for (int g = 0; g < groups.count; g++) {
        char *mistake = mistake_of(&groups.list[g]);
        if (mistake)
            text_append(&text, mistake);
    }
    host_groups_free(&groups);
    return text;
}

static int number_of(const char *variable) {
    return (int)environment_number(variable, 0);
}

char *launch_idle_tasks(int ranks) {
    int tasks = number_of("SLURM_NTASKS");
    if (ranks > 1 || tasks <= 1 || getenv("SLURM_STEP_NUM_TASKS"))
        return NULL;
    return text_format("SLURM has given this job %d tasks, but MPI says that there is 1 rank: start it with `srun shoal train …` or "
                       "`mpirun shoal train …`, otherwise the others stay idle",
                       tasks);
}

char *launch_shares(int lanes, int ranks) {
    int least = lanes / ranks, larger = lanes % ranks;
    if (larger == 0)
        return NULL;
    int smaller = ranks - larger;
    double lost = 1 - (double)lanes / ranks / (least + 1);
    return text_format("%d lanes on %d ranks: %d %s %d, %d %s %d and %s for the others: a step takes as long as with %d lanes, %.0f %% of "
                       "the time is lost",
                       lanes, ranks, larger, larger == 1 ? "has" : "have", least + 1, smaller, smaller == 1 ? "has" : "have", least,
                       smaller == 1 ? "waits" : "wait", (least + 1) * ranks, 100 * lost);
}

/* Open MPI's mpirun kills its ranks so soon after Ctrl-C or TERM that few checkpoints are written in time; USR1 it hands on, and waits. */
char *launch_advice(void) {
    const char *patience = getenv("OMPI_MCA_odls_base_sigkill_timeout"),
               *version = getenv("OMPI_VERSION"); /* the latter since Open MPI 5 */
    if (!getenv("OMPI_COMM_WORLD_SIZE") || getenv("SHOAL_STATE_FILE") || (patience && !version))
        return NULL;
    return text_format("to stop with a checkpoint: kill -USR1 %ld; after Ctrl-C or TERM Open MPI's mpirun kills its ranks within %s",
                       (long)getppid(), version ? "half a second" : "a second");
}

/* ---- said at the start ---- */

static void each_line(const char *text, void (*say)(const char *format, ...)) {
    while (*text) {
        int length = (int)strcspn(text, "\n");
        say("%.*s", length, text);
        text += length + (text[length] == '\n');
    }
}

void launch_announce(const launch_rank *ranks, int count) {
    if (!ranks)
        return;
    char *table = launch_table(ranks, count), *mistakes = launch_mistakes(ranks, count), *idle = launch_idle_tasks(count),
         *advice = launch_advice();
    each_line(table, log_info);
    log_info("software: shoal %s (%s), %s, kernels %s (no BLAS is used)", version_number(), version_commit(), comm_library(), math->isa);
    if (advice)
        log_info("%s", advice);
    each_line(mistakes, log_warn);
    if (idle)
        log_warn("%s", idle);
    mem_free(table);
    mem_free(mistakes);
    mem_free(idle);
    mem_free(advice);
}
