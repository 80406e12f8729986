#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cores.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

static void add(core_set *set, int core) {
    set->word[core / 64] |= UINT64_C(1) << core % 64;
}

static bool has(const core_set *set, int core) {
    return set->word[core / 64] >> core % 64 & 1;
}

/* The number at the start of a file, or `otherwise`. */
static double read_number(const char *path, double otherwise) {
    FILE *f = fopen(path, "r");
    double number;
    bool found = f && fscanf(f, "%lf", &number) == 1;
    if (f)
        fclose(f);
    return found ? number : otherwise;
}

/* The first of the hyperthreads that share a core with this one stands for the core. */
static int core_of(int cpu) {
    char *path = text_format("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    int first = (int)read_number(path, cpu);
    mem_free(path);
    return first >= 0 && first < CORES_MAX ? first : cpu;
}

core_set cores_available(void) {
    core_set set = {{0}};
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (sched_getaffinity(0, sizeof mask, &mask) != 0)
        CPU_SET(0, &mask);
    for (int cpu = 0; cpu < CORES_MAX && cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &mask))
            add(&set, core_of(cpu));
    return set;
}

int cores_count(core_set set) {
    int count = 0;
    for (int core = 0; core < CORES_MAX; core++)
        count += has(&set, core);
    return count;
}

core_set cores_join(core_set a, core_set b) {
    for (int w = 0; w < CORES_MAX / 64; w++)
        a.word[w] |= b.word[w];
    return a;
}

bool cores_equal(core_set a, core_set b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

int cores_first(core_set set) {
    for (int core = 0; core < CORES_MAX; core++)
        if (has(&set, core))
            return core;
    return -1;
}

bool cores_are_bound(void) {
    cpu_set_t mask;
    return sched_getaffinity(0, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) < sysconf(_SC_NPROCESSORS_ONLN);
}

int cores_limit(void) {
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    double quota, period;
    bool limited = f && fscanf(f, "%lf %lf", &quota, &period) == 2 && period > 0; /* `max 100000` has no number first */
    if (f)
        fclose(f);
    double cores = limited ? quota / period : CORES_MAX;
    return cores < 1 ? 1 : cores > CORES_MAX ? CORES_MAX : (int)cores;
}

static int count_users(const core_set *sets, int count, int core) {
    int users = 0;
    for (int i = 0; i < count; i++)
        users += has(&sets[i], core);
    return users;
}

int cores_fair_share(const core_set *sets, int count, int which) {
    double share = 0;
    for (int core = 0; core < CORES_MAX; core++)
        if (has(&sets[which], core))
            share += 1.0 / count_users(sets, count, core);
    int threads = (int)(share + 1e-6); /* three thirds are one */
    return threads > 1 ? threads : 1;
}
