#define _DEFAULT_SOURCE /* madvise, MAP_ANONYMOUS */
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static _Noreturn void out_of_memory(size_t count, size_t size) {
    err_end(ERR_BROKEN, "out of memory: %zu objects of %zu bytes", count, size);
}

size_t mem_product(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size)
        out_of_memory(count, size);
    return count * size;
}

void *mem_new(size_t count, size_t size) {
    size_t bytes = mem_product(count, size);
    if (bytes > SIZE_MAX - ALIGNMENT)
        out_of_memory(count, size);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *block = aligned_alloc(ALIGNMENT, bytes ? bytes : ALIGNMENT);
    if (!block)
        out_of_memory(count, size);
    return memset(block, 0, bytes);
}

void *mem_resize(void *block, size_t count, size_t size) {
    size_t bytes = mem_product(count, size);
    void *moved = realloc(block, bytes != 0 ? bytes : 1);
    if (!moved)
        out_of_memory(count, size);
    return moved;
}

char *mem_string(const char *text) {
    char *copy = mem_new(strlen(text) + 1, 1);
    return strcpy(copy, text);
}

void mem_free(void *block) {
    free(block);
}

void mem_free_strings(char **strings, size_t count) {
    for (size_t i = 0; i < count; i++)
        mem_free(strings[i]);
    mem_free(strings);
}

/* Reserved in earnest: the kernel refuses at once what the machine can never hold, rather than kill the process later. */
static void *map(size_t bytes) {
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

err arena_init(arena *a, size_t bytes, const char *what) {
    *a = (arena){0};
    if (bytes == 0)
        return OK;
    size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *start = bytes < SIZE_MAX - 2 * HUGE_PAGE ? map(rounded + HUGE_PAGE) : MAP_FAILED;
    if (start == MAP_FAILED) {
        char size[TEXT_NUMBER];
        return fail(ERR_BROKEN, "out of memory: %s need %s; use more ranks or a smaller batch", what, text_bytes(size, bytes));
    }
    a->bytes = rounded;
    /* one huge page more than needed, so that an aligned start fits; the ends are given back */
    size_t head = (HUGE_PAGE - (uintptr_t)start % HUGE_PAGE) % HUGE_PAGE;
    if (head)
        munmap(start, head);
    if (HUGE_PAGE - head)
        munmap(start + head + a->bytes, HUGE_PAGE - head);
    a->base = start + head;
    madvise(a->base, a->bytes, MADV_HUGEPAGE); /* a wish: small pages do as well */
    return OK;
}

void arena_reset(arena *a) {
    if (a->base)
        munmap(a->base, a->bytes);
    *a = (arena){0};
}

size_t mem_of_machine(void) {
    size_t bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    unsigned long long granted;
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "r");
    bool limited = f && fscanf(f, "%llu", &granted) == 1; /* `max` is no number */
    if (f)
        fclose(f);
    return limited && granted < bytes ? (size_t)granted : bytes;
}
