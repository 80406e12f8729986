/* The largest element of every window, channel by channel; padding counts as −∞. As in PyTorch the first of equal elements wins, and NaN
 * wins over all. With relu the maximum is rectified, which is the maximum of what is rectified: 0 stands before the elements. The gradient
 *     dx[pixel] = Σ over the windows that hold the pixel, in their order, of dy[window] where the window's maximum was this pixel
 * is gathered: every dx is written once, where windows overlap too; where they do not overlap it is spread from them; with few channels
 * and windows that overlap it is scattered element by element. */
#include <math.h>
#include <string.h>

#include "math/kernels/kernels.h"

enum {
    STREAM_FLOATS = 1024 * 1024, /* of dx */
    GROUP = 4,                   /* vectors of dx at a time */
    FEW_CHANNELS = 16,
};

/* Elements [h0, h1) · [w0, w1) of the plane are the window's; its corner, perhaps in the padding, is (top, left). */
typedef struct window {
    int64_t top, left, h0, h1, w0, w1;
} window;

static void set_rows(window *v, const math_pool *p, int64_t oh) {
    v->top = oh * p->stride_h - p->pad_h;
    v->h0 = math_max(v->top, 0);
    v->h1 = math_min(v->top + p->kh, p->h);
}

INLINE void set_columns(window *v, const math_pool *p, int64_t ow) {
    v->left = ow * p->stride_w - p->pad_w;
    v->w0 = math_max(v->left, 0);
    v->w1 = math_min(v->left + p->kw, p->w);
}

/* `count` channels: a vector of them, or fewer. rows and columns are the window's; constants where it is inlined for a kernel's size. */
INLINE void max_vector(const math_pool *p, const window *v, int64_t rows, int64_t columns, const float *x, float *y, uint8_t *index,
                       int64_t count) {
    int32_t first = (int32_t)((v->h0 - v->top) * p->kw + v->w0 - v->left);
    vec best = vec_set(p->relu ? 0 : -INFINITY);
    vec_ints at = (vec_ints){0} + (p->relu ? MATH_NO_ELEMENT : first);
    const float *row = x + (v->h0 * p->w + v->w0) * p->c;
    for (int64_t h = 0; h < rows; h++, row += p->w * p->c, first += (int32_t)p->kw)
        for (int64_t w = 0; w < columns; w++) {
            vec value = vec_load_part(row + w * p->c, count);
            vec_ints take = (value > best) | (value != value);
            best = vec_select(take, value, best);
            at = (((vec_ints){0} + first + (int32_t)w) & take) | (at & ~take);
        }
    vec_store_part(y, best, count);
    if (index)
        vec_store_bytes(index, at, count);
}

INLINE void max_pixel(const math_pool *p, const window *v, int64_t rows, int64_t columns, const float *x, float *y, uint8_t *index) {
    int64_t i = 0;
    for (; i + VECTOR <= p->c; i += VECTOR)
        max_vector(p, v, rows, columns, x + i, y + i, index ? index + i : NULL, VECTOR);
    if (i < p->c)
        max_vector(p, v, rows, columns, x + i, y + i, index ? index + i : NULL, p->c - i);
}

void MATH(max_pool)(const math_pool *pool, int64_t n, const float *x, float *y, uint8_t *index) {
    const math_pool local = *pool, *p = &local; /* what is stored to y cannot change it */
    for (int64_t image = 0; image < n; image++, x += p->h * p->w * p->c)
        for (int64_t oh = 0; oh < p->oh; oh++) {
            window v;
            set_rows(&v, p, oh);
            for (int64_t ow = 0; ow < p->ow; ow++, y += p->c) {
                set_columns(&v, p, ow);
                if (v.h1 - v.h0 == 2 && v.w1 - v.w0 == 2)
                    max_pixel(p, &v, 2, 2, x, y, index);
                else
                    max_pixel(p, &v, v.h1 - v.h0, v.w1 - v.w0, x, y, index);
                index = index ? index + p->c : NULL;
            }
        }
}

/* ---- backward ---- */

/* Outputs [first, last) along one dimension whose windows hold an element. */
typedef struct holders {
    int64_t first, last;
} holders;

/* From those of the element before it. */
static void next_holders(holders *o, int64_t element, int64_t count, int64_t kernel, int64_t stride, int64_t pad) {
    while (o->last < count && o->last * stride - pad <= element)
        o->last++;
    while (o->first < o->last && o->first * stride - pad + kernel <= element)
        o->first++;
}

/* An element of the plane; dx, dy and index of one image. */
typedef struct element {
    const math_pool *p;
    int64_t h, w;
    holders rows, columns;
    const uint8_t *index;
    const float *dy;
    float *dx;
    bool add, stream;
} element;

/* `vectors` of channels, of `count` each: a vector's length, or one vector of fewer. */
INLINE void gather_vectors(const element *e, int64_t first, const int vectors, int64_t count) {
    const math_pool *p = e->p;
    vec sums[GROUP];
    for (int v = 0; v < vectors; v++)
        sums[v] = e->add ? vec_load_part(e->dx + first + v * VECTOR, count) : vec_set(0);
    for (int64_t oh = e->rows.first; oh < e->rows.last; oh++) {
        int64_t ow = e->columns.first, at = (oh * p->ow + ow) * p->c + first;
        int32_t tap = (int32_t)((e->h - oh * p->stride_h + p->pad_h) * p->kw + e->w - ow * p->stride_w + p->pad_w);
        for (; ow < e->columns.last; ow++, tap -= (int32_t)p->stride_w, at += p->c)
            for (int v = 0; v < vectors; v++) {
                const float *from = e->dy + at + v * VECTOR;
                vec dy = vec_load_part(from, count);
                sums[v] += (vec)((vec_ints)dy & (vec_load_bytes(e->index + at + v * VECTOR, count) == tap));
            }
    }
    for (int v = 0; v < vectors; v++)
        if (e->stream)
            vec_stream(e->dx + first + v * VECTOR, sums[v]);
        else
            vec_store_part(e->dx + first + v * VECTOR, sums[v], count);
}

static void gather_pixel(const element *e) {
    const element local = *e;
    int64_t i = 0, c = e->p->c;
    for (; i + GROUP * VECTOR <= c; i += GROUP * VECTOR)
        gather_vectors(&local, i, GROUP, VECTOR);
    for (; i + VECTOR <= c; i += VECTOR)
        gather_vectors(&local, i, 1, VECTOR);
    if (i < c)
        gather_vectors(&local, i, 1, c - i);
}

static void gather_plane(element e) {
    const math_pool *p = e.p;
    for (e.h = 0; e.h < p->h; e.h++) {
        next_holders(&e.rows, e.h, p->oh, p->kh, p->stride_h, p->pad_h);
        e.columns = (holders){0, 0};
        for (e.w = 0; e.w < p->w; e.w++, e.dx += p->c) {
            next_holders(&e.columns, e.w, p->ow, p->kw, p->stride_w, p->pad_w);
            gather_pixel(&e);
        }
    }
}

/* Windows side by side that fill the plane: each writes its own elements. `stream`: c is a number of whole vectors. */
INLINE void spread_window(const element *e, int64_t rows, int64_t columns) {
    const math_pool *p = e->p;
    for (int64_t i = 0; i < p->c; i += VECTOR) {
        int64_t count = math_min(VECTOR, p->c - i);
        vec dy = vec_load_part(e->dy + i, count);
        vec_ints at = vec_load_bytes(e->index + i, count);
        for (int64_t h = 0; h < rows; h++)
            for (int64_t w = 0; w < columns; w++) {
                float *dx = e->dx + (h * p->w + w) * p->c + i;
                vec value = (vec)((vec_ints)dy & (at == (int32_t)(h * p->kw + w)));
                if (e->add)
                    value += vec_load_part(dx, count);
                if (e->stream)
                    vec_stream(dx, value);
                else
                    vec_store_part(dx, value, count);
            }
    }
}

static void spread_plane(element e) {
    const math_pool *p = e.p;
    for (int64_t oh = 0; oh < p->oh; oh++)
        for (int64_t ow = 0; ow < p->ow; ow++, e.dy += p->c, e.index += p->c) {
            int64_t rows = math_min(p->kh, p->h - oh * p->kh), columns = math_min(p->kw, p->w - ow * p->kw);
            element here = e;
            here.dx += (oh * p->kh * p->w + ow * p->kw) * p->c;
            if (rows == 2 && columns == 2)
                spread_window(&here, 2, 2);
            else
                spread_window(&here, rows, columns);
        }
}

static bool fills_plane(const math_pool *p) {
    return p->stride_h == p->kh && p->stride_w == p->kw && p->pad_h == 0 && p->pad_w == 0 && p->oh * p->kh >= p->h && p->ow * p->kw >= p->w;
}

/* The same sums in the same order, element by element. */
static void scatter_plane(const element *e, const int64_t *tap_offset) {
    const math_pool *p = e->p;
    const uint8_t *index = e->index;
    const float *dy = e->dy;
    if (!e->add)
        memset(e->dx, 0, (size_t)(p->h * p->w * p->c) * sizeof *e->dx);
    for (int64_t oh = 0; oh < p->oh; oh++)
        for (int64_t ow = 0; ow < p->ow; ow++, dy += p->c, index += p->c) {
            int64_t corner = ((oh * p->stride_h - p->pad_h) * p->w + ow * p->stride_w - p->pad_w) * p->c; /* perhaps in the padding */
            for (int64_t i = 0; i < p->c; i++)
                if (!p->relu || index[i] != MATH_NO_ELEMENT)
                    e->dx[corner + tap_offset[index[i]] + i] += dy[i];
        }
}

void MATH(max_pool_backward)(const math_pool *p, int64_t n, const uint8_t *index, const float *dy, float *dx, bool add) {
    int64_t outputs = p->oh * p->ow * p->c, inputs = p->h * p->w * p->c, tap_offset[256];
    bool stream = !add && n * inputs >= STREAM_FLOATS && vec_streams_lines(dx, p->c);
    for (int64_t tap = 0; tap < p->kh * p->kw; tap++)
        tap_offset[tap] = (tap / p->kw * p->w + tap % p->kw) * p->c;
    for (int64_t image = 0; image < n; image++, index += outputs, dy += outputs, dx += inputs) {
        element e = {.p = p, .index = index, .dy = dy, .dx = dx, .add = add, .stream = stream};
        if (fills_plane(p))
            spread_plane(e);
        else if (VECTOR < 8 || p->c < FEW_CHANNELS)
            scatter_plane(&e, tap_offset);
        else
            gather_plane(e);
    }
}
