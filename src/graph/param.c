/* Parameters: their order in memory against PyTorch's. */
#include <string.h>

#include "graph/internal.h"

bool param_is_trained(const param *p) {
    return !p->frozen && p->role != PARAM_BUFFER && p->role != PARAM_COUNTER;
}

/* [oc, ic, kh, kw] in files is [kh, kw, ic, oc] in memory. */
static void convert_conv(const param *p, const float *from, float *to, bool to_plain) {
    int64_t oc = p->dims.size[0], ic = p->dims.size[1], taps = p->dims.size[2] * p->dims.size[3];
    int64_t memory = 0;
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t i = 0; i < ic; i++)
            for (int64_t o = 0; o < oc; o++, memory++) {
                int64_t plain = (o * ic + i) * taps + tap;
                if (to_plain)
                    to[plain] = from[memory];
                else
                    to[memory] = from[plain];
            }
}

void param_to_plain(const param *p, const float *memory, float *plain) {
    if (p->layout == LAYOUT_CONV)
        convert_conv(p, memory, plain, true);
    else
        memcpy(plain, memory, (size_t)p->size * sizeof *plain);
}

void param_from_plain(const param *p, const float *plain, float *memory) {
    if (p->layout == LAYOUT_CONV)
        convert_conv(p, plain, memory, false);
    else
        memcpy(memory, plain, (size_t)p->size * sizeof *memory);
}
