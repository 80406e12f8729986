/* Memory. Small blocks never fail (the process ends with one line and ERR_BROKEN); arenas, which may be larger than the machine, return an err. */
#ifndef SHOAL_BASE_MEM_H
#define SHOAL_BASE_MEM_H

#include <stddef.h>

#include "base/err.h"

/* `count` zeroed objects of `size` bytes, aligned to 64 bytes. Never NULL. Free with mem_free(). */
void *mem_new(size_t count, size_t size);

/* count × size, which is what is asked of memory: where it is beyond size_t there is no such memory, and the process ends so. */
size_t mem_product(size_t count, size_t size);

/* The block grown or shrunk to `count` objects; what is new is not zeroed. `block` may be NULL. Never NULL. */
void *mem_resize(void *block, size_t count, size_t size);

/* A copy of a string. */
char *mem_string(const char *text);

void mem_free(void *block);

/* An array of strings, each and the array from mem_new(). */
void mem_free_strings(char **strings, size_t count);

/* Bytes of memory of this machine, or what its container grants (cgroup v2) where that is less. */
size_t mem_of_machine(void);

/* One long-lived region of zeroed memory, on huge pages where the kernel gives them. */
typedef struct arena {
    char *base;    /* aligned to 2 MB; NULL where bytes is 0 */
    size_t bytes;
} arena;

/* Reserves `bytes`; `what` names the use in the error text. Pages are committed when first touched. */
err arena_init(arena *a, size_t bytes, const char *what);
void arena_reset(arena *a);

#endif
