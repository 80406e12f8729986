/* Convolutions of all algorithms against direct sums in double, at shapes where they have several chunks, several parts, and ragged ends;
 * gradients summed over lanes, of which one is empty. Nothing is written behind the memory that the kernels asked for. */
#include "ops_harness.h"
#include "suite.h"

enum { IMAGES = 3, LEVELS = 2 }; /* as many as the lanes of check_weight need, so that a guard lies right behind what is used */

/* kernel h w, stride h w, pad h w, dilation h w, groups */
#define SHAPE(H, W, C, OC, KH, KW, SH, SW, PH, PW, DH, DW, G)                                                                              \
    {                                                                                                                                      \
        .h = H, .w = W, .c = C, .oh = (H + 2 * PH - DH * (KH - 1) - 1) / SH + 1, .ow = (W + 2 * PW - DW * (KW - 1) - 1) / SW + 1,          \
        .oc = OC, .kh = KH, .kw = KW, .stride_h = SH, .stride_w = SW, .pad_h = PH, .pad_w = PW, .dilation_h = DH, .dilation_w = DW,        \
        .groups = G                                                                                                                        \
    }

static const math_conv shapes[] = {
    SHAPE(29, 31, 48, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2),                                                      /* windows in several chunks */
    SHAPE(14, 14, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1),                                                     /* 3 x 3 of many channels */
    SHAPE(13, 10, 70, 65, 3, 3, 1, 1, 1, 1, 1, 1, 1),                                                     /* ragged in plane and channels */
    SHAPE(7, 7, 130, 96, 3, 3, 1, 1, 1, 1, 1, 1, 1),     SHAPE(3, 5, 64, 72, 3, 3, 1, 1, 1, 1, 1, 1, 1),  /* less than a tile */
    SHAPE(1, 1, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1),      SHAPE(9, 12, 64, 64, 3, 3, 1, 1, 0, 0, 1, 1, 1), /* no padding */
    SHAPE(6, 7, 64, 64, 3, 3, 1, 1, 2, 1, 1, 1, 1),                                                       /* unequal padding */
    SHAPE(12, 9, 64, 64, 3, 3, 1, 1, 2, 2, 2, 2, 1),                                                      /* dilation */
    SHAPE(10, 10, 128, 128, 3, 3, 1, 1, 1, 1, 1, 1, 2),                                                   /* groups */
    SHAPE(15, 14, 64, 72, 3, 3, 2, 2, 1, 1, 1, 1, 1),                                                     /* strides */
    SHAPE(9, 11, 150, 140, 3, 3, 2, 2, 1, 1, 1, 1, 1),                                                    /* in blocks of taps */
    SHAPE(2, 2, 64, 64, 3, 3, 2, 2, 3, 2, 1, 1, 1),                                                       /* taps that meet nothing */
    SHAPE(9, 9, 33, 17, 3, 3, 2, 1, 1, 1, 1, 1, 1),      SHAPE(37, 34, 3, 64, 7, 7, 2, 2, 3, 3, 1, 1, 1), /* first layers */
    SHAPE(33, 30, 3, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1),     SHAPE(33, 30, 1, 20, 5, 5, 1, 1, 2, 2, 1, 1, 1),
    SHAPE(14, 13, 96, 130, 1, 1, 1, 1, 0, 0, 1, 1, 1),                                                     /* 1 x 1 */
    SHAPE(13, 14, 130, 40, 1, 1, 2, 2, 0, 0, 1, 1, 1),   SHAPE(7, 7, 300, 515, 1, 1, 1, 1, 0, 0, 1, 1, 1), /* gradient in several parts */
    SHAPE(7, 9, 512, 40, 1, 1, 2, 2, 0, 0, 1, 1, 1),                                                       /* windows 4 KB apart */
    SHAPE(5, 5, 24, 24, 1, 1, 1, 1, 1, 1, 1, 1, 1),                                                        /* 1 x 1 with padding */
    SHAPE(18, 13, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),                                                      /* 16 channels */
    SHAPE(14, 13, 1, 6, 5, 5, 1, 1, 2, 2, 1, 1, 1),      SHAPE(9, 8, 3, 19, 5, 3, 1, 1, 0, 2, 1, 1, 1),    /* small, few channels */
    SHAPE(14, 14, 6, 16, 5, 5, 1, 1, 0, 0, 1, 1, 1),     SHAPE(11, 13, 5, 9, 5, 5, 1, 1, 2, 4, 1, 1, 1),   /* 5 x 5 of few channels */
    SHAPE(14, 12, 1, 6, 5, 5, 1, 1, 2, 2, 1, 1, 1),      SHAPE(8, 7, 3, 5, 3, 2, 1, 1, 1, 0, 1, 1, 1),     /* with a pool */
    SHAPE(10, 12, 5, 9, 5, 5, 1, 1, 2, 2, 1, 1, 1),      SHAPE(5, 6, 21, 4, 5, 5, 1, 1, 0, 1, 1, 1, 1),
    SHAPE(14, 15, 70, 70, 3, 3, 1, 1, 1, 1, 1, 1, 70),   /* depthwise */
    SHAPE(13, 13, 256, 256, 3, 3, 1, 1, 1, 1, 1, 1, 1),  /* as many channels as a part takes, in two chunks */
    SHAPE(35, 33, 64, 72, 3, 3, 2, 2, 1, 1, 1, 1, 1),    /* windows of a sample in several chunks, some at the borders */
    SHAPE(11, 6, 64, 72, 3, 1, 1, 1, 1, 0, 1, 1, 1),     /* rows that follow one another, images that do not */
    SHAPE(35, 41, 64, 72, 1, 1, 2, 2, 0, 0, 1, 1, 1),    /* the same in parts of an image */
    SHAPE(9, 1, 64, 72, 1, 1, 2, 2, 0, 0, 1, 1, 1),      /* planes of one column */
    SHAPE(120, 120, 16, 128, 1, 1, 2, 2, 0, 0, 1, 1, 1), /* outputs past the caches */
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

typedef struct arrays {
    math_conv g;
    int64_t x_size, w_size, y_size;
    float *x, *w, *dy, *bias;
    double *y, *dx, *dw; /* wanted */
} arrays;

/* Output pixel (n, oh, ow) in all directions: what each product of its windows adds. */
static void add_pixel(arrays *a, int64_t n, int64_t oh, int64_t ow) {
    const math_conv *g = &a->g;
    int64_t ic = g->c / g->groups, oc = g->oc / g->groups, out = ((n * g->oh + oh) * g->ow + ow) * g->oc;
    for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
        int64_t h = oh * g->stride_h - g->pad_h + tap / g->kw * g->dilation_h,
                w = ow * g->stride_w - g->pad_w + tap % g->kw * g->dilation_w;
        if (h < 0 || w < 0 || h >= g->h || w >= g->w)
            continue;
        for (int64_t i = 0; i < g->c; i++) {
            int64_t from = ((n * g->h + h) * g->w + w) * g->c + i, row = (tap * ic + i % ic) * g->oc, group = i / ic * oc;
            for (int64_t k = group; k < group + oc; k++) {
                a->y[out + k] += (double)a->x[from] * a->w[row + k];
                a->dx[from] += (double)a->dy[out + k] * a->w[row + k];
                a->dw[row + k] += (double)a->x[from] * a->dy[out + k];
            }
        }
    }
}

static arrays begin(const math_conv *g) {
    arrays a = {.g = *g};
    a.x_size = IMAGES * g->h * g->w * g->c;
    a.w_size = g->kh * g->kw * g->c / g->groups * g->oc;
    a.y_size = IMAGES * g->oh * g->ow * g->oc;
    a.x = new_numbers(1, a.x_size), a.w = new_numbers(2, a.w_size), a.dy = new_numbers(3, a.y_size), a.bias = new_numbers(4, g->oc);
    a.y = calloc((size_t)a.y_size, 8), a.dx = calloc((size_t)a.x_size, 8), a.dw = calloc((size_t)a.w_size, 8);
    for (int64_t pixel = 0; pixel < IMAGES * g->oh * g->ow; pixel++)
        add_pixel(&a, pixel / g->ow / g->oh, pixel / g->ow % g->oh, pixel % g->ow);
    return a;
}

static void end(arrays *a) {
    free(a->x), free(a->w), free(a->dy), free(a->bias), free(a->y), free(a->dx), free(a->dw);
}

static void check(const arrays *a, const char *what, math_direction d, int64_t size, const float *found, const double *wanted) {
    const char *algorithm = math->conv_algorithm(&a->g, d);
    double off = distance(size, found, wanted), most = strstr(algorithm, "winograd") ? 1e-5 : 2e-6;
    ck_assert_msg(off < most, "plane and channels %d, %s%s by %s is off by %g", (int)(a->g.h * 10000 + a->g.c), what,
                  a->g.accurate ? " (accurate)" : "", algorithm, off);
}

/* The weights as the direction's algorithm wants them; `memory` keeps them. */
static const void *prepared(const arrays *a, math_direction d, guarded *memory) {
    size_t bytes = math->conv_prepared(&a->g, d);
    *memory = guarded_new(bytes);
    for (int part = bytes > 0 ? math->conv_prepare_parts(&a->g, d) - 1 : -1; part >= 0; part--)
        math->conv_prepare(&a->g, d, a->w, part, memory->memory);
    return bytes > 0 ? (const void *)memory->memory : a->w;
}

static void check_forward(const arrays *a, void *scratch) {
    guarded memory;
    const void *weights = prepared(a, MATH_FORWARD, &memory);
    float *y = new_floats(a->y_size);
    math->conv_forward(&a->g, IMAGES, a->x, weights, NULL, y, scratch);
    check(a, "output", MATH_FORWARD, a->y_size, y, a->y);
    math->conv_forward(&a->g, IMAGES, a->x, weights, a->bias, y, scratch);
    for (int64_t i = 0; i < a->y_size; i++)
        y[i] -= a->bias[i % a->g.oc];
    check(a, "output with bias", MATH_FORWARD, a->y_size, y, a->y);
    free(y);
    guarded_free(&memory, "prepared weights");
}

static void check_data(const arrays *a, void *scratch) {
    guarded memory;
    const void *weights = prepared(a, MATH_BACKWARD_DATA, &memory);
    float *dx = new_floats(a->x_size);
    math->conv_backward_data(&a->g, IMAGES, a->dy, weights, dx, false, scratch);
    check(a, "dx", MATH_BACKWARD_DATA, a->x_size, dx, a->dx);
    for (int64_t i = 0; i < a->x_size; i++)
        dx[i] = 0.5f;
    math->conv_backward_data(&a->g, IMAGES, a->dy, weights, dx, true, scratch);
    for (int64_t i = 0; i < a->x_size; i++)
        dx[i] -= 0.5f;
    check(a, "dx added", MATH_BACKWARD_DATA, a->x_size, dx, a->dx);
    free(dx);
    guarded_free(&memory, "prepared weights");
}

/* Lanes of 1, 0 and 2 images; the parts in any order. */
static void check_weight(const arrays *a, void *scratch) {
    static const int64_t bounds[] = {0, 1, 1, IMAGES};
    static const int merges[] = {0, 1, 1};
    const math_lanes lanes = {3, LEVELS, bounds, merges};
    float *dw = new_floats(a->w_size);
    for (int part = math->conv_weight_parts(&a->g) - 1; part >= 0; part--)
        math->conv_backward_weight(&a->g, &lanes, a->x, a->dy, part, dw, scratch);
    check(a, "dw", MATH_BACKWARD_WEIGHT, a->w_size, dw, a->dw);
    free(dw);
}

/* Winograd's larger tiles round worse than a plain sum. */
static void check_is_accurate(const char *algorithm) {
    ck_assert_msg(!strstr(algorithm, "winograd") || strcmp(algorithm, "winograd 2x2") == 0, "%s is not accurate", algorithm);
}

START_TEST(as_direct_sums) {
    arrays a = begin(&shapes[_i]);
    for (int accurate = 0; accurate <= 1; accurate++) {
        a.g.accurate = accurate;
        guarded scratch = guarded_new(math->conv_scratch(&a.g, LEVELS));
        check_forward(&a, scratch.memory);
        check_data(&a, scratch.memory);
        check_weight(&a, scratch.memory);
        guarded_free(&scratch, "scratch memory");
        for (math_direction d = MATH_FORWARD; accurate && d <= MATH_BACKWARD_WEIGHT; d++)
            check_is_accurate(math->conv_algorithm(&a.g, d));
    }
    end(&a);
}
END_TEST

/* ---- with relu and pooling: the same bits as one after the other ---- */

typedef struct pooled {
    const arrays *a;
    math_pool pool;
    int64_t size;
    float *y, *dy;
    uint8_t *index;
    void *scratch;
} pooled;

static bool same(int64_t size, const float *a, const float *b) {
    return memcmp(a, b, (size_t)size * sizeof *a) == 0;
}

static void check_pooled_forward(pooled *p) {
    const arrays *a = p->a;
    guarded memory;
    const void *weights = prepared(a, MATH_FORWARD, &memory);
    float *whole = new_floats(a->y_size), *y = new_floats(p->size);
    uint8_t *index = calloc((size_t)p->size, 1);
    math->conv_forward(&a->g, IMAGES, a->x, weights, a->bias, whole, p->scratch);
    math->max_pool(&p->pool, IMAGES, whole, p->y, p->index);
    math->conv_pooled_forward(&a->g, IMAGES, a->x, weights, a->bias, y, index, p->scratch);
    ck_assert(same(p->size, y, p->y) && memcmp(index, p->index, (size_t)p->size) == 0);
    memset(y, 0, (size_t)p->size * sizeof *y);
    math->conv_pooled_forward(&a->g, IMAGES, a->x, weights, a->bias, y, NULL, p->scratch);
    ck_assert(same(p->size, y, p->y));
    free(whole), free(y), free(index);
    guarded_free(&memory, "prepared weights");
}

static void check_pooled_data(const pooled *p, const float *dy) {
    const arrays *a = p->a;
    guarded memory;
    const void *weights = prepared(a, MATH_BACKWARD_DATA, &memory);
    float *wanted = new_floats(a->x_size), *dx = new_floats(a->x_size);
    for (int add = 0; add <= 1; add++) {
        math->conv_backward_data(&a->g, IMAGES, dy, weights, wanted, add, p->scratch);
        math->conv_pooled_backward_data(&a->g, IMAGES, p->dy, p->index, weights, dx, add, p->scratch);
        ck_assert(same(a->x_size, dx, wanted));
    }
    free(wanted), free(dx);
    guarded_free(&memory, "prepared weights");
}

static void check_pooled_weight(const pooled *p, const float *dy) {
    static const int64_t bounds[] = {0, 1, 1, IMAGES};
    static const int merges[] = {0, 1, 1};
    const math_lanes lanes = {3, LEVELS, bounds, merges};
    const arrays *a = p->a;
    float *wanted = new_floats(a->w_size), *dw = new_floats(a->w_size), *db = new_floats(a->g.oc);
    math->conv_backward_weight(&a->g, &lanes, a->x, dy, 0, wanted, p->scratch);
    math->conv_pooled_backward_weight(&a->g, &lanes, a->x, p->dy, p->index, dw, db, p->scratch);
    ck_assert(same(a->w_size, dw, wanted));
    for (int64_t i = 0; i < a->g.oc; i++) {
        double sum = 0;
        for (int64_t k = i; k < a->y_size; k += a->g.oc)
            sum += dy[k];
        ck_assert(fabs(db[i] - sum) < 1e-4);
    }
    math->conv_pooled_backward_weight(&a->g, &lanes, a->x, p->dy, p->index, NULL, NULL, p->scratch);
    free(wanted), free(dw), free(db);
}

START_TEST(pooled_as_apart) {
    const math_conv *g = &shapes[_i];
    if (!math->conv_pools(g))
        return;
    arrays a = begin(g);
    guarded scratch = guarded_new(math->conv_scratch(g, LEVELS));
    pooled p = {.a = &a, .size = a.y_size / 4, .scratch = scratch.memory};
    p.pool =
        (math_pool){.h = g->oh, .w = g->ow, .c = g->oc, .oh = g->oh / 2, .ow = g->ow / 2, .kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2};
    p.pool.relu = true;
    p.y = new_floats(p.size), p.dy = new_numbers(5, p.size), p.index = calloc((size_t)p.size, 1);
    float *dy = new_floats(a.y_size);
    check_pooled_forward(&p);
    math->max_pool_backward(&p.pool, IMAGES, p.index, p.dy, dy, false);
    check_pooled_data(&p, dy);
    check_pooled_weight(&p, dy);
    free(p.y), free(p.dy), free(p.index), free(dy);
    guarded_free(&scratch, "scratch memory");
    end(&a);
}
END_TEST

/* Two kinds of shapes have pooled forms wherever vectors are long enough. */
START_TEST(some_pool) {
    int count = 0;
    for (int i = 0; i < N_SHAPES; i++)
        count += math->conv_pools(&shapes[i]);
    ck_assert_int_ge(count, strcmp(math->isa, "generic") ? 4 : 2);
}
END_TEST

int main(void) {
    if (!kernels_are_here())
        return SKIPPED;
    TCase *c = suite_case("conv");
    tcase_add_loop_test(c, as_direct_sums, 0, N_SHAPES);
    tcase_add_loop_test(c, pooled_as_apart, 0, N_SHAPES);
    tcase_add_test(c, some_pool);
    return suite_run();
}
