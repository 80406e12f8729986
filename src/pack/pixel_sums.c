/* Mean and standard deviation of 8-bit pixels from sums of whole numbers: the same bits on every machine, whatever the order. */
#include "pack/internal.h"

#include <math.h>

/* Bytes are added to LANES sums side by side, which compilers make vectors of; as LANES is a multiple of 1 and of 3, a lane is always of
 * the same channel. The squares of 65,536 bytes fit in 32 bits. */
enum { LANES = 48, ROWS_MOST = 65536 };

typedef struct lane_sums {
    uint32_t sum[LANES], squares[LANES];
} lane_sums;

static void add_bytes(lane_sums *s, const uint8_t *bytes, size_t count) {
    size_t whole = count / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            uint32_t value = bytes[i + k];
            s->sum[k] += value;
            s->squares[k] += value * value;
        }
    for (size_t k = 0; k < count - whole; k++) {
        uint32_t value = bytes[whole + k];
        s->sum[k] += value;
        s->squares[k] += value * value;
    }
}

void pixel_sums_add(pixel_sums *s, const uint8_t *pixels, size_t count, int pixel_channels, int channels) {
    enum { AT_ONCE = LANES * (ROWS_MOST - 1) };
    size_t bytes = count * (size_t)pixel_channels;
    s->count += count;
    for (size_t first = 0; first < bytes; first += AT_ONCE) {
        lane_sums lanes = {{0}, {0}};
        add_bytes(&lanes, pixels + first, bytes - first < AT_ONCE ? bytes - first : AT_ONCE);
        for (int c = 0; c < channels; c++)
            for (int k = pixel_channels == channels ? c : 0; k < LANES; k += pixel_channels) {
                s->sum[c] += lanes.sum[k];
                s->squares[c] += lanes.squares[k];
            }
    }
}

void pixel_sums_join(pixel_sums *to, const pixel_sums *from) {
    to->count += from->count;
    for (int c = 0; c < 3; c++) {
        to->sum[c] += from->sum[c];
        to->squares[c] += from->squares[c];
    }
}

/* With n the count, sum = m n + r: the squares of x - m are summed without loss, so little cancels in what follows. */
void pixel_sums_finish(const pixel_sums *s, int channels, float *mean, float *std) {
    double n = (double)s->count;
    for (int c = 0; c < channels; c++) {
        uint64_t m = s->sum[c] / s->count, r = s->sum[c] % s->count;
        uint64_t around = s->squares[c] - 2 * m * s->sum[c] + s->count * m * m; /* modulo 2^64, and less than that */
        double rest = (double)r / n, variance = (double)around / n - rest * rest;
        mean[c] = (float)((double)s->sum[c] / n / 255);
        std[c] = (float)(sqrt(variance > 0 ? variance : 0) / 255);
    }
}
