#include "train/roofline.h"

#include <string.h>

#include "base/base.h"
#include "math/math.h"

enum { TRIES = 3, ROUNDS = 1 << 20, COPY_BYTES = 64 << 20 };

/* One try on every thread; each reports its own rate. */
typedef struct tries {
    double *rates; /* [thread's item], of this try */
    char *from, *to;
    size_t bytes; /* that an item copies */
} tries;

static void time_peak(void *context, int item, int thread) {
    const tries *t = context;
    (void)thread;
    float value = 1;
    double start = time_now(), flops = math->peak(ROUNDS, &value);
    t->rates[item] = flops / (time_now() - start);
}

static void time_copy(void *context, int item, int thread) {
    const tries *t = context;
    (void)thread;
    size_t offset = (size_t)item * t->bytes;
    double start = time_now();
    memcpy(t->to + offset, t->from + offset, t->bytes);
    t->rates[item] = 2 * (double)t->bytes / (time_now() - start);
}

/* The best of a few tries: whatever disturbs a measurement makes it slower. */
static double best_rate(tries *t, void (*once)(void *, int, int)) {
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double sum = 0;
        threads_run(threads_count(), once, t);
        for (int item = 0; item < threads_count(); item++)
            sum += t->rates[item];
        best = sum > best ? sum : best;
    }
    return best;
}

roofline roofline_measure(void) {
    arena memory;
    roofline r = {0};
    tries t = {.rates = mem_new((size_t)threads_count(), sizeof *t.rates)};
    r.flops = best_rate(&t, time_peak);
    if (arena_init(&memory, 2 * (size_t)COPY_BYTES, "two buffers to copy between") == OK) {
        memset(memory.base, 1, memory.bytes);
        t.from = memory.base;
        t.to = memory.base + COPY_BYTES;
        t.bytes = COPY_BYTES / (size_t)threads_count();
        r.bytes = best_rate(&t, time_copy);
        arena_reset(&memory);
    }
    mem_free(t.rates);
    return r;
}

double roofline_seconds(const roofline *r, double flops, double bytes) {
    double computing = flops / r->flops, moving = r->bytes > 0 ? bytes / r->bytes : 0;
    return computing > moving ? computing : moving;
}
