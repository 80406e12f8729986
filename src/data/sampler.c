/* Which samples make which batch. The order of an epoch is a keyed permutation that is computed place by place, not stored.
 *
 * Shuffled by blocks, the files are cut into blocks of consecutive samples; the blocks are permuted, and samples are mixed within windows
 * of SAMPLER_WINDOW blocks: what WebDataset and tf.data do with a shuffle buffer, as a bijection. Each lane walks through a stretch of that order of
 * its own, so that a node reads whole blocks one after the other, and a batch still has samples of as many windows as there are lanes.
 * The cut moves by a draw an epoch: blocks differ, and the one that is cut short lies elsewhere. */
#include "data/data.h"

enum { CUT = 1, BLOCKS = 2 }; /* what a key of an epoch is for; from WINDOWS on: a window each */
#define WINDOWS UINT64_C(16)

int64_t sampler_steps(const sampler *s) {
    return s->drop_last ? s->count / s->batch : (s->count + s->batch - 1) / s->batch;
}

int64_t sampler_batch_size(const sampler *s, int64_t step) {
    int64_t left = s->count - step * s->batch;
    return left < s->batch ? left : s->batch;
}

static rng_key epoch_key(const sampler *s, int64_t epoch, uint64_t use) {
    return rng_make_key(s->seed, RNG_SHUFFLE, (uint64_t)epoch, use);
}

/* ---- the order by blocks ---- */

/* Bounds of a lane are rounded down, as everywhere. */
static int64_t lane_start(const sampler *s, int64_t lane) {
    return lane * s->batch / s->lanes;
}

static int64_t lane_of(const sampler *s, int64_t place) {
    return ((place + 1) * s->lanes - 1) / s->batch;
}

/* Where place `place` of batch `step` stands in the order: each lane has a stretch; what fills no batch is the end. */
static int64_t position_of(const sampler *s, int64_t step, int64_t place) {
    int64_t whole = s->count / s->batch;
    if (step >= whole)
        return whole * s->batch + place;
    int64_t lane = lane_of(s, place), start = lane_start(s, lane), size = lane_start(s, lane + 1) - start;
    return whole * start + step * size + place - start;
}

/* Which block is the n-th of the epoch. The short one stays the last, or positions would need a table. */
static int64_t nth_block(const sampler *s, int64_t epoch, int64_t n) {
    int64_t full = s->count / s->block;
    return n < full ? (int64_t)rng_permute(epoch_key(s, epoch, BLOCKS), (uint64_t)full, (uint64_t)n) : n;
}

static int64_t cut_of(const sampler *s, int64_t epoch) {
    return (int64_t)rng_below(epoch_key(s, epoch, CUT), 0, (uint64_t)s->count);
}

static int64_t mixed_in_window(const sampler *s, int64_t epoch, int64_t position) {
    int64_t length = SAMPLER_WINDOW * s->block, window = position / length, first = window * length;
    int64_t left = s->count - first, size = left < length ? left : length;
    return first + (int64_t)rng_permute(epoch_key(s, epoch, WINDOWS + (uint64_t)window), (uint64_t)size, (uint64_t)(position - first));
}

static int64_t id_by_blocks(const sampler *s, int64_t epoch, int64_t step, int64_t place) {
    int64_t position = mixed_in_window(s, epoch, position_of(s, step, place));
    int64_t block = nth_block(s, epoch, position / s->block);
    return (cut_of(s, epoch) + block * s->block + position % s->block) % s->count;
}

/* ---- ids ---- */

int64_t sampler_id(const sampler *s, int64_t epoch, int64_t step, int64_t place) {
    int64_t i = step * s->batch + place;
    if (!s->shuffle)
        return i;
    if (s->block > 0)
        return id_by_blocks(s, epoch, step, place);
    return (int64_t)rng_permute(epoch_key(s, epoch, 0), (uint64_t)s->count, (uint64_t)i);
}

/* ---- what will be read ---- */

/* A block may go round the end of the set: then it is two runs. */
static void tell_block(const sampler *s, int64_t epoch, int64_t n, sampler_run *use, void *context) {
    if (n * s->block >= s->count)
        return;
    int64_t block = nth_block(s, epoch, n), left = s->count - block * s->block, length = left < s->block ? left : s->block;
    int64_t first = (cut_of(s, epoch) + block * s->block) % s->count, before_end = s->count - first;
    use(context, first, length < before_end ? length : before_end);
    if (length > before_end)
        use(context, 0, length - before_end);
}

/* For each block that the positions [from, to) enter, the block one window ahead; where reading begins, all from this window on. */
static void tell_blocks(const sampler *s, int64_t epoch, int64_t from, int64_t to, bool begins, sampler_run *use, void *context) {
    int64_t n = (from + s->block - 1) / s->block + SAMPLER_WINDOW;
    if (begins)
        n = from / s->block / SAMPLER_WINDOW * SAMPLER_WINDOW;
    for (; n <= (to - 1) / s->block + SAMPLER_WINDOW; n++)
        tell_block(s, epoch, n, use, context);
}

static void tell_lanes(const sampler *s, int64_t epoch, int64_t step, int64_t first, int64_t last, bool begins, sampler_run *use,
                       void *context) {
    for (int64_t place = first, end; place < last; place = end) {
        end = lane_start(s, lane_of(s, place) + 1);
        end = end < last ? end : last;
        int64_t from = position_of(s, step, place);
        tell_blocks(s, epoch, from, from + end - place, begins, use, context);
    }
}

void sampler_runs(const sampler *s, int64_t epoch, int64_t step, int64_t first, int64_t last, bool begins, sampler_run *use,
                  void *context) {
    if (last <= first)
        return;
    if (!s->shuffle)
        use(context, step * s->batch + first, last - first);
    else if (s->block > 0 && step < s->count / s->batch)
        tell_lanes(s, epoch, step, first, last, begins || step == 0, use, context);
    else
        for (int64_t place = first; place < last; place++)
            use(context, sampler_id(s, epoch, step, place), 1);
}
