/* The gradient of a fully connected layer's weights:  dW = Σ over lanes, along their tree, of Σ_samples dyᵀ · x
 *
 * With few samples this is bound by writing dW: 1.2 GB for the three of VGG-16. So dW is written once, past the caches where it is large,
 * and the lanes' tree is climbed tile by tile: a tile of outputs · vectors of dW takes its lanes one after the other, and the partial sums
 * that wait for their sister are in registers (groups of four lanes, a small tile) or on a stack of tiles in first-level cache. The small
 * tile serves lanes of few samples, the large one lanes of many; all sum each element in the same order. x is taken in columns such that
 * those of all samples stay in first-level cache while the outputs go by. A sink is given the rows of a line of tiles, from cache. */
#include "math/kernels/kernels.h"

enum {
    MOST_OUTPUTS = 8,
    MOST_VECTORS = 4,
    FEW_SAMPLES = 4,             /* of a lane, for the small tile */
    GROUP_FLOATS = 8192,         /* of x */
    GROUP_COLUMNS = 512,         /* at most */
    STREAM_FLOATS = 2560 * 1024, /* of dW */
};

typedef vec tile_sums[MOST_OUTPUTS][MOST_VECTORS];

typedef struct tile_kind {
    int outputs, vectors;
    int lanes; /* summed in registers */
} tile_kind;

static const tile_kind small = {VECTOR == 16 ? 4 : 3, VECTOR == 16 ? 2 : 4, VECTOR == 16 ? 4 : 1};
static const tile_kind large = {VECTOR == 16 ? 8 : 4, 3, 1};

size_t MATH(linear_weight_scratch)(int levels) {
    return (size_t)levels * sizeof(tile_sums) + sizeof(float[MOST_OUTPUTS][GROUP_COLUMNS]);
}

typedef struct weight_tile {
    const math_lanes *lanes;
    const float *x, *dy;
    int64_t in, out;
    int64_t columns;
    float *dw;
    int64_t next_dw; /* to the next row */
    bool stream;
    const math_sink *sink; /* or NULL; dw then lies in cache, and `place` is that of its first element in the whole */
    int64_t place;
    tile_sums *stack;
} weight_tile;

/* How many of the elements of vector v are among the first `columns`. */
INLINE int64_t part_of(int64_t columns, int v) {
    int64_t left = columns - v * VECTOR;
    return left < 0 ? 0 : math_min(left, VECTOR);
}

INLINE void lane_sums(const weight_tile *t, const tile_kind k, const bool whole, const int64_t *bounds, tile_sums sums) {
    for (int o = 0; o < k.outputs; o++)
        for (int v = 0; v < k.vectors; v++)
            sums[o][v] = vec_set(0);
    const float *x = t->x + bounds[0] * t->in, *dy = t->dy + bounds[0] * t->out;
    for (int64_t n = bounds[0]; n < bounds[1]; n++, x += t->in, dy += t->out) {
        vec right[MOST_VECTORS];
        for (int v = 0; v < k.vectors; v++)
            right[v] = whole ? vec_load(x + v * VECTOR) : vec_load_part(x + v * VECTOR, part_of(t->columns, v));
        for (int o = 0; o < k.outputs; o++) {
            vec left = vec_set(dy[o]);
            for (int v = 0; v < k.vectors; v++)
                sums[o][v] += left * right[v];
        }
    }
}

INLINE void merge(const tile_kind k, tile_sums below, tile_sums top) {
    for (int o = 0; o < k.outputs; o++)
        for (int v = 0; v < k.vectors; v++)
            below[o][v] += top[o][v];
}

INLINE void pair_sums(const weight_tile *t, const tile_kind k, const bool whole, const int64_t *bounds, tile_sums sums) {
    tile_sums right;
    lane_sums(t, k, whole, bounds, sums);
    lane_sums(t, k, whole, bounds + 1, right);
    merge(k, sums, right);
}

INLINE void quad_sums(const weight_tile *t, const tile_kind k, const bool whole, const int64_t *bounds, tile_sums sums) {
    tile_sums right;
    pair_sums(t, k, whole, bounds, sums);
    pair_sums(t, k, whole, bounds + 2, right);
    merge(k, sums, right);
}

/* Whether four lanes are a subtree. */
INLINE bool are_quad(const int *merges, int left) {
    return left >= 4 && merges[0] == 0 && merges[1] == 1 && merges[2] == 0 && merges[3] >= 2;
}

/* The sum over all lanes. */
INLINE void tree_sums(const weight_tile *t, const tile_kind k, const bool whole, tile_sums sums) {
    const math_lanes *lanes = t->lanes;
    int depth = 0;
    for (int lane = 0;;) {
        const int *merges = lanes->merges + lane;
        int left;
        if (k.lanes == 4 && are_quad(merges, lanes->count - lane)) {
            quad_sums(t, k, whole, lanes->bounds + lane, sums);
            left = merges[3] - 2;
            lane += 4;
        } else {
            lane_sums(t, k, whole, lanes->bounds + lane, sums);
            left = merges[0];
            lane++;
        }
        for (; left > 0; left--)
            merge(k, sums, t->stack[--depth]);
        if (lane >= lanes->count)
            return;
        for (int o = 0; o < k.outputs; o++)
            for (int v = 0; v < k.vectors; v++)
                t->stack[depth][o][v] = sums[o][v];
        depth++;
    }
}

INLINE void weight_sums(const weight_tile *t, const tile_kind k, const bool whole) {
    tile_sums sums;
    tree_sums(t, k, whole, sums);
    for (int o = 0; o < k.outputs; o++)
        for (int v = 0; v < k.vectors; v++) {
            float *dw = t->dw + o * t->next_dw + v * VECTOR;
            if (!whole)
                vec_store_part(dw, sums[o][v], part_of(t->columns, v));
            else if (t->stream)
                vec_stream(dw, sums[o][v]);
            else
                vec_store(dw, sums[o][v]);
        }
}

/* What the sink touches when it is given a tile. */
INLINE void fetch_touched(const weight_tile *t, const tile_kind k, int64_t place) {
    for (int i = 0; i < MATH_SINK_TOUCHED; i++) {
        const float *at = t->sink->touched[i];
        for (int o = 0; at && o < k.outputs; o++)
            for (int c = 0; c < k.vectors * VECTOR; c += LINE)
                __builtin_prefetch(at + t->sink->origin + place + o * t->in + c, 1, 2);
    }
}

/* A line of tiles; `fetch`: for the sink, what it touches of the next line. */
INLINE void weight_line(weight_tile t, const tile_kind k, int64_t columns, const bool fetch) {
    for (int64_t i = 0; i < columns; i += k.vectors * VECTOR) {
        if (fetch)
            fetch_touched(&t, k, t.place + i + k.outputs * t.in);
        t.columns = math_min(k.vectors * VECTOR, columns - i);
        if (t.columns == k.vectors * VECTOR)
            weight_sums(&t, k, true);
        else
            weight_sums(&t, k, false);
        t.x += k.vectors * VECTOR;
        t.dw += k.vectors * VECTOR;
    }
}

/* Rows [first, last) of a line of tiles. */
static void give_rows(const weight_tile *t, int64_t first, int64_t last, int64_t columns) {
    for (int64_t r = first; r < last; r++)
        t->sink->take(t->sink->context, t->sink->origin + t->place + r * t->in, columns, t->dw + r * t->next_dw);
}

/* Rows [0, count) of dw, for one group of columns: tiles of one kind, the last of them moved back so far that it ends at the last row. */
INLINE void weight_rows(weight_tile t, const tile_kind k, int64_t count, int64_t columns) {
    const weight_tile origin = t;
    for (int64_t row = 0; row < count; row += k.outputs) {
        int64_t o = math_min(row, count - k.outputs);
        t.dy = origin.dy + o;
        t.dw = origin.dw + (t.sink ? 0 : o * t.next_dw);
        t.place = origin.place + o * t.in;
        if (t.sink && row + 2 * k.outputs <= count)
            weight_line(t, k, columns, true);
        else
            weight_line(t, k, columns, false);
        if (t.sink)
            give_rows(&t, row - o, k.outputs, columns);
    }
}

static void small_tiles(const weight_tile *t, int64_t count, int64_t columns) {
    weight_rows(*t, small, count, columns);
}

static void large_tiles(const weight_tile *t, int64_t count, int64_t columns) {
    weight_rows(*t, large, count, columns);
}

static void single_rows(const weight_tile *t, int64_t count, int64_t columns) {
    weight_rows(*t, (tile_kind){1, MOST_VECTORS, 1}, count, columns);
}

void MATH(linear_backward_weight)(const math_lanes *lanes, int64_t in, int64_t out, const float *x, const float *dy, int64_t first,
                                  int64_t count, float *dw, const math_sink *sink, void *scratch) {
    int64_t n = lanes->bounds[lanes->count] - lanes->bounds[0], tile = VECTOR * 12 /* a multiple of every tile's columns */;
    int64_t group = math_min(GROUP_COLUMNS, GROUP_FLOATS / (n + 1)) / tile * tile;
    group = group < tile ? tile : group;
    for (int64_t i = 0; i < in; i += group) {
        weight_tile t = {.lanes = lanes, .x = x + i, .dy = dy + first, .in = in, .out = out, .sink = sink, .stack = scratch};
        t.place = first * in + i;
        t.dw = sink ? (float *)(t.stack + lanes->levels) : dw + t.place;
        t.next_dw = sink ? GROUP_COLUMNS : in;
        t.stream = !sink && in * out >= STREAM_FLOATS && vec_streams_lines(dw, in);
        int64_t columns = math_min(group, in - i);
        if (count < MOST_OUTPUTS)
            single_rows(&t, count, columns);
        else if (n > FEW_SAMPLES * lanes->count)
            large_tiles(&t, count, columns);
        else
            small_tiles(&t, count, columns);
    }
}
