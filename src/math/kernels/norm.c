/* Batch normalisation over rows (Ioffe, Szegedy: Batch normalization, ICML 2015), with the relu and the residual add that follow it, and
 * the gradient of all that; each is one pass over its tensors. Outputs go past the caches, unless they are small: a line that is stored
 * there need not be read before, which costs more than that whoever wants it next has to read it from memory.
 *     y = relu((x − mean) · scale + shift + residual)
 *     dx = dz · scale + ((x − mean) · a + b),  dresidual = dz,  dz = dy where relu let pass, else 0 */
#include <string.h>

#include "math/kernels/norm.h"

enum { STREAM_FLOATS = 32 * 1024 }; /* of a call, which is often one lane of eight */

static bool streams(int64_t floats, int64_t width, const float *y) {
    return floats >= STREAM_FLOATS && vec_streams_lines(y, width);
}

/* ---- forward ---- */

typedef struct forward_call {
    const float *mean, *scale, *shift; /* of a wide row */
    const float *x, *residual;
    float *y;
    uint8_t *bits;
} forward_call;

INLINE void forward_step(const forward_call *f, int64_t i, int64_t at, int64_t part, const bool relu, const bool residual,
                         const bool stream, const bool bits) {
    norm_fetch(f->x + at);
    if (residual)
        norm_fetch(f->residual + at);
    vec centred = norm_load(f->x + at, part) - norm_load(f->mean + i, part);
    vec v = norm_scaled(centred, norm_load(f->scale + i, part), norm_load(f->shift + i, part));
    if (residual)
        v += norm_load(f->residual + at, part);
    if (relu)
        v = (vec)((vec_ints)v & ~(vec_set(0) > v)); /* NaN passes */
    if (bits)
        vec_store_bits(f->bits, at, v > vec_set(0));
    if (stream)
        vec_stream(f->y + at, v);
    else
        norm_store(f->y + at, v, part);
}

INLINE void forward_rows(const forward_call *call, int64_t floats, int64_t width, const bool relu, const bool residual, const bool stream,
                         const bool bits) {
    const forward_call own = *call, *f = &own; /* which no store of bytes can change */
    for (int64_t row = 0; row < floats; row += width) {
        int64_t end = math_min(width, floats - row), i = 0;
        for (; i + VECTOR <= end; i += VECTOR)
            forward_step(f, i, row + i, 0, relu, residual, stream, bits);
        if (i < end)
            forward_step(f, i, row + i, end - i, relu, residual, false, false);
    }
}

INLINE void forward_kind(const forward_call *f, int64_t floats, int64_t width, const bool relu, const bool residual, const bool bits) {
    if (streams(floats, width, f->y))
        forward_rows(f, floats, width, relu, residual, true, bits);
    else
        forward_rows(f, floats, width, relu, residual, false, bits);
}

void MATH(norm_forward)(const math_norm *m, const float *x, const float *residual, float *y) {
    float mean[WIDE], scale[WIDE], shift[WIDE];
    int64_t c = m->c, width = c * wide_rows(c), floats = m->rows * c;
    forward_call f = {wide_factor(m->mean, c, width, mean),
                      wide_factor(m->scale, c, width, scale),
                      wide_factor(m->shift, c, width, shift),
                      x,
                      residual,
                      y,
                      m->bits};
    if (m->relu && residual && m->bits)
        forward_kind(&f, floats, width, true, true, true);
    else if (m->relu && residual)
        forward_kind(&f, floats, width, true, true, false);
    else if (m->relu)
        forward_kind(&f, floats, width, true, false, false);
    else if (residual)
        forward_kind(&f, floats, width, false, true, false);
    else
        forward_kind(&f, floats, width, false, false, false);
}

/* ---- backward ---- */

typedef struct backward_call {
    const float *mean, *scale, *shift, *a, *b; /* of a wide row */
    const float *x, *y, *dy;
    const uint8_t *bits;
    float *dx, *dz;
    bool add_dx, add_dz;
} backward_call;

INLINE void backward_step(const backward_call *g, int64_t i, int64_t at, int64_t part, const mask kind, const bool stream) {
    norm_fetch(g->x + at);
    norm_fetch(g->dy + at);
    vec scale = norm_load(g->scale + i, part), dz = norm_load(g->dy + at, part);
    vec centred = norm_load(g->x + at, part) - norm_load(g->mean + i, part);
    if (kind == MASK_BITS)
        dz = where_bits(g->bits, at, dz);
    if (kind == MASK_Y)
        dz = where_positive(norm_load(g->y + at, part), dz);
    if (kind == MASK_X)
        dz = where_positive(norm_scaled(centred, scale, norm_load(g->shift + i, part)), dz);
    vec v = dz * scale + (centred * norm_load(g->a + i, part) + norm_load(g->b + i, part)); /* fused in one way only */
    if (!stream && g->add_dx)
        v += norm_load(g->dx + at, part);
    if (stream)
        vec_stream(g->dx + at, v);
    else
        norm_store(g->dx + at, v, part);
    if (!g->dz)
        return;
    if (g->add_dz)
        dz += norm_load(g->dz + at, part);
    norm_store(g->dz + at, dz, part);
}

INLINE void backward_rows(const backward_call *g, int64_t floats, int64_t width, const mask kind, const bool stream) {
    const backward_call call = *g;
    for (int64_t row = 0; row < floats; row += width) {
        int64_t end = math_min(width, floats - row), i = 0;
        for (; i + VECTOR <= end; i += VECTOR)
            backward_step(&call, i, row + i, 0, kind, stream);
        if (i < end)
            backward_step(&call, i, row + i, end - i, kind, false);
    }
}

/* What is read as well as written does not go past the caches. */
INLINE void backward_kind(const backward_call *g, int64_t floats, int64_t width, const mask kind) {
    if (!g->add_dx && g->dx != g->dy && streams(floats, width, g->dx))
        backward_rows(g, floats, width, kind, true);
    else
        backward_rows(g, floats, width, kind, false);
}

void MATH(norm_backward)(const math_norm *m, const float *x, const float *y, const float *dy, const float *a, const float *b, float *dx,
                         bool add, float *dresidual, bool add_residual) {
    float mean[WIDE], scale[WIDE], shift[WIDE], wide_a[WIDE], wide_b[WIDE];
    int64_t c = m->c, width = c * wide_rows(c), floats = m->rows * c;
    backward_call g = {.mean = wide_factor(m->mean, c, width, mean),
                       .scale = wide_factor(m->scale, c, width, scale),
                       .shift = wide_factor(m->shift, c, width, shift),
                       .a = wide_factor(a, c, width, wide_a),
                       .b = wide_factor(b, c, width, wide_b),
                       .x = x,
                       .y = y,
                       .dy = dy,
                       .bits = m->bits,
                       .dx = dx,
                       .dz = dresidual,
                       .add_dx = add,
                       .add_dz = add_residual};
    switch (norm_mask(m, y)) {
    case MASK_NONE:
        backward_kind(&g, floats, width, MASK_NONE);
        break;
    case MASK_BITS:
        backward_kind(&g, floats, width, MASK_BITS);
        break;
    case MASK_Y:
        backward_kind(&g, floats, width, MASK_Y);
        break;
    case MASK_X:
        backward_kind(&g, floats, width, MASK_X);
        break;
    }
}
