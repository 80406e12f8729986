#include "base/place.h"

#include <stdatomic.h>
#include <stdio.h>

static atomic_uint_fast64_t ticks;
static atomic_int_fast64_t current_step = -1;
static atomic_int waits; /* within each other */
static _Atomic(const char *) current_phase = "start", current_work;

void place_tick(void) {
    atomic_fetch_add_explicit(&ticks, 1, memory_order_relaxed);
}

void place_step(int64_t step) {
    atomic_store_explicit(&current_step, step, memory_order_relaxed);
    place_tick();
}

void place_phase(const char *phase) {
    atomic_store_explicit(&current_work, NULL, memory_order_relaxed);
    atomic_store_explicit(&current_phase, phase, memory_order_relaxed);
    place_tick();
}

/* With its text, which is no literal. */
void place_work(const char *work) {
    atomic_store_explicit(&current_work, work, memory_order_release);
    place_tick();
}

void place_waits(bool waiting) {
    atomic_fetch_add_explicit(&waits, waiting ? 1 : -1, memory_order_relaxed);
}

place_now place_read(void) {
    place_now p = {.ticks = atomic_load_explicit(&ticks, memory_order_relaxed)};
    p.step = atomic_load_explicit(&current_step, memory_order_relaxed);
    p.waiting = atomic_load_explicit(&waits, memory_order_relaxed) > 0;
    const char *work = atomic_load_explicit(&current_work, memory_order_acquire);
    snprintf(p.phase, sizeof p.phase, "%s", atomic_load_explicit(&current_phase, memory_order_relaxed));
    snprintf(p.work, sizeof p.work, "%s", work ? work : "");
    return p;
}
