/* Tiles of planes into frequencies and back. A patch's pixels are looked up once a tile; those outside of the plane are a row of zeros (or,
 * when written, a row that nobody reads), so that tiles at borders take the same way as all others. */
#include "math/kernels/winograd.h"

enum { MOST = 6, MOST_PIXELS = MOST * MOST, FETCH_ROW = 1024 /* floats, at most */ };

winograd_tiling MATH(winograd_tiling)(const math_conv *g, int64_t h, int64_t w) {
    int m = g->accurate ? 2 : 4;
    return (winograd_tiling){m + 2, m, (h + m - 1) / m, (w + m - 1) / m};
}

/* Where the pixels of a tile's patch, size × size, lie in the batch; negative outside of the plane. Rows and columns are judged by
 * themselves: where channels are few, 36 judgements of both would take as long as the patch's transforms. Returns where the first one
 * would lie. */
INLINE int64_t patch_pixels(const int size, const winograd_tiling *t, const winograd_planes *p, int64_t tile, int64_t *at) {
    int64_t per_plane = t->rows * t->columns, sample = tile / per_plane, place = tile % per_plane;
    int64_t top = place / t->columns * t->m - p->pad_h, left = place % t->columns * t->m - p->pad_w;
    int64_t corner = ((sample * p->h + top) * p->w + left) * p->c, row = corner, outside_column[MOST];
#pragma GCC unroll 6
    for (int j = 0; j < size; j++)
        outside_column[j] = left + j >= 0 && left + j < p->w ? 0 : -1;
#pragma GCC unroll 6
    for (int i = 0; i < size; i++, row += p->w * p->c) {
        int64_t outside_row = top + i >= 0 && top + i < p->h ? 0 : -1;
#pragma GCC unroll 6
        for (int j = 0; j < size; j++)
            at[i * size + j] = (row + j * p->c) | outside_row | outside_column[j];
    }
    return corner;
}

/* Asks for the pixels, m × m, that the tile below adds to those of this one, whose patch begins at `corner`. A plane's rows that are longer
 * than a page of 4 KB the processor fetches better by itself. */
INLINE void fetch_below(const int size, const int m, const winograd_planes *p, const float *corner, int64_t channels) {
    if (p->w * p->c > FETCH_ROW)
        return;
    const float *row = corner + (size * p->w + (size - m) / 2) * p->c;
    for (int i = 0; i < m; i++, row += p->w * p->c)
        for (int j = 0; j < m; j++)
            for (int64_t c = 0; c < channels; c += LINE)
                __builtin_prefetch(row + j * p->c + c, 0, 2);
}

/* From a patch of `size` to n × n frequencies: x's where size is n, dy's where it is n − 2. */
INLINE void forward_lines(const int n, const int size, const vec *from, vec *to, const int step) {
    if (size == n)
        winograd_x_line(n, from, to, step);
    else
        winograd_dy_line(n, from, to, step);
}

INLINE void into_frequencies(const int n, const int size, const float *const *at, int64_t c, float *to, int64_t plane) {
    vec half[MOST_PIXELS];
#pragma GCC unroll 6
    for (int j = 0; j < size; j++) {
        vec line[MOST];
#pragma GCC unroll 6
        for (int i = 0; i < size; i++)
            line[i] = vec_load(at[i * size + j] + c);
        forward_lines(n, size, line, half + j, size);
    }
#pragma GCC unroll 6
    for (int i = 0; i < n; i++) {
        vec line[MOST];
        forward_lines(n, size, half + i * size, line, 1);
#pragma GCC unroll 6
        for (int j = 0; j < n; j++)
            vec_store(to + (i * n + j) * plane, line[j]);
    }
}

INLINE void transform_tiles(const int n, const int size, const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count,
                            const float *x, int64_t channels, const float *zeros, const winograd_spectrum *to) {
    for (int64_t tile = 0; tile < count; tile++) {
        int64_t pixels[MOST_PIXELS];
        const float *at[MOST_PIXELS];
        int64_t corner = patch_pixels(size, t, p, first + tile, pixels);
        fetch_below(size, n - 2, p, x + corner, channels);
#pragma GCC unroll 36
        for (int i = 0; i < size * size; i++)
            at[i] = pixels[i] < 0 ? zeros : x + pixels[i];
        float *out = to->data + tile * to->width;
        for (int64_t panel = 0; panel < channels; panel += to->width, out += to->panel)
            for (int64_t c = 0; c < to->width && panel + c < channels; c += VECTOR)
                into_frequencies(n, size, at, panel + c, out + c, to->plane);
    }
}

void MATH(winograd_x_tiles)(const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count, const float *x, int64_t c,
                            const float *zeros, const winograd_spectrum *to) {
    if (t->n == 6)
        transform_tiles(6, 6, t, p, first, count, x, c, zeros, to);
    else
        transform_tiles(4, 4, t, p, first, count, x, c, zeros, to);
}

void MATH(winograd_dy_tiles)(const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count, const float *dy, int64_t c,
                             const float *zeros, const winograd_spectrum *to) {
    if (t->n == 6)
        transform_tiles(6, 4, t, p, first, count, dy, c, zeros, to);
    else
        transform_tiles(4, 2, t, p, first, count, dy, c, zeros, to);
}

/* One vector of a tile's pixels. */
INLINE void out_of_frequencies(const int n, const float *from, int64_t plane, vec *y, const int step) {
    vec half[MOST * (MOST - 2)];
#pragma GCC unroll 6
    for (int i = 0; i < n; i++) {
        vec line[MOST];
#pragma GCC unroll 6
        for (int j = 0; j < n; j++)
            line[j] = vec_load(from + (i * n + j) * plane);
        winograd_y_line(n, line, half + i, n);
    }
#pragma GCC unroll 4
    for (int j = 0; j < n - 2; j++)
        winograd_y_line(n, half + j * n, y + j * step, (n - 2) * step);
}

/* Where a tile's pixels go, and what is added to them. */
typedef struct targets {
    float *y[MOST_PIXELS];
    const float *added[MOST_PIXELS];
    bool stream;
} targets;

/* A cache line of channels of all pixels, so that streams write whole lines. */
INLINE void store_lines(const int n, const targets *to, int64_t c, const float *from, int64_t plane) {
    enum { VECTORS = LINE / VECTOR };
    vec y[MOST_PIXELS * VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++)
        out_of_frequencies(n, from + v * VECTOR, plane, y + v, VECTORS);
#pragma GCC unroll 16
    for (int i = 0; i < (n - 2) * (n - 2); i++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            vec sum = vec_load(to->added[i] + c + v * VECTOR) + y[i * VECTORS + v];
            if (to->stream)
                vec_stream(to->y[i] + c + v * VECTOR, sum);
            else
                vec_store(to->y[i] + c + v * VECTOR, sum);
        }
}

INLINE void restore_tiles(const int n, const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count,
                          const winograd_spectrum *from, const float *bias, float *y, bool stream, float *nowhere) {
    const int m = n - 2;
    for (int64_t tile = 0; tile < count; tile++) {
        int64_t pixels[MOST_PIXELS];
        targets to;
        to.stream = stream;
        patch_pixels(m, t, p, first + tile, pixels);
#pragma GCC unroll 16
        for (int i = 0; i < m * m; i++) {
            to.y[i] = pixels[i] < 0 ? nowhere : y + pixels[i];
            to.added[i] = bias ? bias : to.y[i];
        }
        for (int64_t c = 0; c < p->c; c += LINE)
            store_lines(n, &to, c, from->data + tile * from->width + c, from->plane);
    }
}

void MATH(winograd_y_tiles)(const winograd_tiling *t, const winograd_planes *p, int64_t first, int64_t count, const winograd_spectrum *from,
                            const float *bias, float *y, bool stream, float *nowhere) {
    if (t->n == 6)
        restore_tiles(6, t, p, first, count, from, bias, y, stream, nowhere);
    else
        restore_tiles(4, t, p, first, count, from, bias, y, stream, nowhere);
}
