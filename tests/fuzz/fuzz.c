#define _GNU_SOURCE /* memmem, nftw */
#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *walk) {
    (void)s, (void)kind, (void)walk;
    return remove(path);
}

static void remove_folder(void) {
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Only rank 0 talks. */
__attribute__((constructor)) static void be_silent(void) {
    log_set_rank(1);
}

const char *fuzz_folder(void) {
    if (folder[0])
        return folder;
    snprintf(folder, sizeof folder, "%s/shoal-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(1);
    }
    atexit(remove_folder);
    return folder;
}

const char *fuzz_write(const char *name, const uint8_t *bytes, size_t size) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *f = fopen(path, "wb");
    if (!f || (size && fwrite(bytes, 1, size, f) != size) || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

size_t fuzz_find(const uint8_t *data, size_t size, const char *mark) {
    const uint8_t *found = size ? memmem(data, size, mark, strlen(mark)) : NULL;
    return found ? (size_t)(found - data) : size;
}

char *fuzz_text(const uint8_t *bytes, size_t size) {
    char *text = mem_new(size + 1, 1);
    if (size)
        memcpy(text, bytes, size);
    return text;
}

void fuzz_expect(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s (%s)\n", what, err_last()->text);
    abort();
}
