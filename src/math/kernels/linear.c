/* Fully connected layers:  Y = X · Wᵀ + b        dX = dY · W        (dW: linear_weight.c)
 *
 * With few samples these are bound by memory: what counts is that W comes in once, in long pieces, so the other operands are taken in
 * pieces that stay in cache while W goes by. With many samples the same tiles are bound by arithmetic.
 *
 *   forward        SAMPLES · OUTPUTS dot products over CHUNK inputs, each a vector of partial sums in a register that is folded at the
 *                  chunk's end and added to y. The order of additions follows from the number of inputs alone. X: CHUNK · BLOCK_SAMPLES.
 *   backward data  WIDE_SAMPLES · WIDTH sums over ROWS rows of W at a time: for every element of dX one chain from the first row of W to
 *                  the last. dX: SEGMENT columns of all samples. The rows that come next are fetched meanwhile. */
#include "math/kernels/kernels.h"

enum {
    CHUNK = 1024,
    BLOCK_SAMPLES = 64,
    SAMPLES = 4,
    OUTPUTS = VECTOR == 16 ? 6 : 3,
    FOLDED = VECTOR == 16 ? 8 : 4, /* OUTPUTS, up to a power of two */

    ROWS = 32,
    WIDE_SAMPLES = VECTOR == 16 ? 8 : 4,
    VECTORS = 3,
    WIDTH = VECTORS * VECTOR,
    SEGMENT = 1008, /* a multiple of every WIDTH */
};

size_t MATH(linear_scratch)(int64_t in, int64_t out, int levels) {
    (void)in;
    (void)out;
    return MATH(linear_weight_scratch)(levels);
}

/* ---- forward ---- */

typedef struct dot_tile {
    const float *x[SAMPLES], *w[OUTPUTS];
    const float *ahead[2]; /* rows of W for the next tile */
    int64_t inputs, samples, outputs;
    float *y;
    int64_t next_y;
} dot_tile;

static int64_t parts_of(int64_t count, int64_t most) {
    return (count + most - 1) / most;
}

INLINE vec load(const float *p, int64_t part) {
    return part ? vec_load_part(p, part) : vec_load(p);
}

/* Inputs i… of all rows: a vector of them, or `part` of one where that is not 0. */
INLINE void dot_step(const dot_tile *t, int64_t i, int64_t part, vec sums[SAMPLES][OUTPUTS]) {
    vec x[SAMPLES];
    for (int s = 0; s < SAMPLES; s++)
        x[s] = load(t->x[s] + i, part);
    for (int o = 0; o < OUTPUTS; o++) {
        vec w = load(t->w[o] + i, part);
        for (int s = 0; s < SAMPLES; s++)
            sums[s][o] += x[s] * w;
    }
}

/* Element o: the sum of the elements of sums[o], by neighbours, by pairs of neighbours, and so on. */
INLINE vec fold(const vec sums[OUTPUTS]) {
    vec v[FOLDED];
    for (int o = 0; o < FOLDED; o++)
        v[o] = o < OUTPUTS ? sums[o] : vec_set(0);
    for (int width = VECTOR, vectors = FOLDED; width > 1; width /= 2) {
        for (int i = 0; i < vectors; i += 2)
            v[i / 2] = vec_pair_sums(v[i], v[vectors > 1 ? i + 1 : i]);
        vectors = vectors > 1 ? vectors / 2 : 1;
    }
    return v[0];
}

static void dot_products(const dot_tile *t) {
    vec sums[SAMPLES][OUTPUTS];
    for (int s = 0; s < SAMPLES; s++)
        for (int o = 0; o < OUTPUTS; o++)
            sums[s][o] = vec_set(0);
    int64_t i = 0;
    for (; i + VECTOR <= t->inputs; i += VECTOR) {
        __builtin_prefetch(t->ahead[0] + i, 0, 2);
        __builtin_prefetch(t->ahead[1] + i, 0, 2);
        dot_step(t, i, 0, sums);
    }
    if (i < t->inputs)
        dot_step(t, i, t->inputs - i, sums);
    float *y = t->y;
    for (int s = 0; s < SAMPLES; s++, y += t->next_y)
        if (s < t->samples)
            vec_store_part(y, vec_load_part(y, t->outputs) + fold(sums[s]), t->outputs);
}

/* Where a tile reaches beyond the last sample or output, it computes the last one again. */
static void set_dot_tile(dot_tile *t, const float *x, int64_t samples, const float *w, int64_t outputs, int64_t in) {
    t->samples = math_min(SAMPLES, samples);
    t->outputs = math_min(OUTPUTS, outputs);
    for (int s = 0; s < SAMPLES; s++)
        t->x[s] = x + math_min(s, t->samples - 1) * in;
    for (int o = 0; o < OUTPUTS; o++)
        t->w[o] = w + math_min(o, t->outputs - 1) * in;
}

void MATH(linear_forward)(int64_t n, int64_t in, int64_t out, const float *x, const float *w, const float *bias, int64_t first,
                          int64_t count, float *y, void *scratch) {
    (void)scratch;
    int64_t end = first + count;
    for (int64_t s = 0; s < n; s++)
        for (int64_t o = first; o < end; o++)
            y[s * out + o] = bias ? bias[o] : 0;
    for (int64_t block = 0; block < n; block += BLOCK_SAMPLES)
        for (int64_t i = 0; i < in; i += CHUNK)
            for (int64_t o = first; o < end; o += OUTPUTS)
                for (int64_t s = block, pass = 0; s < math_min(n, block + BLOCK_SAMPLES); s += SAMPLES, pass += 2) {
                    dot_tile t = {.inputs = math_min(CHUNK, in - i), .y = y + s * out + o, .next_y = out};
                    set_dot_tile(&t, x + s * in + i, n - s, w + o * in + i, end - o, in);
                    for (int a = 0; a < 2; a++)
                        t.ahead[a] = w + math_min(o + OUTPUTS + math_min(pass + a, OUTPUTS - 1), end - 1) * in + i;
                    dot_products(&t);
                }
}

/* ---- backward data ---- */

/* The block of W that comes next, fetched line after line, row after row, as memory likes it. */
typedef struct block_ahead {
    const float *row;
    int64_t in, rows, lines, line; /* lines of a row */
} block_ahead;

typedef struct wide_tile {
    const float *dy[WIDE_SAMPLES], *w;
    int64_t in, rows, samples, columns;
    bool add;
    float *dx;
    block_ahead *ahead;
    int64_t fetches; /* lines of it for every row */
} wide_tile;

/* How many of the elements of vector v are among the first `columns`. */
INLINE int64_t part_of(int64_t columns, int v) {
    int64_t left = columns - v * VECTOR;
    return left < 0 ? 0 : math_min(left, VECTOR);
}

INLINE vec load_columns(const float *p, int v, const bool whole, int64_t columns) {
    return whole ? vec_load(p + v * VECTOR) : vec_load_part(p + v * VECTOR, part_of(columns, v));
}

INLINE void store_columns(float *p, int v, const bool whole, int64_t columns, vec value) {
    if (whole)
        vec_store(p + v * VECTOR, value);
    else
        vec_store_part(p + v * VECTOR, value, part_of(columns, v));
}

INLINE void fetch_lines(block_ahead *b, int64_t count) {
    for (; count > 0 && b->rows > 0; count--) {
        __builtin_prefetch(b->row + b->line * LINE, 0, 2);
        if (++b->line < b->lines)
            continue;
        b->line = 0;
        b->row += b->in;
        b->rows--;
    }
}

INLINE void wide_sums(const wide_tile *t, const bool whole) {
    vec sums[WIDE_SAMPLES][VECTORS];
    for (int s = 0; s < WIDE_SAMPLES; s++)
        for (int v = 0; v < VECTORS; v++)
            sums[s][v] = t->add && s < t->samples ? load_columns(t->dx + s * t->in, v, whole, t->columns) : vec_set(0);
    const float *w = t->w;
    for (int64_t r = 0; r < t->rows; r++, w += t->in) {
        vec right[VECTORS];
        for (int v = 0; v < VECTORS; v++)
            right[v] = load_columns(w, v, whole, t->columns);
        fetch_lines(t->ahead, t->fetches);
        for (int s = 0; s < WIDE_SAMPLES; s++) {
            vec left = vec_set(t->dy[s][r]);
            for (int v = 0; v < VECTORS; v++)
                sums[s][v] += left * right[v];
        }
    }
    for (int s = 0; s < WIDE_SAMPLES; s++)
        for (int v = 0; v < VECTORS; v++)
            if (s < t->samples)
                store_columns(t->dx + s * t->in, v, whole, t->columns, sums[s][v]);
}

static void wide_whole(const wide_tile *t) {
    wide_sums(t, true);
}

static void wide_edge(const wide_tile *t) {
    wide_sums(t, false);
}

typedef struct data_call {
    int64_t n, in, out;
    const float *dy, *w;
    float *dx;
    bool add;
} data_call;

/* ROWS rows of W from `row` on, `columns` of them from `first` on. */
static void wide_block(const data_call *c, int64_t row, int64_t first, int64_t columns) {
    int64_t tiles = parts_of(columns, WIDTH) * parts_of(c->n, WIDE_SAMPLES), below = row + ROWS;
    block_ahead ahead = {c->w + below * c->in + first, c->in, math_min(ROWS, c->out - below), parts_of(columns, LINE), 0};
    int64_t fetches = parts_of(ahead.lines, math_max(tiles, 1)); /* there may be no samples */
    for (int64_t i = first; i < first + columns; i += WIDTH)
        for (int64_t s = 0; s < c->n; s += WIDE_SAMPLES) {
            wide_tile t = {.w = c->w + row * c->in + i, .in = c->in, .rows = math_min(ROWS, c->out - row), .add = c->add || row > 0};
            t.samples = math_min(WIDE_SAMPLES, c->n - s);
            t.columns = math_min(WIDTH, first + columns - i);
            t.dx = c->dx + s * c->in + i;
            for (int a = 0; a < WIDE_SAMPLES; a++)
                t.dy[a] = c->dy + math_min(s + a, c->n - 1) * c->out + row;
            t.ahead = &ahead;
            t.fetches = fetches;
            if (t.columns == WIDTH)
                wide_whole(&t);
            else
                wide_edge(&t);
        }
}

void MATH(linear_backward_data)(int64_t n, int64_t in, int64_t out, const float *dy, const float *w, int64_t first, int64_t count,
                                float *dx, bool add, void *scratch) {
    (void)scratch;
    data_call c = {n, in, out, dy, w, dx, add};
    for (int64_t segment = first; segment < first + count; segment += SEGMENT)
        for (int64_t row = 0; row < out; row += ROWS)
            wide_block(&c, row, segment, math_min(SEGMENT, first + count - segment));
}
