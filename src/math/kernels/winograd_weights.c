/* U = G w Gᵀ: weights in frequencies, once a step. Each frequency's matrix of input by output channels lies packed for multiply(); for
 * backward-data inputs and outputs change sides, and the 3 × 3 window is turned by 180°. A part is one panel of output channels. Nine taps'
 * blocks of a panel are packed (there the transposing happens), and then transformed as they lie. */
#include "math/kernels/gemm.h"
#include "math/kernels/winograd.h"

enum { TAPS = 9, BLOCK_ROWS = 16, STREAM_FLOATS = 128 * 1024 /* of a frequency */ };

static int64_t inputs(const math_conv *g, math_direction d) {
    return d == MATH_FORWARD ? g->c : g->oc;
}

static int64_t outputs(const math_conv *g, math_direction d) {
    return d == MATH_FORWARD ? g->oc : g->c;
}

int64_t MATH(winograd_weights_plane)(const math_conv *g, math_direction d) {
    return winograd_plane(packed_floats(inputs(g, d), outputs(g, d)), 1);
}

size_t MATH(winograd_prepared)(const math_conv *g, math_direction d) {
    int64_t n = g->accurate ? 4 : 6;
    return (size_t)(n * n * MATH(winograd_weights_plane)(g, d)) * sizeof(float);
}

int MATH(winograd_prepare_parts)(const math_conv *g, math_direction d) {
    return (int)panels_of(outputs(g, d));
}

/* One vector of weights, its taps `tap` apart; the frequencies go to u[0], u[step], … */
INLINE void weights_into_frequencies(const int n, const float *w, int64_t tap, vec *u, const int step) {
    vec half[3 * 6];
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++) {
        vec line[3];
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++)
            line[i] = vec_load(w + (i * 3 + j) * tap);
        winograd_w_line(n, line, half + j, 3);
    }
#pragma GCC unroll 6
    for (int i = 0; i < n; i++)
        winograd_w_line(n, half + i * 3, u + i * n * step, step);
}

/* A row of the panel, so that streams write whole cache lines. */
INLINE void transform_row(const int n, const float *w, int64_t tap, bool stream, float *u, int64_t plane) {
    vec row[36 * 2];
    weights_into_frequencies(n, w, tap, row, 2);
    weights_into_frequencies(n, w + VECTOR, tap, row + 1, 2);
#pragma GCC unroll 36
    for (int f = 0; f < n * n; f++, u += plane)
        if (stream) {
            vec_stream(u, row[2 * f]);
            vec_stream(u + VECTOR, row[2 * f + 1]);
        } else {
            vec_store(u, row[2 * f]);
            vec_store(u + VECTOR, row[2 * f + 1]);
        }
}

static void transform_block(int n, int64_t rows, const float *w, int64_t tap, bool stream, float *u, int64_t plane) {
    for (int64_t i = 0; i < rows * PANEL; i += PANEL)
        if (n == 6)
            transform_row(6, w + i, tap, stream, u + i, plane);
        else
            transform_row(4, w + i, tap, stream, u + i, plane);
}

void MATH(winograd_prepare)(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    float taps[TAPS * BLOCK_ROWS * PANEL];
    int64_t in = inputs(g, d), out = outputs(g, d), column = part * PANEL, plane = MATH(winograd_weights_plane)(g, d);
    bool stream = plane >= STREAM_FLOATS && vec_streams_lines(prepared, PANEL);
    int64_t row_stride = d == MATH_FORWARD ? g->oc : 1, column_stride = d == MATH_FORWARD ? 1 : g->oc;
    for (int64_t row = 0; row < in; row += BLOCK_ROWS) {
        int64_t rows = math_min(BLOCK_ROWS, in - row);
        for (int i = 0; i < TAPS; i++) {
            int tap = d == MATH_FORWARD ? i : TAPS - 1 - i;
            MATH(pack)
            (rows, math_min(PANEL, out - column), w + tap * g->c * g->oc + row * row_stride + column * column_stride, row_stride,
             column_stride, taps + i * BLOCK_ROWS * PANEL);
        }
        float *u = prepared;
        transform_block(g->accurate ? 4 : 6, rows, taps, BLOCK_ROWS * PANEL, stream, u + column * in + row * PANEL, plane);
    }
}
