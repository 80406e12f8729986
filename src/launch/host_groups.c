#include "launch/host_groups.h"

#include <stdlib.h>
#include <string.h>

/* Hosts in order of name, their ranks in order of rank. */
static int compare(const void *a, const void *b) {
    const launch_rank *x = *(const launch_rank *const *)a, *y = *(const launch_rank *const *)b;
    int order = strcmp(x->host, y->host);
    return order ? order : (x > y) - (x < y);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

static int most(int a, int b) {
    return a > b ? a : b;
}

static int count_alike(const launch_rank *const *ranks, int count, const launch_rank *one) {
    int alike = 0;
    for (int r = 0; r < count; r++)
        alike += cores_equal(ranks[r]->cores, one->cores);
    return alike;
}

/* Ranks that may all use the same few cores while the host has more. */
static void find_pinned(host_facts *h, const launch_rank *const *ranks, int count) {
    for (int r = 0; r < count; r++) {
        int alike = count_alike(ranks, count, ranks[r]), cores = cores_count(ranks[r]->cores);
        if (ranks[r]->bound && alike > cores && alike > h->pinned) {
            h->pinned = alike;
            h->pinned_core = cores_first(ranks[r]->cores);
            h->pinned_cores = cores;
        }
    }
}

static host_facts facts_of(const launch_rank *const *ranks, int count) {
    host_facts h = {.ranks = count, .threads_least = CORES_MAX, .cores_least = CORES_MAX, .limit = ranks[0]->limit};
    core_set all = {{0}};
    for (int r = 0; r < count; r++) {
        int threads = ranks[r]->threads, cores = cores_count(ranks[r]->cores);
        all = cores_join(all, ranks[r]->cores);
        h.threads_together += threads;
        h.threads_least = least(h.threads_least, threads);
        h.threads_most = most(h.threads_most, threads);
        h.cores_least = least(h.cores_least, cores);
        h.cores_most = most(h.cores_most, cores);
        h.crowded = threads > cores ? most(h.crowded, threads) : h.crowded;
    }
    h.cores_together = cores_count(all);
    h.memory_gb = (ranks[0]->memory + 500000000) / 1000000000;
    find_pinned(&h, ranks, count);
    return h;
}

/* Only ints and one uint64: memcmp would see padding, so the members are compared. */
static bool alike(const host_facts *a, const host_facts *b) {
    return a->ranks == b->ranks && a->threads_together == b->threads_together && a->cores_together == b->cores_together &&
           a->threads_least == b->threads_least && a->threads_most == b->threads_most && a->cores_least == b->cores_least &&
           a->cores_most == b->cores_most && a->limit == b->limit && a->pinned == b->pinned && a->pinned_cores == b->pinned_cores &&
           a->crowded == b->crowded && a->memory_gb == b->memory_gb;
}

static void add_host(host_groups *groups, const char *name, host_facts facts) {
    int g = 0;
    while (g < groups->count && !alike(&groups->list[g].facts, &facts))
        g++;
    if (g == groups->count) {
        groups->list = mem_resize(groups->list, (size_t)g + 1, sizeof *groups->list);
        groups->list[groups->count++] = (host_group){.facts = facts};
    }
    host_group *group = &groups->list[g];
    group->names = mem_resize(group->names, (size_t)group->n_names + 1, sizeof *group->names);
    group->names[group->n_names++] = name;
}

host_groups host_groups_make(const launch_rank *ranks, int count) {
    host_groups groups = {NULL, 0};
    const launch_rank **sorted = mem_new((size_t)count, sizeof *sorted);
    for (int r = 0; r < count; r++)
        sorted[r] = &ranks[r];
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    for (int first = 0, last; first < count; first = last) {
        for (last = first + 1; last < count && strcmp(sorted[last]->host, sorted[first]->host) == 0; last++)
            ;
        add_host(&groups, sorted[first]->host, facts_of(sorted + first, last - first));
    }
    mem_free(sorted);
    return groups;
}

void host_groups_free(host_groups *g) {
    for (int i = 0; i < g->count; i++)
        mem_free(g->list[i].names);
    mem_free(g->list);
}
