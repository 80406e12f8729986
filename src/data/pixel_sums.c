/* Mean and standard deviation of 8-bit pixels from sums of whole numbers: the same bits on every machine, whatever the order. */
#include "data/pack.h"

#include <math.h>

void pixel_sums_add(pixel_sums *s, const uint8_t *pixels, size_t count, int pixel_channels, int channels) {
    s->count += count;
    for (int c = 0; c < channels; c++) {
        const uint8_t *from = pixels + (pixel_channels == channels ? c : 0);
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            uint32_t value = from[i * (size_t)pixel_channels];
            sum += value;
            squares += value * value;
        }
        s->sum[c] += sum;
        s->squares[c] += squares;
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
