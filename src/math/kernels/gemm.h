/* Matrix products of our own, for shapes that convolutions have: tall, of few columns, their left side read where it lies.
 *
 *     C = A · B          multiply()       A: rows as they are (NHWC pixels, windows), B: packed weights
 *     C = Σ_lanes Aᵀ · B sum_tile()       both as they are or in panels; summed over rows, lane by lane and then along the lanes' tree
 *
 * A packed right side is panels of PANEL columns: [panel][k][PANEL], the last one padded with zeros. A micro-tile of C, at most
 * TILE_ROWS rows by one panel, is summed in registers. Every element of C is one chain of multiply-adds per block of k, in the order of k,
 * and the blocks' sums are added up; blocks depend on k only. So an element's bits depend on its row of A and its column of B, and on
 * nothing else: not on the number of rows or columns, nor on where it stands. */
#ifndef SHOAL_MATH_GEMM_H
#define SHOAL_MATH_GEMM_H

#include "math/kernels/kernels.h"

enum { PANEL = 2 * VECTOR };

/* Rows of a micro-tile: two accumulators each, and registers left for a row of the panel and one value of A. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 14 };
#elif defined(__AVX2__)
enum { TILE_ROWS = 6 };
#else
enum { TILE_ROWS = 4 };
#endif

/* Steps of k that follow one another without a loop's instructions, and with one prefetch: AVX2's twelve multiply-adds a step would share
 * the core with too many of these. */
enum { UNROLL = VECTOR == 16 ? 1 : 4 };

static inline int64_t panels_of(int64_t n) {
    return (n + PANEL - 1) / PANEL;
}

/* Floats of b[k, n] packed. */
static inline int64_t packed_floats(int64_t k, int64_t n) {
    return panels_of(n) * PANEL * k;
}

/* Memory that is read soon, to be fetched while products keep the processor busy: a line at `from`, another `step` floats further on, and
 * so forth. It need not exist. NULL: nothing. */
typedef struct memory_ahead {
    const float *from;
    int64_t step;
} memory_ahead;

/* ---- gemm_pack.c ---- */

/* Element (i, j) of b[k, n] is b[i * row_stride + j * column_stride]; one of the strides is 1. Writes panels [first, first + count) to
 * their places in `packed`, which is the whole. */
void MATH(pack_panels)(int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, int64_t first, int64_t count,
                       float *packed);

/* All panels. */
void MATH(pack)(int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, float *packed);

/* ---- gemm.c ---- */

/* c[m, n] = a[m, k] · b[k, n], or added to c; lda and ldc are the rows' distances. */
void MATH(multiply)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, float *c, int64_t ldc, bool add);

/* c = bias + a · b, the same bias[n] in every row; without bias (NULL) c = a · b. */
void MATH(multiply_bias)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *packed, const float *bias, float *c,
                         int64_t ldc);

/* ---- gemm_narrow.c: the same where it suits; bits may differ from multiply's ---- */

enum { NARROW_K = 16 };

static inline bool suits_narrow(int64_t n, int64_t k) {
    return VECTOR == 16 && n == VECTOR && k == NARROW_K;
}

void MATH(multiply_narrow)(int64_t m, const float *a, int64_t lda, const float *packed, float *c, int64_t ldc);

/* ---- gemm_rows.c: the rows of all lanes, cut into chunks ---- */

/* Rows of one lane that are summed in one go, or all rows that it has: `rows` may be 0. */
typedef struct row_piece {
    int64_t rows;
    int64_t sample, row; /* the first one: of the batch, of the sample. Whole samples, or part of one */
    bool first;          /* of its lane */
    int merges;          /* of the lane's sum when this piece ends the lane, as in math_lanes; −1: the lane goes on */
} row_piece;

enum { CHUNK_ROWS = 200, CHUNK_PIECES = 16 };

/* Consecutive rows of the batch. Start with {.most = 0}. */
typedef struct row_chunk {
    int64_t most; /* rows of a chunk; 0 is CHUNK_ROWS */
    int64_t first, rows;
    int count;
    row_piece pieces[CHUNK_PIECES];
    int depth; /* sums that wait before the first piece; the lane's own begun sum not counted */
    bool last;
    int next_lane, next_piece, next_depth; /* where the following chunk begins */
} row_chunk;

/* Goes to the next chunk of the rows of all lanes, `sample_rows` rows a sample; false when there is none. A lane is cut into even pieces
 * of whole samples or into even parts of each sample, as a function of its own length; a chunk holds as many whole pieces as fit. */
bool MATH(next_chunk)(const math_lanes *lanes, int64_t sample_rows, row_chunk *chunk);

/* ---- gemm_sum.c ---- */

/* Whether sums read both sides where they lie and ask for their lines, or get them packed and laid out: tiles of few rows are done with a
 * step before L2 has brought its lines. */
enum { SUMS_IN_PLACE = VECTOR == 16 };

/* Tiles of m rows, as even as possible. */
static inline int64_t tiles_of(int64_t m) {
    return (m + TILE_ROWS - 1) / TILE_ROWS;
}

/* The rows of a piece of a chunk, where both sides have them: `groups` of `segments` of `steps`. */
typedef struct sum_rows {
    int64_t steps, segments, groups;
    const float *a;                     /* the left side's first row */
    int64_t a_step, a_segment, a_group; /* and how far it is to the next step, segment, group, in floats */
    int64_t b;                          /* the right side's first row, counted from the chunk's first; a step is a row */
    int64_t b_segment, b_group;         /* in rows */
} sum_rows;

/* Some columns of the right side of a chunk, at most PANEL: rows ldb apart, readable up to a whole vector. */
typedef struct sum_panel {
    const float *b;
    int64_t ldb, columns;
} sum_panel;

/* Lines to be fetched meanwhile where sums are made in place, one a step: of the left side, so many floats from the tile's own rows, or
 * else (0) of the right side, rows from `right.from` on. */
typedef struct sum_ahead {
    int64_t left;
    memory_ahead right;
} sum_ahead;

/* A tile of C, [height, a panel's columns]. */
typedef struct sum_place {
    int64_t first, height; /* floats from the left side's rows to its columns, and how many these are */
    float *waiting;        /* its sums that wait, height * PANEL floats a level */
    int64_t level;         /* from one level to the next */
    float *c;              /* written by the last chunk */
    int64_t ldc;
    sum_ahead ahead;
} sum_place;

/* Adds a chunk, rows[i] those of its piece i, to a tile. The caller keeps `waiting` from chunk to chunk. */
void MATH(sum_tile)(const row_chunk *chunk, const sum_rows *rows, const sum_panel *right, const sum_place *place);

/* Floats of the sums that wait between the chunks. */
static inline int64_t waiting_floats(int64_t m, int64_t n, int levels) {
    return panels_of(n) * PANEL * m * levels;
}

#endif
