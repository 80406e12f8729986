/* 1×1 convolution of stride 1: the pixels are the rows of a matrix as they lie.
 *     Y = X · W        dX = dY · Wᵀ        dW = Σ_lanes Xᵀ · dY
 * A part of dW is a block of it, large enough that packing X and dY, linear in the block's sides, costs little beside its product. */
#include "math/kernels/gemm.h"

enum { PART_ROWS = 512, PART_PANELS = 256 / PANEL, PREPARE_PANELS = 8 };

static bool serves(const math_conv *g, math_direction d) {
    (void)d;
    return g->kh == 1 && g->kw == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0 && g->groups == 1;
}

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    return (size_t)(d == MATH_FORWARD ? packed_floats(g->c, g->oc) : packed_floats(g->oc, g->c)) * sizeof(float);
}

static int prepare_parts(const math_conv *g, math_direction d) {
    return (int)((panels_of(d == MATH_FORWARD ? g->oc : g->c) + PREPARE_PANELS - 1) / PREPARE_PANELS);
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    int64_t k = d == MATH_FORWARD ? g->c : g->oc, n = d == MATH_FORWARD ? g->oc : g->c;
    int64_t first = (int64_t)part * PREPARE_PANELS, count = math_min(PREPARE_PANELS, panels_of(n) - first);
    if (d == MATH_FORWARD)
        MATH(pack_panels)(k, n, w, g->oc, 1, first, count, prepared);
    else
        MATH(pack_panels)(k, n, w, 1, g->oc, first, count, prepared);
}

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    (void)scratch;
    MATH(multiply_bias)(n * g->h * g->w, g->oc, g->c, x, g->c, prepared, bias, y, g->oc);
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    (void)scratch;
    MATH(multiply)(n * g->h * g->w, g->c, g->oc, dy, g->oc, prepared, dx, g->c, add);
}

/* The blocks of dW: [row_blocks][column_blocks], and how they are cut. */
typedef struct blocks {
    int64_t rows, columns; /* of the matrix; columns in panels */
    int64_t row_blocks, column_blocks;
} blocks;

static blocks blocks_of(const math_conv *g) {
    blocks b = {g->c, panels_of(g->oc), (g->c + PART_ROWS - 1) / PART_ROWS, (panels_of(g->oc) + PART_PANELS - 1) / PART_PANELS};
    if (b.row_blocks * b.column_blocks > 1)
        return b;
    /* two threads should find work */
    if (b.columns > 1)
        b.column_blocks = 2;
    else if (b.rows > 1)
        b.row_blocks = 2;
    return b;
}

static int64_t largest_rows(const blocks *b) {
    return (b->rows + b->row_blocks - 1) / b->row_blocks;
}

static int64_t largest_columns(const blocks *b) {
    return (b->columns + b->column_blocks - 1) / b->column_blocks * PANEL;
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    if (d != MATH_BACKWARD_WEIGHT)
        return 0;
    blocks b = blocks_of(g);
    int64_t m = largest_rows(&b), n = largest_columns(&b);
    return (size_t)(2 * sum_rows_floats(CHUNK_ROWS, m, n) + waiting_floats(m, n, levels)) * sizeof(float);
}

static int weight_parts(const math_conv *g) {
    blocks b = blocks_of(g);
    return (int)(b.row_blocks * b.column_blocks);
}

/* A chunk's rows, and where they go in a buffer of sum_rows_floats(). */
static void place_rows(sum_rows *r, const row_chunk *chunk, const float *x, const float *dy, float *buffer) {
    r->rows = chunk->rows;
    r->a = x + chunk->first * r->lda;
    r->b = dy + chunk->first * r->ldb;
    r->left = buffer;
    r->right = buffer + (r->m + LEFT_PANEL - 1) / LEFT_PANEL * sum_panel(CHUNK_ROWS, LEFT_PANEL);
}

static void backward_weight(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                            void *scratch) {
    blocks b = blocks_of(g);
    int64_t i = part % b.row_blocks, j = part / b.row_blocks;
    int64_t row = b.rows * i / b.row_blocks, m = b.rows * (i + 1) / b.row_blocks - row;
    int64_t column = b.columns * j / b.column_blocks * PANEL, n = math_min(b.columns * (j + 1) / b.column_blocks * PANEL, g->oc) - column;
    int64_t rows_floats = sum_rows_floats(CHUNK_ROWS, m, n);
    float *buffers[] = {scratch, (float *)scratch + rows_floats}, *waiting = buffers[1] + rows_floats;
    sum_rows rows = {.m = m, .n = n, .lda = g->c, .ldb = g->oc};
    row_chunk chunk = {.most = CHUNK_ROWS};
    MATH(next_chunk)(lanes, g->h * g->w, &chunk);
    place_rows(&rows, &chunk, x + row, dy + column, buffers[0]);
    MATH(pack_rows)(&rows, 0, rows.rows);
    for (bool more = true, odd = true; more; odd = !odd) {
        row_chunk following = chunk;
        sum_rows next = rows;
        more = MATH(next_chunk)(lanes, g->h * g->w, &following);
        if (more)
            place_rows(&next, &following, x + row, dy + column, buffers[odd]);
        MATH(sum_products)(&chunk, lanes->levels, &rows, more ? &next : NULL, waiting, dw + row * g->oc + column, g->oc);
        chunk = following;
        rows = next;
    }
}

const conv_algorithm MATH(conv_pointwise) = {.name = "1x1",
                                             .serves = serves,
                                             .scratch = scratch_bytes,
                                             .prepared = prepared_bytes,
                                             .prepare_parts = prepare_parts,
                                             .prepare = prepare,
                                             .forward = forward,
                                             .backward_data = backward_data,
                                             .weight_parts = weight_parts,
                                             .backward_weight = backward_weight};
