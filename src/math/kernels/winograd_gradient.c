/* The weights' gradient in frequencies:  dw = Gᵀ [ Σ_tiles V ⊙ Z ] G,  V = Bᵀ x B, Z = A dy Aᵀ; the sum over a lane's tiles is n² products
 * Vᵀ · Z, and lanes are summed along the tree after they have come back out of frequencies: where lanes are on different ranks, nothing
 * else is added up, and the bits are to be the same.
 *
 * A lane may have as few as 8 tiles, and n² · c · oc sums a lane would be bound by memory. So the unit is a block of V_PANEL input by PANEL
 * output channels: its n² products of one piece of a lane are made in cache, transformed back, and added to the lane's earlier pieces on
 * the block's own stack of partial sums; then comes the next piece. For that V and Z lie in panels, [panel][frequency][tile][channel]: a
 * frequency's planes of both panels are read from the first cache while the next frequency's are fetched.
 *
 * A part is a range of input by a range of output channels; V and Z of its ranges are made for a chunk of tiles at a time. Parts are large
 * because x and dy are transformed for every part anew: 256 by 256 channels, a tenth of the time; with 128 by 128 it was a quarter. */
#include <string.h>

#include "math/kernels/gemm.h"
#include "math/kernels/winograd.h"

enum { RANGE = 256 /* of channels, at most */, STREAM_FLOATS = 1024 * 1024 /* of dw */ };
enum { V_PANEL = 16, BLOCK = V_PANEL * PANEL, TAPS = 9 };
enum { SUMS_PLANE = BLOCK + LINE }; /* of a frequency's sums: 36 planes 1 KB apart would not all fit into the first cache's sets */
enum { STRIPS = (V_PANEL + TILE_ROWS - 1) / TILE_ROWS }; /* of a panel of V: what products hold in registers, by PANEL columns */

/* ---- shapes ---- */

/* A range of channels. */
typedef struct range {
    int64_t first, count;
} range;

static int64_t range_count(int64_t channels) {
    return (channels + RANGE - 1) / RANGE;
}

static range range_of(int64_t channels, int64_t i) {
    int64_t units = channels / V_PANEL, ranges = range_count(channels), first = units * i / ranges;
    return (range){first * V_PANEL, (units * (i + 1) / ranges - first) * V_PANEL};
}

int MATH(winograd_gradient_parts)(const math_conv *g) {
    return (int)(range_count(g->c) * range_count(g->oc));
}

/* Long pieces of a lane, so that sums are transformed back seldom; 32 tiles where a sample, and so perhaps a lane, has fewer. Where it has
 * fewer than 8, chunks take many lanes, so that few blocks' sums wait in memory. For AVX-512, whose products are made fast enough for it to
 * count, V and Z of few channels stay in the second cache, 1.2 MB. */
static int64_t chunk_tiles(const math_conv *g, const winograd_tiling *t) {
    int64_t sample = t->rows * t->columns, channels = math_min(g->c, RANGE) + math_min(g->oc, RANGE);
    if (sample < 8)
        return 64;
    if (VECTOR == 16 && channels <= 256)
        return math_min(64, 8 * 1024 / channels);
    return sample < 32 ? 32 : 98;
}

static int frequencies_of(const math_conv *g) {
    return g->accurate ? 16 : 36;
}

/* The stack of sums that wait for a block. */
static int64_t block_floats(int levels) {
    return (int64_t)BLOCK * TAPS * levels;
}

size_t MATH(winograd_gradient_scratch)(const math_conv *g, int levels) {
    winograd_tiling t = MATH(winograd_tiling)(g, g->oh, g->ow);
    int64_t panels = RANGE / V_PANEL, oc_panels = panels_of(RANGE), frequencies = frequencies_of(g);
    int64_t spectra = panels * winograd_plane(chunk_tiles(g, &t), V_PANEL) + oc_panels * winograd_plane(chunk_tiles(g, &t), PANEL);
    return (size_t)(RANGE + frequencies * (spectra + SUMS_PLANE) + panels * oc_panels * block_floats(levels)) * sizeof(float);
}

typedef struct job {
    const math_conv *g;
    winograd_tiling tiling;
    int n;
    range c, oc;
    winograd_spectrum v, z;
    float *sums, *blocks;
    int64_t block_floats;
    bool stream;
} job;

/* ---- a block ---- */

/* sums = vᵀ · z: `rows` of it, and `vectors` of the panel's two. Every tile asks for a line of each `next`. */
INLINE void product(const int rows, const int vectors, const int fetches, int64_t tiles, const float *v, const float *z,
                    const float *const next[2], float *sums) {
    vec sum[V_PANEL][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = (vec){0};
    for (int64_t tile = 0; tile < tiles; tile++, v += V_PANEL, z += PANEL) {
        for (int i = 0; i < fetches; i++)
            __builtin_prefetch(next[i] + tile * LINE);
        vec right[2] = {vec_load(z), vectors > 1 ? vec_load(z + VECTOR) : (vec){0}};
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < vectors; k++)
                sum[i][k] += v[i] * right[k];
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++, sums += PANEL)
        for (int k = 0; k < vectors; k++)
            vec_store(sums + k * VECTOR, sum[i][k]);
}

/* Of every panel that is computed: no second vector where no channel has it. */
static int64_t columns_of(const job *j) {
    return j->oc.count <= VECTOR ? VECTOR : PANEL;
}

/* All frequencies of a piece of a lane, each in strips of V's channels, which share out what they ask for of the next frequency: a line's
 * width of V, and one or two of Z. */
INLINE void products_of(const int strips, const int vectors, const job *j, int64_t tiles, const float *v, const float *z) {
    const int widths = 1 + (vectors * VECTOR + LINE - 1) / LINE;
    float *sums = j->sums;
    for (int f = 0; f < j->n * j->n; f++, v += j->v.plane, z += j->z.plane, sums += SUMS_PLANE)
#pragma GCC unroll 4
        for (int i = 0; i < strips; i++) {
            const int row = V_PANEL * i / strips, rows = V_PANEL * (i + 1) / strips - row;
            const int fetches = (i < widths) + (i + strips < widths);
            const float *next[2];
            for (int k = 0, width = i; k < fetches; k++, width += strips)
                next[k] = width == 0 ? v + j->v.plane : z + j->z.plane + (width - 1) * LINE * tiles;
            product(rows, vectors, fetches, tiles, v + row, z, next, sums + row * PANEL);
        }
}

static void products(const job *j, int64_t tiles, const float *v, const float *z) {
    if (columns_of(j) == VECTOR)
        products_of((STRIPS + 1) / 2, 1, j, tiles, v, z);
    else
        products_of(STRIPS, 2, j, tiles, v, z);
}

/* dw[tap] = Gᵀ sums G, or added to it, for the panel's first `columns` */
INLINE void out_of_frequencies(const int n, int64_t columns, const float *sums, bool add, float *dw) {
    for (int64_t i = 0; i < BLOCK; i += columns == VECTOR ? PANEL : VECTOR) {
        vec half[3 * 6];
#pragma GCC unroll 6
        for (int row = 0; row < n; row++) {
            vec line[6];
#pragma GCC unroll 6
            for (int j = 0; j < n; j++)
                line[j] = vec_load(sums + (row * n + j) * SUMS_PLANE + i);
            winograd_dw_line(n, line, half + row, n);
        }
#pragma GCC unroll 3
        for (int j = 0; j < 3; j++) {
            vec line[3];
            winograd_dw_line(n, half + j * n, line, 1);
#pragma GCC unroll 3
            for (int row = 0; row < 3; row++) {
                float *tap = dw + (row * 3 + j) * BLOCK + i;
                if (add)
                    line[row] += vec_load(tap);
                vec_store(tap, line[row]);
            }
        }
    }
}

/* A piece's share of the lane's sum on top of the stack; where the lane is complete, the tree's sums that it completes are made. */
static void push(const job *j, const row_piece *piece, float *top) {
    int64_t columns = columns_of(j);
    if (j->n == 6)
        out_of_frequencies(6, columns, j->sums, !piece->first, top);
    else
        out_of_frequencies(4, columns, j->sums, !piece->first, top);
    for (int merges = piece->merges; merges > 0; merges--, top -= TAPS * BLOCK)
        MATH(copy_columns)(TAPS * V_PANEL, columns, top, PANEL, top - TAPS * BLOCK, PANEL, true);
}

static void chunk_of_block(const job *j, const row_chunk *chunk, const float *v, const float *z, float *stack) {
    int depth = chunk->depth;
    for (int i = 0; i < chunk->count; i++) {
        const row_piece *piece = chunk->pieces + i;
        products(j, piece->rows, v, z);
        push(j, piece, stack + depth * TAPS * BLOCK);
        if (piece->merges >= 0)
            depth += 1 - piece->merges;
        v += piece->rows * V_PANEL;
        z += piece->rows * PANEL;
    }
}

/* Into the weights [tap, c, oc], row by row; past the caches where it is much, since nobody reads it soon. */
static void store_block(const job *j, int64_t c, int64_t oc, const float *sum, float *dw) {
    int64_t columns = math_min(PANEL, j->oc.count - oc);
    for (int tap = 0; tap < TAPS; tap++)
        for (int64_t row = 0; row < V_PANEL; row++, sum += PANEL) {
            float *to = dw + (tap * j->g->c + j->c.first + c + row) * j->g->oc + j->oc.first + oc;
            for (int64_t column = 0; column < columns; column += VECTOR)
                if (j->stream)
                    vec_stream(to + column, vec_load(sum + column));
                else
                    vec_store(to + column, vec_load(sum + column));
        }
}

static void chunk_of_blocks(const job *j, const row_chunk *chunk, bool only, float *dw) {
    float *block = j->blocks;
    for (int64_t oc = 0; oc < j->oc.count; oc += PANEL)
        for (int64_t c = 0; c < j->c.count; c += V_PANEL) {
            chunk_of_block(j, chunk, j->v.data + c / V_PANEL * j->v.panel, j->z.data + oc / PANEL * j->z.panel, block);
            if (chunk->last)
                store_block(j, c, oc, block, dw);
            block += only ? 0 : j->block_floats;
        }
}

/* ---- a part ---- */

/* Lays the scratch out behind its row of zeros. A last panel's columns that no channel has are zero. */
static job job_of(const math_conv *g, int levels, int part, float *scratch) {
    int64_t ranges = range_count(g->oc), frequencies = frequencies_of(g);
    winograd_tiling t = MATH(winograd_tiling)(g, g->oh, g->ow);
    int64_t v_plane = winograd_plane(chunk_tiles(g, &t), V_PANEL), z_plane = winograd_plane(chunk_tiles(g, &t), PANEL);
    job j = {.g = g, .tiling = t, .n = t.n, .c = range_of(g->c, part / ranges), .oc = range_of(g->oc, part % ranges)};
    j.v = (winograd_spectrum){scratch + RANGE, V_PANEL, frequencies * v_plane, v_plane};
    j.z = (winograd_spectrum){j.v.data + j.c.count / V_PANEL * j.v.panel, PANEL, frequencies * z_plane, z_plane};
    j.sums = j.z.data + panels_of(j.oc.count) * j.z.panel;
    j.blocks = j.sums + frequencies * SUMS_PLANE;
    j.block_floats = block_floats(levels);
    if (j.oc.count % PANEL)
        memset(j.sums - j.z.panel, 0, (size_t)j.z.panel * sizeof(float));
    return j;
}

void MATH(winograd_gradient)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                             void *scratch) {
    job j = job_of(g, lanes->levels, part, scratch);
    j.stream = TAPS * g->c * g->oc >= STREAM_FLOATS && vec_streams_lines(dw, g->oc);
    winograd_planes in = {g->h, g->w, g->c, g->pad_h, g->pad_w}, out = {g->oh, g->ow, g->oc, 0, 0};
    const float *zeros = memset(scratch, 0, RANGE * sizeof(float));
    row_chunk chunk = {.most = chunk_tiles(g, &j.tiling)};
    for (bool first = true; MATH(next_chunk)(lanes, j.tiling.rows * j.tiling.columns, &chunk); first = false) {
        MATH(winograd_x_tiles)(&j.tiling, &in, chunk.first, chunk.rows, x + j.c.first, j.c.count, zeros, &j.v);
        MATH(winograd_dy_tiles)(&j.tiling, &out, chunk.first, chunk.rows, dy + j.oc.first, j.oc.count, zeros, &j.z);
        chunk_of_blocks(&j, &chunk, first && chunk.last, dw);
    }
}
