/* Norms over the arena: fixed chunks are summed each by itself, and their sums in the arena's order, so that the number of ranks and
 * threads changes nothing. */
#include <math.h>

#include "optim/internal.h"

enum { CHUNK = 16384, WAYS = 8 }; /* floats; sums that are made side by side */

typedef struct squares {
    const float *x;
    int64_t count;
    double *sums; /* [chunk] */
} squares;

static void add_chunk(void *context, int item, int thread) {
    (void)thread;
    const squares *s = context;
    int64_t first = (int64_t)item * CHUNK, last = first + CHUNK < s->count ? first + CHUNK : s->count, i = first;
    double ways[WAYS] = {0}, sum = 0;
    for (; i + WAYS <= last; i += WAYS)
        for (int k = 0; k < WAYS; k++)
            ways[k] += (double)s->x[i + k] * (double)s->x[i + k];
    for (; i < last; i++)
        sum += (double)s->x[i] * (double)s->x[i];
    for (int k = 0; k < WAYS; k++)
        sum += ways[k];
    s->sums[item] = sum;
}

int optim_n_chunks(int64_t count) {
    return (int)((count + CHUNK - 1) / CHUNK);
}

double optim_norm(const float *x, int64_t count, double *sums) {
    squares s = {x, count, sums};
    threads_run(optim_n_chunks(count), add_chunk, &s);
    double sum = 0;
    for (int i = 0; i < optim_n_chunks(count); i++)
        sum += sums[i];
    return sqrt(sum);
}

typedef struct scaled {
    float *x;
    int64_t count;
    float factor;
} scaled;

static void scale_chunk(void *context, int item, int thread) {
    (void)thread;
    const scaled *s = context;
    int64_t first = (int64_t)item * CHUNK, last = first + CHUNK < s->count ? first + CHUNK : s->count;
    for (int64_t i = first; i < last; i++)
        s->x[i] *= s->factor;
}

void optim_scale(float *x, int64_t count, float factor) {
    scaled s = {x, count, factor};
    threads_run(optim_n_chunks(count), scale_chunk, &s);
}
