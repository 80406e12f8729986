/* Any convolution as products of windows (windows.h) and the weight matrix, group by group:
 *     Y = windows(X) · W        dX = windows(dY) · W'        dW = Σ_lanes windows(X)ᵀ · dY
 *
 * Backward-data gathers: input pixels of one phase, those that are equal modulo the stride, are met by the same taps, and dX at them is a
 * convolution of stride 1 of dY with these taps in reverse order. So nothing is computed that is zero, and every pixel is written once. */
#include "math/kernels/windows.h"

enum { PREPARE_FLOATS = 64 * 1024 };

static bool serves(const math_conv *g, math_direction d) {
    (void)g;
    (void)d;
    return true;
}

static windows forward_windows(const math_conv *g) {
    return (windows){.h = g->h,
                     .w = g->w,
                     .pixel = g->c,
                     .channels = g->c / g->groups,
                     .oh = g->oh,
                     .ow = g->ow,
                     .kh = g->kh,
                     .kw = g->kw,
                     .stride_h = g->stride_h,
                     .stride_w = g->stride_w,
                     .pad_h = g->pad_h,
                     .pad_w = g->pad_w,
                     .dilation_h = g->dilation_h,
                     .dilation_w = g->dilation_w};
}

/* ---- phases of backward-data, one dimension at a time ---- */

typedef struct phase {
    int64_t first, count;        /* input coordinates first, first + stride, … */
    int64_t tap, taps, tap_step; /* the last tap that meets them, and those before it: tap − tap_step, … */
    int64_t pad, dilation;       /* of the convolution of dY */
} phase;

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Input coordinate i meets output o through tap k where i + pad = o · stride + k · dilation. */
static phase phase_of(int64_t first, int64_t size, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation) {
    int64_t divisor = common_divisor(stride, dilation);
    phase p = {.first = first,
               .count = first < size ? (size - first + stride - 1) / stride : 0,
               .tap = -1,
               .tap_step = stride / divisor,
               .dilation = dilation / divisor};
    for (int64_t tap = 0; tap < kernel; tap++)
        if ((first + pad - tap * dilation) % stride == 0) {
            p.tap = tap;
            p.taps++;
        }
    p.pad = -(first + pad - p.tap * dilation) / stride;
    return p;
}

static phase phase_h(const math_conv *g, int64_t first) {
    return phase_of(first, g->h, g->kh, g->stride_h, g->pad_h, g->dilation_h);
}

static phase phase_w(const math_conv *g, int64_t first) {
    return phase_of(first, g->w, g->kw, g->stride_w, g->pad_w, g->dilation_w);
}

static windows phase_windows(const math_conv *g, const phase *h, const phase *w) {
    return (windows){.h = g->oh,
                     .w = g->ow,
                     .pixel = g->oc,
                     .channels = g->oc / g->groups,
                     .oh = h->count,
                     .ow = w->count,
                     .kh = h->taps,
                     .kw = w->taps,
                     .stride_h = 1,
                     .stride_w = 1,
                     .pad_h = h->pad,
                     .pad_w = w->pad,
                     .dilation_h = h->dilation,
                     .dilation_w = w->dilation};
}

/* ---- prepared weights: [group][panel][k] forward; [phase][group][panel][k] backward-data; a part is some columns of all ---- */

static int64_t matrix_floats(const math_conv *g, math_direction d) {
    int64_t taps = g->kh * g->kw, c = g->c / g->groups, oc = g->oc / g->groups;
    return d == MATH_FORWARD ? packed_floats(taps * c, oc) : packed_floats(taps * oc, c);
}

static size_t prepared_bytes(const math_conv *g, math_direction d) {
    return (size_t)(matrix_floats(g, d) * g->groups) * sizeof(float);
}

static int64_t columns_of(const math_conv *g, math_direction d) {
    return panels_of((d == MATH_FORWARD ? g->oc : g->c) / g->groups) * g->groups;
}

/* Panels of a part. */
static int64_t part_panels(const math_conv *g, math_direction d) {
    int64_t panel = matrix_floats(g, d) * g->groups / columns_of(g, d);
    return panel < PREPARE_FLOATS ? PREPARE_FLOATS / panel : 1;
}

static int prepare_parts(const math_conv *g, math_direction d) {
    int64_t panels = part_panels(g, d);
    return (int)((columns_of(g, d) + panels - 1) / panels);
}

static void prepare_forward(const math_conv *g, const float *w, int64_t group, int64_t panel, float *packed) {
    int64_t k = g->kh * g->kw * g->c / g->groups, oc = g->oc / g->groups;
    MATH(pack_panels)(k, oc, w + group * oc, g->oc, 1, panel, 1, packed + group * packed_floats(k, oc));
}

/* One panel of one phase: tap by tap, the weights transposed. */
static void prepare_phase(const math_conv *g, const phase *h, const phase *v, const float *w, int64_t group, int64_t panel, float *to) {
    int64_t c = g->c / g->groups, oc = g->oc / g->groups, first = panel * PANEL;
    for (int64_t i = 0; i < h->taps; i++)
        for (int64_t j = 0; j < v->taps; j++, to += oc * PANEL) {
            int64_t tap = (h->tap - i * h->tap_step) * g->kw + v->tap - j * v->tap_step;
            MATH(pack)(oc, math_min(PANEL, c - first), w + (tap * c + first) * g->oc + group * oc, 1, g->oc, to);
        }
}

static void prepare_backward(const math_conv *g, const float *w, int64_t group, int64_t panel, float *packed) {
    int64_t c = g->c / g->groups, oc = g->oc / g->groups;
    for (int64_t top = 0; top < g->stride_h; top++)
        for (int64_t left = 0; left < g->stride_w; left++) {
            phase h = phase_h(g, top), v = phase_w(g, left);
            int64_t k = h.taps * v.taps * oc;
            prepare_phase(g, &h, &v, w, group, panel, packed + group * packed_floats(k, c) + panel * PANEL * k);
            packed += g->groups * packed_floats(k, c);
        }
}

static void prepare(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    int64_t panels = part_panels(g, d), each = columns_of(g, d) / g->groups;
    int64_t last = math_min((part + 1) * panels, columns_of(g, d));
    for (int64_t i = part * panels; i < last; i++)
        if (d == MATH_FORWARD)
            prepare_forward(g, w, i / each, i % each, prepared);
        else
            prepare_backward(g, w, i / each, i % each, prepared);
}

/* ---- forward, backward-data ---- */

static void forward(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    windows v = forward_windows(g);
    int64_t oc = g->oc / g->groups;
    places to = {g->oc, g->ow * g->oc, g->oh * g->ow * g->oc};
    const float *packed = prepared;
    for (int64_t i = 0; i < g->groups; i++, packed += matrix_floats(g, MATH_FORWARD))
        MATH(windows_product)(&v, n, oc, x + i * v.channels, packed, bias ? bias + i * oc : NULL, false, y + i * oc, to, scratch);
}

/* Pixels that no tap meets. */
static void zero_phase(const math_conv *g, const phase *h, const phase *w, int64_t n, float *dx, places to) {
    for (int64_t image = 0; image < n; image++)
        for (int64_t i = 0; i < h->count; i++)
            for (int64_t j = 0; j < w->count; j++)
                memset(dx + image * to.image + i * to.row + j * to.place, 0, (size_t)g->c * sizeof *dx);
}

static void backward_data(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    int64_t c = g->c / g->groups;
    places to = {g->stride_w * g->c, g->stride_h * g->w * g->c, g->h * g->w * g->c};
    const float *packed = prepared;
    for (int64_t top = 0; top < g->stride_h; top++)
        for (int64_t left = 0; left < g->stride_w; left++) {
            phase h = phase_h(g, top), w = phase_w(g, left);
            windows v = phase_windows(g, &h, &w);
            float *first = dx + (top * g->w + left) * g->c;
            bool met = h.taps && w.taps, pixels = h.count && w.count;
            if (!met && pixels && !add)
                zero_phase(g, &h, &w, n, first, to);
            for (int64_t i = 0; met && i < g->groups; i++, packed += packed_floats(v.kh * v.kw * v.channels, c))
                if (pixels)
                    MATH(windows_product)(&v, n, c, dy + i * v.channels, packed, NULL, add, first + i * c, to, scratch);
        }
}

/* ---- the weight gradient: a part is a block of taps, or some columns of one group, or, where they are few, half of its tiles ---- */

typedef struct parts {
    int64_t panels, column_parts, tile_parts; /* of a group */
} parts;

static parts parts_of(const math_conv *g) {
    int64_t panels = panels_of(g->oc / g->groups), wide = (g->c / g->groups < 256 ? 64 : 128) / PANEL;
    parts p = {.panels = panels, .column_parts = wide > 1 ? (panels + wide - 1) / wide : panels, .tile_parts = 1};
    if (p.column_parts == 1 && g->groups == 1)
        p.tile_parts = 2;
    return p;
}

static int group_parts(const math_conv *g) {
    windows v = forward_windows(g);
    parts p = parts_of(g);
    return suits_taps(&v) ? MATH(tap_blocks)(&v, g->oc / g->groups) : (int)(p.column_parts * p.tile_parts);
}

static int weight_parts(const math_conv *g) {
    return group_parts(g) * (int)g->groups;
}

/* Of one group: c[taps · channels, columns] from dy, rows g->oc apart in both. */
static void laid_part(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw, float *scratch) {
    parts p = parts_of(g);
    windows v = forward_windows(g);
    int64_t i = part % p.tile_parts, j = part / p.tile_parts, tiles = MATH(window_tiles)(&v);
    int64_t column = p.panels * j / p.column_parts * PANEL, end = math_min(p.panels * (j + 1) / p.column_parts * PANEL, g->oc / g->groups);
    tile_range range = {tiles * i / p.tile_parts, tiles * (i + 1) / p.tile_parts};
    MATH(windows_sum)(&v, lanes, range, end - column, x, dy + column, g->oc, dw + column, g->oc, scratch);
}

static void backward_weight(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                            void *scratch) {
    windows v = forward_windows(g);
    int each = group_parts(g), group = part / each;
    int64_t oc = g->oc / g->groups;
    x += group * v.channels;
    dy += group * oc;
    dw += group * oc;
    if (suits_taps(&v))
        MATH(taps_sum)(&v, lanes, part % each, oc, x, dy, g->oc, dw, g->oc, scratch);
    else
        laid_part(g, lanes, x, dy, part % each, dw, scratch);
}

static int64_t product_floats(const math_conv *g, math_direction d) {
    if (d == MATH_FORWARD) {
        windows v = forward_windows(g);
        return MATH(windows_product_floats)(&v);
    }
    int64_t most = 0;
    for (int64_t top = 0; top < g->stride_h; top++)
        for (int64_t left = 0; left < g->stride_w; left++) {
            phase h = phase_h(g, top), w = phase_w(g, left);
            windows v = phase_windows(g, &h, &w);
            if (v.kh * v.kw * v.oh * v.ow > 0 && MATH(windows_product_floats)(&v) > most)
                most = MATH(windows_product_floats)(&v);
        }
    return most;
}

static int64_t sum_floats(const math_conv *g, int levels) {
    parts p = parts_of(g);
    windows v = forward_windows(g);
    if (suits_taps(&v))
        return MATH(taps_sum_floats)(&v, g->oc / g->groups, levels);
    int64_t tiles = (MATH(window_tiles)(&v) + p.tile_parts - 1) / p.tile_parts, panels = (p.panels + p.column_parts - 1) / p.column_parts;
    return MATH(windows_sum_floats)(&v, (tile_range){0, tiles}, panels * PANEL, levels);
}

static size_t scratch_bytes(const math_conv *g, math_direction d, int levels) {
    return (size_t)(d == MATH_BACKWARD_WEIGHT ? sum_floats(g, levels) : product_floats(g, d)) * sizeof(float);
}

const conv_algorithm MATH(conv_im2col) = {.name = "im2col",
                                          .serves = serves,
                                          .scratch = scratch_bytes,
                                          .prepared = prepared_bytes,
                                          .prepare_parts = prepare_parts,
                                          .prepare = prepare,
                                          .forward = forward,
                                          .backward_data = backward_data,
                                          .weight_parts = weight_parts,
                                          .backward_weight = backward_weight};
