#include <inttypes.h>
#include <stdio.h>

#include "tensor/tensor.h"

int64_t shape_size(shape s) {
    return s.h * s.w * s.c;
}

bool shape_equal(shape a, shape b) {
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

char *shape_text(char out[SHAPE_TEXT], shape s) {
    if (s.h == 1 && s.w == 1)
        snprintf(out, SHAPE_TEXT, "%" PRId64, s.c);
    else
        snprintf(out, SHAPE_TEXT, "%" PRId64 " x %" PRId64 " x %" PRId64, s.c, s.h, s.w);
    return out;
}
