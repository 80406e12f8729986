/* The devkit's meta.mat: MATLAB, packed with zlib. */
#include "fuzz.h"
#include "pack/synsets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char **wnids = NULL;
    int count = 0;
    if (synsets_read(data, size, &wnids, &count) == OK)
        mem_free_strings(wnids, (size_t)count);
    return 0;
}
