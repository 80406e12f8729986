/* Winograd's convolutions in every instruction set that the processor has and with both sizes of tiles: against sums in double precision,
 * and for what they promise about bits: a sample is the same in any company, and a lane is the same in any call. */
#include <stdio.h>

#include "base/tree.h"
#include "kernel_sets.h"
#include "suite.h"
#define SHOAL_ISA generic
#include "math/kernels/kernels.h"

#define DECLARE(isa) extern const conv_algorithm math_conv_winograd_##isa, math_conv_winograd_accurate_##isa;
FOR_SETS(DECLARE)

#define ALGORITHMS(isa) {#isa, {&math_conv_winograd_##isa, &math_conv_winograd_accurate_##isa}},
static const struct {
    const char *isa;
    const conv_algorithm *algorithms[2]; /* the second one is the accurate one */
} sets[SETS] = {FOR_SETS(ALGORITHMS)};

/* ---- a case: shape, images, and what is wanted ---- */

typedef struct example {
    int64_t h, w, c, oc, pad_h, pad_w, images;
} example;

static const example examples[] = {
    {5, 7, 32, 48, 1, 1, 3},     /* ends within a tile, and within a panel of output channels */
    {9, 6, 16, 48, 1, 1, 2},     /* few channels */
    {18, 13, 16, 16, 1, 1, 5},   /* 16 to 16: a product in registers, half a panel; several chunks */
    {1, 1, 32, 32, 1, 1, 1},     /* most of the tile overhangs */
    {3, 3, 48, 32, 1, 1, 3},     /**/
    {7, 7, 64, 32, 1, 1, 8},     /* short lanes */
    {13, 9, 32, 64, 1, 1, 3},    /**/
    {6, 8, 32, 32, 0, 2, 3},     /* unequal padding */
    {17, 19, 144, 160, 1, 1, 1}, /* ranges of channels that are unequal */
    {46, 50, 32, 48, 1, 1, 3},   /* a sample in several chunks */
    {38, 40, 32, 256, 1, 1, 2},  /* outputs that go past the caches, unless samples come one by one */
    {72, 72, 256, 16, 1, 1, 2},  /* gradients that do */
    {5, 5, 368, 368, 1, 1, 2},   /* weights that do */
};
enum { EXAMPLES = sizeof examples / sizeof *examples, MOST_LANES = 8, LEVELS = 4 };

typedef struct data {
    math_conv g;
    int64_t images, x_size, y_size, w_size; /* x and y of a sample */
    float *x, *dy, *w, *bias;
    double *y, *dx, *dw; /* wanted; y without bias */
} data;

/* What a pixel of the input and one of the output have to do with each other by way of one tap. */
static void add_products(const math_conv *g, int64_t tap, const float *x, double *dx, const float *dy, double *y, const float *w,
                         double *dw) {
    for (int64_t i = 0; i < g->c; i++)
        for (int64_t k = 0; k < g->oc; k++) {
            int64_t weight = (tap * g->c + i) * g->oc + k;
            y[k] += (double)x[i] * w[weight];
            dx[i] += (double)dy[k] * w[weight];
            dw[weight] += (double)x[i] * dy[k];
        }
}

static void sum_plainly(data *d) {
    const math_conv *g = &d->g;
    for (int64_t pixel = 0; pixel < d->images * g->oh * g->ow; pixel++)
        for (int64_t tap = 0; tap < 9; tap++) {
            int64_t h = pixel / g->ow % g->oh + tap / 3 - g->pad_h, w = pixel % g->ow + tap % 3 - g->pad_w;
            if (h < 0 || w < 0 || h >= g->h || w >= g->w)
                continue;
            int64_t from = (pixel / g->ow / g->oh * g->h + h) * g->w + w;
            add_products(g, tap, d->x + from * g->c, d->dx + from * g->c, d->dy + pixel * g->oc, d->y + pixel * g->oc, d->w, d->dw);
        }
}

static data data_new(const example *e) {
    int64_t oh = e->h + 2 * e->pad_h - 2, ow = e->w + 2 * e->pad_w - 2;
    data d = {.g = {e->h, e->w, e->c, oh, ow, e->oc, 3, 3, 1, 1, e->pad_h, e->pad_w, 1, 1, 1, false}, .images = e->images};
    d.x_size = e->h * e->w * e->c, d.y_size = oh * ow * e->oc, d.w_size = 9 * e->c * e->oc;
    d.x = numbers(d.images * d.x_size, 1), d.dy = numbers(d.images * d.y_size, 2);
    d.w = numbers(d.w_size, 3), d.bias = numbers(e->oc, 4);
    d.y = calloc((size_t)(d.images * d.y_size), sizeof(double));
    d.dx = calloc((size_t)(d.images * d.x_size), sizeof(double));
    d.dw = calloc((size_t)d.w_size, sizeof(double));
    return d;
}

static void data_free(data *d) {
    free(d->x), free(d->dy), free(d->w), free(d->bias), free(d->y), free(d->dx), free(d->dw);
}

/* ---- calls ---- */

static void *prepared(const conv_algorithm *a, const data *d, math_direction direction) {
    void *memory = dirty(a->prepared(&d->g, direction));
    for (int part = a->prepare_parts(&d->g, direction) - 1; part >= 0; part--)
        a->prepare(&d->g, direction, d->w, part, memory);
    return memory;
}

static float *outputs(const conv_algorithm *a, const data *d, const float *bias, int64_t at_once) {
    void *u = prepared(a, d, MATH_FORWARD), *scratch = dirty(a->scratch(&d->g, MATH_FORWARD, LEVELS));
    float *y = dirty((size_t)(d->images * d->y_size) * sizeof *y);
    for (int64_t i = 0; i < d->images; i += at_once)
        a->forward(&d->g, math_min(at_once, d->images - i), d->x + i * d->x_size, u, bias, y + i * d->y_size, scratch);
    free(u), free(scratch);
    return y;
}

/* `before`: what dx holds and is added to; NULL: it is replaced. */
static float *input_gradients(const conv_algorithm *a, const data *d, const float *before, int64_t at_once) {
    void *u = prepared(a, d, MATH_BACKWARD_DATA), *scratch = dirty(a->scratch(&d->g, MATH_BACKWARD_DATA, LEVELS));
    size_t bytes = (size_t)(d->images * d->x_size) * sizeof(float);
    float *dx = before ? memcpy(dirty(bytes), before, bytes) : dirty(bytes);
    for (int64_t i = 0; i < d->images; i += at_once)
        a->backward_data(&d->g, math_min(at_once, d->images - i), d->dy + i * d->y_size, u, dx + i * d->x_size, before != NULL, scratch);
    free(u), free(scratch);
    return dx;
}

/* The images of lanes [first, last) of `of`, as one call sees them. */
static float *weight_gradient(const conv_algorithm *a, const data *d, int of, int first, int last) {
    int64_t bounds[MOST_LANES + 1];
    int merges[MOST_LANES], depth = 0, count = last - first;
    int64_t start = d->images * first / of;
    for (int i = 0; i <= count; i++)
        bounds[i] = d->images * (first + i) / of - start;
    for (int i = 0; i < count; i++) {
        merges[i] = tree_merges(first, first + i);
        depth += 1 - merges[i];
    }
    merges[count - 1] += depth - 1;
    math_lanes lanes = {count, LEVELS, bounds, merges};
    void *scratch = dirty(a->scratch(&d->g, MATH_BACKWARD_WEIGHT, LEVELS));
    float *dw = dirty((size_t)d->w_size * sizeof *dw);
    for (int part = a->weight_parts(&d->g) - 1; part >= 0; part--)
        a->backward_weight(&d->g, &lanes, d->x + start * d->x_size, d->dy + start * d->y_size, part, dw, scratch);
    free(scratch);
    return dw;
}

/* ---- tests ---- */

static void check(const char *what, const conv_algorithm *a, const char *isa, const math_conv *g, int64_t n, float *found,
                  const double *wanted) {
    double off = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        off += (found[i] - wanted[i]) * (found[i] - wanted[i]);
        size += wanted[i] * wanted[i];
    }
    off = sqrt(off / size);
    ck_assert_msg(off < (g->accurate ? 1.2e-6 : 2e-6), "%s by %s, %s, %d x %d, %d to %d channels, is off by %g", what, a->name, isa,
                  (int)g->h, (int)g->w, (int)g->c, (int)g->oc, off);
    free(found);
}

static void check_directions(const conv_algorithm *a, const char *isa, const data *d) {
    const math_conv *g = &d->g;
    int64_t x_size = d->images * d->x_size, y_size = d->images * d->y_size;
    for (math_direction direction = MATH_FORWARD; direction <= MATH_BACKWARD_WEIGHT; direction++)
        ck_assert_int_eq(a->serves(g, direction), !g->accurate || (g->c >= 32 && g->oc >= 32));
    check("y", a, isa, g, y_size, outputs(a, d, NULL, d->images), d->y);
    check("dx", a, isa, g, x_size, input_gradients(a, d, NULL, d->images), d->dx);
    for (int lanes = 1; lanes <= d->images && lanes <= MOST_LANES; lanes++)
        check("dw", a, isa, g, d->w_size, weight_gradient(a, d, lanes, 0, lanes), d->dw);

    float *y = outputs(a, d, d->bias, d->images), *dx = input_gradients(a, d, d->x, d->images);
    for (int64_t i = 0; i < y_size; i++)
        y[i] -= d->bias[i % g->oc];
    for (int64_t i = 0; i < x_size; i++)
        dx[i] -= d->x[i];
    check("y with bias", a, isa, g, y_size, y, d->y);
    check("dx, added", a, isa, g, x_size, dx, d->dx);
}

START_TEST(as_plain_sums) {
    data d = data_new(&examples[_i]);
    sum_plainly(&d);
    for (int s = 0; s < SETS; s++)
        for (int accurate = 0; accurate < 2 && set(s); accurate++) {
            d.g.accurate = accurate;
            check_directions(sets[s].algorithms[accurate], sets[s].isa, &d);
        }
    data_free(&d);
}
END_TEST

static void check_same(const char *what, const char *isa, const data *d, int64_t n, float *a, float *b) {
    ck_assert_msg(memcmp(a, b, (size_t)n * sizeof *a) == 0, "%s of %d x %d, %s%s, has other bits", what, (int)d->g.h, (int)d->g.w, isa,
                  d->g.accurate ? ", accurate" : "");
    free(a), free(b);
}

/* Samples one by one, two by two and all at once; gradients with and without something to add to. */
START_TEST(a_sample_is_the_same_in_any_company) {
    data d = data_new(&examples[_i]);
    for (int s = 0; s < SETS; s++)
        for (int accurate = 0; accurate < 2 && set(s); accurate++) {
            const conv_algorithm *a = sets[s].algorithms[accurate];
            d.g.accurate = accurate;
            for (int64_t at_once = 1; at_once <= 2; at_once++) {
                check_same("y", sets[s].isa, &d, d.images * d.y_size, outputs(a, &d, d.bias, at_once), outputs(a, &d, d.bias, d.images));
                for (int add = 0; add < 2; add++) {
                    const float *before = add ? d.x : NULL;
                    check_same("dx", sets[s].isa, &d, d.images * d.x_size, input_gradients(a, &d, before, at_once),
                               input_gradients(a, &d, before, d.images));
                }
            }
        }
    data_free(&d);
}
END_TEST

/* The tree's sum of the shares of lanes [first, last), each from its own call. */
static float *joined(const conv_algorithm *a, const data *d, int of, int first, int last) {
    if (last - first == 1)
        return weight_gradient(a, d, of, first, last);
    int half = (last - first) / 2;
    float *left = joined(a, d, of, first, first + half), *right = joined(a, d, of, first + half, last);
    for (int64_t i = 0; i < d->w_size; i++)
        left[i] += right[i];
    free(right);
    return left;
}

/* 8 lanes, some of them perhaps empty, in one call and one by one. */
START_TEST(a_lane_is_the_same_in_any_call) {
    data d = data_new(&examples[_i]);
    for (int s = 0; s < SETS; s++)
        for (int accurate = 0; accurate < 2 && set(s); accurate++) {
            const conv_algorithm *a = sets[s].algorithms[accurate];
            d.g.accurate = accurate;
            check_same("dw", sets[s].isa, &d, d.w_size, weight_gradient(a, &d, MOST_LANES, 0, MOST_LANES),
                       joined(a, &d, MOST_LANES, 0, MOST_LANES));
        }
    data_free(&d);
}
END_TEST

int main(void) {
    for (int s = 0; s < SETS; s++)
        if (sets[s].isa && !set(s))
            printf("skipped: this processor has no %s\n", sets[s].isa);
    TCase *tests = suite_case("winograd");
    tcase_add_loop_test(tests, as_plain_sums, 0, EXAMPLES);
    tcase_add_loop_test(tests, a_sample_is_the_same_in_any_company, 0, EXAMPLES);
    tcase_add_loop_test(tests, a_lane_is_the_same_in_any_call, 0, EXAMPLES);
    return suite_run();
}
