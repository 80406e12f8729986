/* Batch normalisation's passes and max pooling, in every instruction set that the processor has: against double precision and plain loops
 * at odd sizes, and that large tensors, which are stored past the caches, get the bits of small ones. */
#include "kernel_sets.h"
#include "suite.h"

/* Within the rounding of a sum of `terms` numbers of about 1. */
static void check_close(const char *isa, const char *what, int64_t c, int64_t terms, double found, double wanted) {
    if (!(fabs(found - wanted) < 1e-6 * (double)(10 + terms))) /* libcheck's own test of a condition costs a system call */
        ck_abort_msg("%s, %d channels, %s: %g, not %g", isa, (int)c, what, found, wanted);
}

/* ---- batch normalisation ---- */

typedef struct norm_case {
    const math_kernels *k;
    math_norm m;
    bool residual, add; /* add: to what dx holds */
    float *x, *r, *y, *dy, *a, *b, *dx, *dr;
    double *sums; /* Σx, Σx², Σdz, Σdz·(x − mean) */
} norm_case;

static norm_case norm_case_new(const math_kernels *k, int64_t rows, int64_t c, bool relu, bool residual, bool add) {
    int64_t n = rows * c;
    norm_case t = {.k = k, .m = {rows, c, numbers(c, 1), numbers(c, 2), numbers(c, 3), relu}, .residual = residual, .add = add};
    t.x = numbers(n, 4), t.r = numbers(n, 5), t.y = numbers(n, 6), t.dy = numbers(n, 7), t.a = numbers(c, 8), t.b = numbers(c, 9);
    t.m.bits = residual && c % 16 == 0 && rows % 2 ? dirty((size_t)(rows * c / 8)) : NULL;
    t.dx = numbers(n, 10), t.dr = numbers(n, 11), t.sums = calloc((size_t)(4 * c), sizeof *t.sums);
    return t;
}

static void norm_case_free(norm_case *t) {
    free((void *)(uintptr_t)t->m.mean), free((void *)(uintptr_t)t->m.scale), free((void *)(uintptr_t)t->m.shift);
    free(t->x), free(t->r), free(t->y), free(t->dy), free(t->a), free(t->b), free(t->dx), free(t->dr), free(t->sums), free(t->m.bits);
}

static void norm_run(norm_case *t) {
    int64_t c = t->m.c;
    void *scratch = malloc(t->k->sums_scratch(c, 1));
    const float *y = t->residual && !t->m.bits ? t->y : NULL;
    t->k->norm_forward(&t->m, t->x, t->residual ? t->r : NULL, t->y);
    t->k->norm_sums(t->m.rows, c, t->x, t->sums, t->sums + c, scratch);
    t->k->norm_grad_sums(&t->m, t->x, y, t->dy, t->sums + 2 * c, t->sums + 3 * c, scratch);
    t->k->norm_backward(&t->m, t->x, y, t->dy, t->a, t->b, t->dx, t->add, t->residual ? t->dr : NULL, true);
    free(scratch);
}

static void norm_check(const norm_case *t) {
    int64_t c = t->m.c;
    const char *isa = t->k->isa;
    double *sums = calloc((size_t)(4 * c), sizeof *sums);
    for (int64_t i = 0; i < t->m.rows * c; i++) {
        int64_t j = i % c;
        double centred = (double)t->x[i] - t->m.mean[j], y = centred * t->m.scale[j] + t->m.shift[j] + (t->residual ? t->r[i] : 0);
        double dz = t->m.relu && t->y[i] <= 0 ? 0 : t->dy[i], dx = dz * t->m.scale[j] + centred * t->a[j] + t->b[j];
        check_close(isa, "y", c, 1, t->y[i], t->m.relu && y < 0 ? 0 : y);
        check_close(isa, "dx", c, 1, t->dx[i], dx + (t->add ? noise((uint32_t)i + 7919000 * 10) : 0));
        check_close(isa, "dresidual", c, 1, t->dr[i], noise((uint32_t)i + 7919000 * 11) + (t->residual ? dz : 0));
        sums[j] += t->x[i], sums[c + j] += (double)t->x[i] * t->x[i], sums[2 * c + j] += dz, sums[3 * c + j] += dz * centred;
    }
    for (int64_t i = 0; i < 4 * c; i++)
        check_close(isa, "a sum", c, t->m.rows, t->sums[i], sums[i]);
    free(sums);
}

/* 64 channels of 520 rows and of 625 go past the caches; an odd number of rows has bits. */
START_TEST(normalisation) {
    static const int64_t channels[] = {1, 3, 16, 19, 64, 127, 129, 300}, rows[] = {1, 2, 67, 520, 625};
    const math_kernels *k = set(_i / 8);
    for (int i = 0; k && i < 8; i++)
        for (int j = 0; j < 5; j++) {
            norm_case t = norm_case_new(k, rows[j], channels[i], _i & 1, _i & 2, _i & 4);
            norm_run(&t);
            norm_check(&t);
            norm_case_free(&t);
        }
}
END_TEST

START_TEST(large_tensors_have_the_bits_of_small_ones) {
    enum { ROWS = 20000, C = 64, PART = 500 /* 32,000 floats: stay in cache */ };
    const math_kernels *k = set(_i);
    if (!k)
        return;
    norm_case t = norm_case_new(k, ROWS, C, true, false, false);
    norm_run(&t);
    float *y = numbers(ROWS * C, 20), *dx = numbers(ROWS * C, 21);
    for (int64_t row = 0; row < ROWS; row += PART) {
        math_norm part = t.m;
        part.rows = PART;
        k->norm_forward(&part, t.x + row * C, NULL, y + row * C);
        k->norm_backward(&part, t.x + row * C, NULL, t.dy + row * C, t.a, t.b, dx + row * C, false, NULL, false);
    }
    ck_assert(memcmp(y, t.y, sizeof(float) * ROWS * C) == 0);
    ck_assert(memcmp(dx, t.dx, sizeof(float) * ROWS * C) == 0);
    norm_case_free(&t);
    free(y), free(dx);
}
END_TEST

/* ---- max pooling ---- */

static math_pool pool(int64_t h, int64_t w, int64_t c, int64_t kernel, int64_t stride, int64_t pad) {
    math_pool p = {.h = h, .w = w, .c = c, .kh = kernel, .kw = kernel, .stride_h = stride, .stride_w = stride, .pad_h = pad, .pad_w = pad};
    p.oh = (h + 2 * pad - kernel) / stride + 1;
    p.ow = (w + 2 * pad - kernel) / stride + 1;
    return p;
}

/* Which element of the plane is output `at`'s maximum. */
static int64_t naive_maximum(const math_pool *p, int64_t at, const float *x) {
    int64_t channel = at % p->c, ow = at / p->c % p->ow, oh = at / p->c / p->ow, best = -1;
    for (int64_t h = oh * p->stride_h - p->pad_h; h < oh * p->stride_h - p->pad_h + p->kh; h++)
        for (int64_t w = ow * p->stride_w - p->pad_w; w < ow * p->stride_w - p->pad_w + p->kw; w++) {
            int64_t i = (h * p->w + w) * p->c + channel;
            if (h >= 0 && h < p->h && w >= 0 && w < p->w && (best < 0 || x[i] > x[best]))
                best = i;
        }
    return best;
}

static void check_pool(const math_kernels *k, const math_pool *p, bool add) {
    enum { IMAGES = 2 };
    int64_t in = p->h * p->w * p->c, out = p->oh * p->ow * p->c;
    float *x = numbers(IMAGES * in, 1), *y = numbers(IMAGES * out, 2), *dy = numbers(IMAGES * out, 3), *dx = numbers(IMAGES * in, 4);
    float *wanted = numbers(IMAGES * in, 4);
    uint8_t *index = malloc((size_t)(IMAGES * out));
    for (int64_t i = 0; i < IMAGES * in; i++) {
        x[i] = floorf(x[i] * 8); /* many are equal */
        wanted[i] = add ? wanted[i] : 0;
    }
    k->max_pool(p, IMAGES, x, y, index);
    k->max_pool_backward(p, IMAGES, index, dy, dx, add);
    for (int64_t i = 0; i < IMAGES * out; i++) {
        int64_t image = i / out * in, best = image + naive_maximum(p, i % out, x + image);
        bool none = p->relu && x[best] <= 0;
        if (y[i] != (none ? 0 : x[best]))
            ck_abort_msg("%s, %d channels: y %g, not %g", k->isa, (int)p->c, y[i], x[best]);
        if (!none)
            wanted[best] += dy[i];
    }
    for (int64_t i = 0; i < IMAGES * in; i++)
        if (wanted[i] != dx[i])
            ck_abort_msg("%s, %d channels: dx %g, not %g", k->isa, (int)p->c, dx[i], wanted[i]);
    free(x), free(y), free(dy), free(dx), free(wanted), free(index);
}

START_TEST(max_pooling) {
    static const int64_t shapes[][3] = {{2, 2, 0}, {3, 2, 1}, {3, 1, 1}, {2, 3, 1}, {5, 2, 2}, {1, 1, 0}},
                         channels[] = {1, 6, 16, 35, 64, 147};
    const math_kernels *k = set(_i);
    for (int i = 0; k && i < 6; i++)
        for (int j = 0; j < 6; j++) {
            math_pool p = pool(11, 13, channels[j], shapes[i][0], shapes[i][1], shapes[i][2]);
            for (int relu = 0; relu < 2; relu++) {
                p.relu = relu;
                check_pool(k, &p, j & 1);
            }
        }
    math_pool large = pool(112, 96, 64, 2, 2, 0); /* stored past the caches */
    if (k)
        check_pool(k, &large, false);
}
END_TEST

int main(void) {
    TCase *c = suite_case("kernels_passes");
    tcase_add_loop_test(c, normalisation, 0, 8 * SETS);
    tcase_add_loop_test(c, large_tensors_have_the_bits_of_small_ones, 0, SETS);
    tcase_add_loop_test(c, max_pooling, 0, SETS);
    return suite_run();
}
