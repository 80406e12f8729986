/* How parameters begin: distributions, and what a value depends on. */
#include <math.h>
#include <stdio.h>

#include "nn/nn.h"
#include "suite.h"

/* ---- helpers ---- */

typedef shoal_tensor build_function(shoal_model *m, shoal_tensor x);

static model *built(build_function *build) {
    shoal_model_kind kind = {.name = "own", .what = "a test", .build = build};
    model_spec spec = {.kind = &kind, .classes = 10, .image = {5, 5, 3}};
    model *m;
    err e = model_build(&m, &spec);
    ck_assert_msg(e == OK, "%s", err_last()->text);
    return m;
}

static model *sealed(build_function *build, uint64_t seed) {
    model *m = built(build);
    ck_assert_int_eq(model_seal(m), OK);
    model_init(m, seed);
    return m;
}

static shoal_tensor head(shoal_model *m, shoal_tensor x) {
    return shoal_linear(m, shoal_flatten(m, x), shoal_classes(m));
}

static float *plain_of(const param *p) {
    float *plain = mem_new((size_t)p->size, sizeof *plain);
    param_to_plain(p, p->value, plain);
    return plain;
}

/* ---- distributions ---- */

/* Every way to begin, once for a grouped convolution and once for a linear layer. */
static shoal_tensor all_inits(shoal_model *m, shoal_tensor x) {
    x = shoal_conv2d(m, x, 48, 1, .name = "first");
    for (int init = SHOAL_INIT_DEFAULT; init <= SHOAL_INIT_NORMAL; init++) {
        shoal_enter(m, "%d", init);
        x = shoal_conv2d(m, x, 48, 3, .pad = 1, .groups = 2, .init = (shoal_init)init, .init_std = 0.3, .name = "conv");
        shoal_leave(m);
    }
    x = shoal_flatten(m, shoal_adaptive_avg_pool2d(m, x, 3, 3));
    for (int init = SHOAL_INIT_DEFAULT; init <= SHOAL_INIT_NORMAL; init++) {
        shoal_enter(m, "%d", init);
        x = shoal_linear(m, x, 100, .init = (shoal_init)init, .init_std = 0.3, .name = "fc");
        shoal_leave(m);
    }
    return shoal_linear(m, x, shoal_classes(m), .name = "last");
}

typedef struct statistics {
    double mean, std, most, kurtosis;
} statistics;

static statistics statistics_of(const param *p) {
    double sum = 0, square = 0, fourth = 0, most = 0, n = (double)p->size;
    for (int64_t i = 0; i < p->size; i++) {
        double v = (double)p->value[i];
        sum += v;
        square += v * v;
        fourth += v * v * v * v;
        most = fmax(most, fabs(v));
    }
    return (statistics){sum / n, sqrt(square / n), most, fourth * n / (square * square)};
}

/* Mean 0 and standard deviation `std` up to five standard errors; bounded where uniform (kurtosis 1.8 against the normal's 3). */
static void begins(model *m, const char *name, double std, bool uniform) {
    const param *p = graph_find_param(m->graph, name);
    ck_assert_ptr_nonnull(p);
    statistics s = statistics_of(p);
    double error = 5 / sqrt((double)p->size);
    ck_assert_double_le(fabs(s.mean), std * error);
    ck_assert_double_eq_tol(s.std, std, std * error / sqrt(2));
    ck_assert_double_eq_tol(s.kurtosis, uniform ? 1.8 : 3, 8 * error);
    if (uniform)
        ck_assert_double_le(s.most, std * sqrt(3) * (1 + 1e-6));
    if (uniform)
        ck_assert_double_ge(s.most, std * sqrt(3) * 0.98);
    else
        ck_assert_double_ge(s.most, std * 2.5);
}

static void is_zero(model *m, const char *name) {
    ck_assert_double_eq(statistics_of(graph_find_param(m->graph, name)).most, 0);
}

START_TEST(weights_begin_as_papers_and_pytorch_say) {
    model *m = sealed(all_inits, 5);
    double in = 24 * 9, out = 48 * 9; /* of the convolutions, with two groups */
    begins(m, "0.conv.weight", 1 / sqrt(3 * in), true);
    begins(m, "1.conv.weight", sqrt(2 / out), false);
    begins(m, "2.conv.weight", sqrt(2 / in), false);
    begins(m, "3.conv.weight", sqrt(2 / (in + out)), true);
    begins(m, "4.conv.weight", sqrt(2 / (in + out)), false);
    begins(m, "5.conv.weight", 0.3, false);
    begins(m, "0.fc.weight", 1 / sqrt(3 * 432.), true);
    begins(m, "1.fc.weight", sqrt(2 / 100.), false);
    begins(m, "2.fc.weight", sqrt(2 / 100.), false);
    begins(m, "3.fc.weight", sqrt(2 / 200.), true);
    begins(m, "4.fc.weight", sqrt(2 / 200.), false);
    begins(m, "5.fc.weight", 0.3, false);
    model_free(m);
}
END_TEST

START_TEST(biases_begin_uniform_by_default_and_at_zero_otherwise) {
    model *m = sealed(all_inits, 6);
    const param *bias = graph_find_param(m->graph, "0.fc.bias");
    statistics s = statistics_of(bias);
    ck_assert_double_le(s.most, 1 / sqrt(432.));
    ck_assert_double_ge(s.most, 0.9 / sqrt(432.));
    for (int init = SHOAL_INIT_KAIMING_NORMAL_FAN_OUT; init <= SHOAL_INIT_NORMAL; init++) {
        char name[32];
        snprintf(name, sizeof name, "%d.conv.bias", init);
        is_zero(m, name);
        snprintf(name, sizeof name, "%d.fc.bias", init);
        is_zero(m, name);
    }
    model_free(m);
}
END_TEST

static shoal_tensor norms(shoal_model *m, shoal_tensor x) {
    x = shoal_batch_norm(m, x, .name = "one");
    x = shoal_batch_norm(m, x, .name = "zero", .zero_init = true);
    return head(m, x);
}

static void is_constant(model *m, const char *name, float value) {
    const param *p = graph_find_param(m->graph, name);
    for (int64_t i = 0; i < p->size; i++)
        ck_assert_float_eq(p->value[i], value);
}

START_TEST(batch_norms_begin_as_identities_or_as_zero) {
    model *m = sealed(norms, 1);
    is_constant(m, "one.weight", 1);
    is_constant(m, "one.bias", 0);
    is_constant(m, "one.running_mean", 0);
    is_constant(m, "one.running_var", 1);
    ck_assert_int_eq(graph_find_param(m->graph, "one.num_batches_tracked")->counter, 0);
    is_constant(m, "zero.weight", 0);
    is_constant(m, "zero.running_var", 1);
    model_free(m);
}
END_TEST

/* ---- what a value depends on ---- */

static shoal_tensor named(shoal_model *m, shoal_tensor x) {
    x = shoal_relu(m, shoal_conv2d(m, x, 8, 3, .pad = 1, .name = "stem"));
    for (int i = 0; i < 2; i++) {
        shoal_enter(m, "layer%d.%d", 1, i);
        shoal_tensor y = shoal_relu(m, shoal_conv2d(m, x, 8, 3, .pad = 1, .no_bias = true));
        shoal_enter(m, "inner");
        y = shoal_batch_norm(m, shoal_conv2d(m, y, 8, 1, .no_bias = true), .name = "norm");
        shoal_leave(m);
        x = shoal_relu(m, shoal_relu(m, shoal_add(m, x, y)));
        shoal_leave(m);
    }
    return head(m, x);
}

static shoal_tensor same_layers_otherwise(shoal_model *m, shoal_tensor x) {
    x = shoal_batch_norm(m, x, .name = "extra");
    return named(m, x);
}

START_TEST(a_parameter_depends_on_seed_and_name_only) {
    model *a = sealed(named, 9), *b = sealed(same_layers_otherwise, 9), *c = sealed(named, 10);
    for (int i = 0; i < graph_n_params(a->graph); i++) {
        const param *p = graph_param(a->graph, i);
        if (p->role != PARAM_WEIGHT)
            continue;
        const param *same = graph_find_param(b->graph, p->name), *other = graph_find_param(c->graph, p->name);
        ck_assert_mem_eq(p->value, same->value, (size_t)p->size * sizeof(float));
        ck_assert_mem_ne(p->value, other->value, (size_t)p->size * sizeof(float));
    }
    const param *p = graph_find_param(a->graph, "layer1.0.conv.weight"), *q = graph_find_param(a->graph, "layer1.1.conv.weight");
    ck_assert_mem_ne(p->value, q->value, (size_t)p->size * sizeof(float));
    model_free(a);
    model_free(b);
    model_free(c);
}
END_TEST

START_TEST(the_index_counts_in_pytorchs_order) {
    model *m = sealed(named, 77);
    const param *p = graph_find_param(m->graph, "layer1.1.conv.weight"); /* [8, 8, 3, 3] */
    float *plain = plain_of(p);
    rng_key key = rng_make_key(77, RNG_INIT, rng_hash(p->name), 0);
    for (int64_t i = 0; i < p->size; i++)
        ck_assert_float_eq(plain[i], (float)((2 * rng_uniform(key, (uint64_t)i) - 1) / sqrt(72.)));
    mem_free(plain);
    model_free(m);
}
END_TEST

static shoal_tensor large(shoal_model *m, shoal_tensor x) {
    x = shoal_linear(m, shoal_flatten(m, x), 3001, .init = SHOAL_INIT_NORMAL, .init_std = 1, .name = "wide");
    return shoal_linear(m, x, shoal_classes(m));
}

START_TEST(threads_do_not_change_values) {
    model *a = sealed(large, 3);
    threads_set(3);
    model *b = sealed(large, 3);
    threads_set(1);
    const param *p = graph_find_param(a->graph, "wide.weight"), *q = graph_find_param(b->graph, "wide.weight");
    ck_assert_mem_eq(p->value, q->value, (size_t)p->size * sizeof(float));
    rng_key key = rng_make_key(3, RNG_INIT, rng_hash(p->name), 0);
    for (int64_t i = 0; i < p->size; i += 1009)
        ck_assert_float_eq(p->value[i], (float)rng_normal(key, (uint64_t)i));
    model_free(a);
    model_free(b);
}
END_TEST

START_TEST(frozen_parameters_have_values_too) {
    model *m = built(named), *free_one = sealed(named, 8);
    graph_find_param(m->graph, "stem.weight")->frozen = true;
    ck_assert_int_eq(model_seal(m), OK);
    model_init(m, 8);
    const param *p = graph_find_param(m->graph, "stem.weight");
    ck_assert(!param_is_trained(p));
    ck_assert_mem_eq(p->value, graph_find_param(free_one->graph, "stem.weight")->value, (size_t)p->size * sizeof(float));
    model_free(m);
    model_free(free_one);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("all");
    tcase_add_test(tests, weights_begin_as_papers_and_pytorch_say);
    tcase_add_test(tests, biases_begin_uniform_by_default_and_at_zero_otherwise);
    tcase_add_test(tests, batch_norms_begin_as_identities_or_as_zero);
    tcase_add_test(tests, a_parameter_depends_on_seed_and_name_only);
    tcase_add_test(tests, the_index_counts_in_pytorchs_order);
    tcase_add_test(tests, threads_do_not_change_values);
    tcase_add_test(tests, frozen_parameters_have_values_too);
    return suite_run();
}
