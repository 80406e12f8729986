/* The largest element of every window, channel by channel; padding counts as −∞. As in PyTorch the first of equal elements wins, and NaN
 * wins over all. The gradient
 *     dx[pixel] = Σ over the windows that hold the pixel, in their order, of dy[window] where the window's maximum was this pixel
 * is gathered: every dx is written once, where windows overlap too. With few channels it is scattered from the windows. */
#include <math.h>
#include <string.h>

#include "math/kernels/kernels.h"

enum {
    STREAM_FLOATS = 1024 * 1024, /* of dx */
    GROUP = 4,                   /* vectors of dx at a time */
    FEW_CHANNELS = 16,
};

static int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Elements [h0, h1) · [w0, w1) of the plane are the window's; its corner, perhaps in the padding, is (top, left). */
typedef struct window {
    int64_t top, left, h0, h1, w0, w1;
} window;

static window window_of(const math_pool *p, int64_t oh, int64_t ow) {
    window v = {.top = oh * p->stride_h - p->pad_h, .left = ow * p->stride_w - p->pad_w};
    v.h0 = max64(v.top, 0);
    v.w0 = max64(v.left, 0);
    v.h1 = math_min(v.top + p->kh, p->h);
    v.w1 = math_min(v.left + p->kw, p->w);
    return v;
}

/* `count` channels: a vector of them, a constant, or fewer. */
INLINE void max_vector(const math_pool *p, const window *v, const float *x, float *y, uint8_t *index, int64_t count) {
    vec best = vec_set(-INFINITY);
    vec_ints at = (vec_ints){0} + (int32_t)((v->h0 - v->top) * p->kw + v->w0 - v->left);
    for (int64_t h = v->h0; h < v->h1; h++) {
        const float *from = x + (h * p->w + v->w0) * p->c;
        int32_t tap = (int32_t)((h - v->top) * p->kw + v->w0 - v->left);
        for (int64_t w = v->w0; w < v->w1; w++, from += p->c, tap++) {
            vec value = count == VECTOR ? vec_load(from) : vec_load_part(from, count);
            vec_ints take = (value > best) | (value != value);
            best = vec_select(take, value, best);
            at = (((vec_ints){0} + tap) & take) | (at & ~take);
        }
    }
    vec_store_part(y, best, count);
    if (index)
        vec_store_bytes(index, at, count);
}

static void max_pixel(const math_pool *p, const window *v, const float *x, float *y, uint8_t *index) {
    int64_t i = 0;
    for (; i + VECTOR <= p->c; i += VECTOR)
        max_vector(p, v, x + i, y + i, index ? index + i : NULL, VECTOR);
    if (i < p->c)
        max_vector(p, v, x + i, y + i, index ? index + i : NULL, p->c - i);
}

void MATH(max_pool)(const math_pool *p, int64_t n, const float *x, float *y, uint8_t *index) {
    for (int64_t image = 0; image < n; image++, x += p->h * p->w * p->c)
        for (int64_t oh = 0; oh < p->oh; oh++)
            for (int64_t ow = 0; ow < p->ow; ow++, y += p->c) {
                window v = window_of(p, oh, ow);
                max_pixel(p, &v, x, y, index);
                index = index ? index + p->c : NULL;
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
                vec dy = count == VECTOR ? vec_load(from) : vec_load_part(from, count);
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
        if (VECTOR < 8 || p->c < FEW_CHANNELS)
            scatter_plane(&e, tap_offset);
        else
            gather_plane(e);
    }
}
