#include <inttypes.h>
#include <stdio.h>

#include "tensor/tensor.h"

int64_t dims_size(dims d) {
    int64_t size = 1;
    for (int i = 0; i < d.rank; i++)
        size *= d.size[i];
    return size;
}

bool dims_equal(dims a, dims b) {
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.size[i] != b.size[i])
            return false;
    return true;
}

char *dims_text(char out[SHAPE_TEXT], dims d) {
    int used = snprintf(out, SHAPE_TEXT, "[");
    for (int i = 0; i < d.rank; i++)
        used += snprintf(out + used, (size_t)(SHAPE_TEXT - used), i ? ", %" PRId64 : "%" PRId64, d.size[i]);
    snprintf(out + used, (size_t)(SHAPE_TEXT - used), "]");
    return out;
}
