/* Packing the right side of products into panels. Rows of B are copied; where B is given transposed, squares of VECTOR · VECTOR elements
 * are transposed in registers. */
#include <string.h>

#include "math/kernels/gemm.h"

/* to[p * PANEL + j] = from[j * step + p] for a square. */
INLINE void transpose_square(const float *from, int64_t step, float *to) {
    vec v[VECTOR];
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++)
        v[i] = vec_load(from + i * step);
    vec_transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++)
        vec_store(to + i * PANEL, v[i]);
}

/* The same for any part of a square. */
static void transpose_part(int64_t rows, int64_t columns, const float *from, int64_t step, float *to) {
    for (int64_t p = 0; p < rows; p++)
        for (int64_t j = 0; j < columns; j++)
            to[p * PANEL + j] = from[j * step + p];
}

static void pack_transposed(int64_t k, int64_t columns, const float *b, int64_t step, float *panel) {
    for (int64_t j = 0; j < columns; j += VECTOR)
        for (int64_t p = 0; p < k; p += VECTOR) {
            const float *from = b + j * step + p;
            float *to = panel + p * PANEL + j;
            if (columns - j >= VECTOR && k - p >= VECTOR)
                transpose_square(from, step, to);
            else
                transpose_part(math_min(VECTOR, k - p), math_min(VECTOR, columns - j), from, step, to);
        }
}

/* Row by row, so that B may come straight from memory. */
static void pack_whole(int64_t k, int64_t columns, const float *b, int64_t step, float *panels) {
    for (int64_t p = 0; p < k; p++, b += step, panels += PANEL)
        for (int64_t column = 0; column < columns; column += PANEL) {
            vec_store(panels + column * k, vec_load(b + column));
            vec_store(panels + column * k + VECTOR, vec_load(b + column + VECTOR));
        }
}

/* The last panel, of less than PANEL columns, zeros behind them. */
static void pack_part(int64_t k, int64_t columns, const float *b, int64_t step, float *panel) {
    if (columns == VECTOR) {
        for (int64_t p = 0; p < k; p++, b += step, panel += PANEL) {
            vec_store(panel, vec_load(b));
            vec_store(panel + VECTOR, (vec){0});
        }
        return;
    }
    for (int64_t p = 0; p < k; p++, b += step, panel += PANEL)
        for (int64_t i = 0; i < PANEL; i++)
            panel[i] = i < columns ? b[i] : 0;
}

static void pack_rows(int64_t k, int64_t columns, const float *b, int64_t step, float *panels) {
    int64_t whole = columns / PANEL * PANEL;
    pack_whole(k, whole, b, step, panels);
    if (whole < columns)
        pack_part(k, columns - whole, b + whole, step, panels + whole * k);
}

static void zero_columns(int64_t k, int64_t first, float *panel) {
    for (int64_t p = 0; p < k; p++)
        memset(panel + p * PANEL + first, 0, (size_t)(PANEL - first) * sizeof *panel);
}

void MATH(pack_panels)(int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, int64_t first, int64_t count,
                       float *packed) {
    int64_t begin = first * PANEL, columns = math_min(count * PANEL, n - begin), whole = columns / PANEL * PANEL;
    const float *from = b + begin * column_stride;
    float *to = packed + begin * k;
    if (column_stride == 1) {
        pack_rows(k, columns, from, row_stride, to);
        return;
    }
    if (whole < columns)
        zero_columns(k, columns - whole, to + whole * k);
    for (int64_t i = 0; i < columns; i += PANEL)
        pack_transposed(k, math_min(PANEL, columns - i), from + i * column_stride, column_stride, to + i * k);
}

void MATH(pack)(int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, float *packed) {
    MATH(pack_panels)(k, n, b, row_stride, column_stride, 0, panels_of(n), packed);
}
