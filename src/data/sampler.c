/* Which samples make which batch. The order of an epoch is a keyed permutation that is computed place by place, not stored. */
#include "data/data.h"

int64_t sampler_steps(const sampler *s) {
    return s->drop_last ? s->count / s->batch : (s->count + s->batch - 1) / s->batch;
}

int64_t sampler_batch_size(const sampler *s, int64_t step) {
    int64_t left = s->count - step * s->batch;
    return left < s->batch ? left : s->batch;
}

int64_t sampler_id(const sampler *s, int64_t epoch, int64_t step, int64_t place) {
    int64_t i = step * s->batch + place;
    if (!s->shuffle)
        return i;
    rng_key key = rng_make_key(s->seed, RNG_SHUFFLE, (uint64_t)epoch, 0);
    return (int64_t)rng_permute(key, (uint64_t)s->count, (uint64_t)i);
}
