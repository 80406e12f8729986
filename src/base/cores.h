/* The cores that a process may use, and how the processes of a machine share them. */
#ifndef SHOAL_BASE_CORES_H
#define SHOAL_BASE_CORES_H

#include <stdbool.h>
#include <stdint.h>

enum { CORES_MAX = 1024 };

/* One bit a core; the hyperthreads of a core are one. Plain data, so that processes can tell each other. */
typedef struct core_set {
    uint64_t word[CORES_MAX / 64];
} core_set;

/* The cores of this process's affinity mask. Never empty. */
core_set cores_available(void);
int cores_count(core_set set);
core_set cores_join(core_set a, core_set b);
bool cores_equal(core_set a, core_set b);
int cores_first(core_set set); /* -1 where it is empty */

/* Whether this process may use fewer processors than the machine has. */
bool cores_are_bound(void);

/* The processor time that the container grants (cgroup v2), in cores, rounded down but at least 1; CORES_MAX where it sets no limit. */
int cores_limit(void);

/* How many threads process `which` of `count` may start so that all together never have more threads than cores: every core is shared
 * equally among the processes that may use it. At least 1. */
int cores_fair_share(const core_set *sets, int count, int which);

#endif
