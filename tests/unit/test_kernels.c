/* Linear layers and convolutions of few channels, in every instruction set that the processor has:
 * against sums in double precision at odd sizes, and for what they promise about bits: a sample is the same in any company, a lane is the
 * same in any call. */
#include "base/tree.h"
#include "kernel_sets.h"
#include "suite.h"

enum { LANES = 7 };

static void *scratch_of(size_t bytes) {
    return aligned_alloc(64, (bytes + 64) / 64 * 64);
}

static void check_close(const char *isa, const char *what, int64_t n, const float *found, const double *wanted) {
    double d = 0, s = 1e-30;
    for (int64_t i = 0; i < n; i++) {
        d += (found[i] - wanted[i]) * (found[i] - wanted[i]);
        s += wanted[i] * wanted[i];
    }
    ck_assert_msg(d < 1e-11 * s, "%s %s: relative error %g", isa, what, sqrt(d / s));
}

static void check_same(const char *isa, const char *what, int64_t n, const float *a, const float *b) {
    ck_assert_msg(memcmp(a, b, (size_t)n * sizeof *a) == 0, "%s: the bits of %s", isa, what);
}

/* Seven lanes, of which one is empty and others are unequal; a quarter of the samples in the last one. */
typedef struct seven_lanes {
    int64_t bounds[LANES + 1];
    int merges[LANES];
    math_lanes lanes;
} seven_lanes;

static void set_lanes(seven_lanes *l, int64_t n) {
    static const int64_t parts[LANES + 1] = {0, 1, 4, 4, 6, 7, 9, 12};
    for (int i = 0; i <= LANES; i++)
        l->bounds[i] = n * parts[i] / 12;
    for (int i = 0; i < LANES; i++)
        l->merges[i] = tree_merges(0, i);
    int left = LANES; /* what is left after the last lane is joined from the right */
    for (int i = 0; i < LANES; i++)
        left -= l->merges[i];
    l->merges[LANES - 1] += left - 1;
    l->lanes = (math_lanes){LANES, LANES, l->bounds, l->merges};
}

/* What the lanes' own sums, each from a call of its own, add up to along the tree; lane i's are at sums + i * n. The first one becomes it.
 */
static void add_tree(const seven_lanes *l, int64_t n, float *sums) {
    int depth = 0;
    for (int lane = 0; lane < LANES; lane++) {
        memmove(sums + depth++ * n, sums + lane * n, (size_t)n * sizeof *sums);
        for (int m = 0; m < l->merges[lane]; m++, depth--)
            for (int64_t i = 0; i < n; i++)
                sums[(depth - 2) * n + i] += sums[(depth - 1) * n + i];
    }
    ck_assert_int_eq(depth, 1);
}

static math_lanes single_lane(const int64_t *bounds) {
    static const int none[1] = {0};
    return (math_lanes){1, 1, bounds, none};
}

/* ---- linear ---- */

static const int64_t linears[][3] = {{1, 1, 1}, {3, 17, 5}, {12, 1041, 21}, {24, 130, 48}, {70, 40, 9}, {100, 33, 130}};

typedef struct taker {
    float *values;
    int *times; /* that a place was given */
} taker;

static void take(void *context, int64_t first, int64_t count, const float *values) {
    const taker *t = context;
    for (int64_t i = 0; i < count; i++) {
        t->values[first + i] = values[i];
        t->times[first + i]++;
    }
}

/* What a sink is given, in two calls: each place once, the bits of dw. */
static void check_sink(const math_kernels *k, const math_lanes *lanes, int64_t in, int64_t out, const float *x, const float *dy,
                       const float *dw, void *scratch) {
    enum { ORIGIN = 5 };
    int64_t n = in * out, cut = out / 3;
    taker t = {numbers(ORIGIN + n, 10), calloc((size_t)(ORIGIN + n), sizeof *t.times)};
    math_sink sink = {.take = take, .context = &t, .touched = {t.values}, .origin = ORIGIN};
    k->linear_backward_weight(lanes, in, out, x, dy, 0, cut, NULL, &sink, scratch);
    k->linear_backward_weight(lanes, in, out, x, dy, cut, out - cut, NULL, &sink, scratch);
    for (int64_t i = 0; i < ORIGIN + n; i++)
        if (t.times[i] != (i >= ORIGIN))
            ck_abort_msg("%s, %d to %d: place %d was given %d times", k->isa, (int)in, (int)out, (int)(i - ORIGIN), t.times[i]);
    check_same(k->isa, "what a sink is given", n, t.values + ORIGIN, dw);
    free(t.values), free(t.times);
}

static void check_linear(const math_kernels *k, int64_t n, int64_t in, int64_t out) {
    float *x = numbers(n * in, 1), *w = numbers(in * out, 2), *dy = numbers(n * out, 3), *bias = numbers(out, 4);
    float *y = numbers(n * out, 5), *dx = numbers(n * in, 6), *dw = numbers(LANES * in * out, 7), *sum = numbers(in * out, 8);
    double *wanted_y = calloc((size_t)(n * out), 8), *wanted_dx = calloc((size_t)(n * in), 8), *wanted_dw = calloc((size_t)(in * out), 8);
    for (int64_t s = 0; s < n; s++)
        for (int64_t o = 0; o < out; o++) {
            wanted_y[s * out + o] += bias[o];
            for (int64_t i = 0; i < in; i++) {
                wanted_y[s * out + o] += (double)x[s * in + i] * w[o * in + i];
                wanted_dx[s * in + i] += (double)dy[s * out + o] * w[o * in + i] + (o == 0 ? dx[s * in + i] : 0);
                wanted_dw[o * in + i] += (double)dy[s * out + o] * x[s * in + i];
            }
        }
    seven_lanes lanes;
    set_lanes(&lanes, n);
    void *scratch = scratch_of(k->linear_scratch(in, out, LANES));
    float *dx_of_one = numbers(n * in, 6), *y_of_one = numbers(n * out, 9);
    k->linear_forward(n, in, out, x, w, bias, 0, out, y, scratch);
    k->linear_backward_data(n, in, out, dy, w, 0, in, dx, true, scratch);
    k->linear_backward_weight(&lanes.lanes, in, out, x, dy, 0, out, sum, NULL, scratch);
    check_close(k->isa, "linear forward", n * out, y, wanted_y);
    check_close(k->isa, "linear backward data", n * in, dx, wanted_dx);
    check_close(k->isa, "linear backward weight", in * out, sum, wanted_dw);
    int64_t cut_out = out / 3, cut_in = in / 2;
    for (int64_t s = 0; s < n; s++) {
        k->linear_forward(1, in, out, x + s * in, w, bias, 0, cut_out, y_of_one + s * out, scratch);
        k->linear_forward(1, in, out, x + s * in, w, bias, cut_out, out - cut_out, y_of_one + s * out, scratch);
        k->linear_backward_data(1, in, out, dy + s * out, w, 0, cut_in, dx_of_one + s * in, true, scratch);
        k->linear_backward_data(1, in, out, dy + s * out, w, cut_in, in - cut_in, dx_of_one + s * in, true, scratch);
    }
    check_same(k->isa, "linear forward", n * out, y, y_of_one);
    check_same(k->isa, "linear backward data", n * in, dx, dx_of_one);
    for (int i = 0; i < LANES; i++) {
        math_lanes one = single_lane(lanes.bounds + i);
        k->linear_backward_weight(&one, in, out, x, dy, 0, cut_out, dw + i * in * out, NULL, scratch);
        k->linear_backward_weight(&one, in, out, x, dy, cut_out, out - cut_out, dw + i * in * out, NULL, scratch);
    }
    add_tree(&lanes, in * out, dw);
    check_same(k->isa, "linear backward weight", in * out, dw, sum);
    check_sink(k, &lanes.lanes, in, out, x, dy, sum, scratch);
    free(x), free(w), free(dy), free(bias), free(y), free(dx), free(dw), free(sum), free(dx_of_one), free(y_of_one);
    free(wanted_y), free(wanted_dx), free(wanted_dw), free(scratch);
}

START_TEST(linear_layers) {
    const math_kernels *k = set(_i);
    for (size_t i = 0; k && i < sizeof linears / sizeof *linears; i++)
        check_linear(k, linears[i][0], linears[i][1], linears[i][2]);
}
END_TEST

/* ---- convolutions of pictures and of small planes: h, w, c, oc, kh, kw, stride, pad, images ---- */

static const int64_t planes[][9] = {{23, 37, 3, 64, 3, 3, 1, 1, 6}, {31, 29, 3, 21, 7, 7, 2, 3, 6},   {35, 47, 3, 96, 11, 5, 4, 2, 6},
                                    {9, 70, 4, 37, 3, 4, 1, 0, 6},  {120, 130, 2, 48, 3, 3, 1, 1, 6}, {14, 14, 1, 6, 5, 5, 1, 2, 37},
                                    {9, 8, 5, 3, 3, 2, 1, 1, 37},   {6, 5, 19, 2, 3, 3, 1, 0, 19},    {3, 4, 2, 1, 3, 4, 1, 2, 12},
                                    {10, 12, 5, 9, 5, 5, 1, 2, 37}};

static math_conv geometry(const int64_t *s) {
    return (math_conv){.h = s[0],
                       .w = s[1],
                       .c = s[2],
                       .oh = (s[0] + 2 * s[7] - s[4]) / s[6] + 1,
                       .ow = (s[1] + 2 * s[7] - s[5]) / s[6] + 1,
                       .oc = s[3],
                       .kh = s[4],
                       .kw = s[5],
                       .stride_h = s[6],
                       .stride_w = s[6],
                       .pad_h = s[7],
                       .pad_w = s[7],
                       .dilation_h = 1,
                       .dilation_w = 1,
                       .groups = 1};
}

static void add_products(const math_conv *g, int64_t images, const float *x, const float *w, const float *dy, double *y, double *dw) {
    for (int64_t pixel = 0; pixel < images * g->oh * g->ow; pixel++)
        for (int64_t i = 0; i < g->kh * g->kw * g->c; i++) {
            int64_t row = pixel / g->ow % g->oh * g->stride_h - g->pad_h + i / g->c / g->kw;
            int64_t column = pixel % g->ow * g->stride_w - g->pad_w + i / g->c % g->kw;
            if (row < 0 || row >= g->h || column < 0 || column >= g->w)
                continue;
            double value = x[((pixel / g->ow / g->oh * g->h + row) * g->w + column) * g->c + i % g->c];
            for (int64_t o = 0; o < g->oc; o++) {
                y[pixel * g->oc + o] += value * w[i * g->oc + o];
                dw[i * g->oc + o] += value * dy[pixel * g->oc + o];
            }
        }
}

static void weight_gradient(const math_kernels *k, const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, float *dw,
                            void *scratch) {
    for (int part = 0; part < k->conv_weight_parts(g); part++)
        k->conv_backward_weight(g, lanes, x, dy, part, dw, scratch);
}

static const char *wanted_algorithm(const math_kernels *k, const math_conv *g) {
    if (g->oc <= 3)
        return "by samples";
    if (g->c >= 4 && g->kh == 5)
        return "winograd by samples";
    return g->oc > 16 ? "direct" : k->conv_algorithm(g, MATH_FORWARD);
}

static void check_planes(const math_kernels *k, const int64_t *sizes) {
    const math_conv g = geometry(sizes);
    int64_t images = sizes[8], in = g.h * g.w * g.c, out = g.oh * g.ow * g.oc, weights = g.kh * g.kw * g.c * g.oc;
    const char *algorithm = wanted_algorithm(k, &g);
    ck_assert_str_eq(k->conv_algorithm(&g, MATH_FORWARD), algorithm);
    ck_assert_str_eq(k->conv_algorithm(&g, MATH_BACKWARD_WEIGHT), algorithm);
    float *x = numbers(images * in, 1), *w = numbers(weights, 2), *dy = numbers(images * out, 3), *bias = numbers(g.oc, 4);
    float *y = numbers(images * out, 5), *y_of_one = numbers(out, 6), *sum = numbers(weights, 7), *dw = numbers(LANES * weights, 8);
    double *wanted_y = malloc((size_t)(images * out) * 8), *wanted_dw = calloc((size_t)weights, 8);
    for (int64_t i = 0; i < images * out; i++)
        wanted_y[i] = bias[i % g.oc];
    add_products(&g, images, x, w, dy, wanted_y, wanted_dw);
    void *prepared = scratch_of(k->conv_prepared(&g, MATH_FORWARD)), *scratch = scratch_of(k->conv_scratch(&g, LANES));
    for (int part = 0; part < k->conv_prepare_parts(&g, MATH_FORWARD); part++)
        k->conv_prepare(&g, MATH_FORWARD, w, part, prepared);
    k->conv_forward(&g, images, x, prepared, bias, y, scratch);
    check_close(k->isa, "forward", images * out, y, wanted_y);
    for (int64_t i = 0; i < images; i++) {
        k->conv_forward(&g, 1, x + i * in, prepared, bias, y_of_one, scratch);
        check_same(k->isa, "forward", out, y_of_one, y + i * out);
    }
    seven_lanes lanes;
    set_lanes(&lanes, images);
    weight_gradient(k, &g, &lanes.lanes, x, dy, sum, scratch);
    check_close(k->isa, "backward weight", weights, sum, wanted_dw);
    for (int i = 0; i < LANES; i++) {
        math_lanes one = single_lane(lanes.bounds + i);
        weight_gradient(k, &g, &one, x, dy, dw + i * weights, scratch);
    }
    add_tree(&lanes, weights, dw);
    check_same(k->isa, "backward weight", weights, dw, sum);
    free(x), free(w), free(dy), free(bias), free(y), free(y_of_one), free(sum), free(dw);
    free(wanted_y), free(wanted_dw), free(prepared), free(scratch);
}

START_TEST(few_channels) {
    const math_kernels *k = set(_i);
    for (size_t i = 0; k && i < sizeof planes / sizeof *planes; i++)
        check_planes(k, planes[i]);
}
END_TEST

int main(void) {
    TCase *c = suite_case("kernels");
    tcase_add_loop_test(c, linear_layers, 0, SETS);
    tcase_add_loop_test(c, few_channels, 0, SETS);
    return suite_run();
}
