/* The builder behind <shoal/model.h>: names, shapes, errors, options. */
#include <math.h>
#include <string.h>

#include "nn/nn.h"
#include "ops/ops.h"
#include "suite.h"

/* ---- helpers ---- */

typedef shoal_tensor build_function(shoal_model *m, shoal_tensor x);

static const shoal_model_option own_options[] = {
    {.name = "dropout", .standard = 0.25, .least = 0, .most = 0.9, .what = "probability"},
    {.name = "wide", .standard = 1, .least = 0, .most = 1, .is_bool = true, .what = "a switch"},
};

static shoal_model_kind kind_of(build_function *build) {
    return (shoal_model_kind){.name = "own", .what = "a test", .build = build, .options = own_options, .n_options = 2};
}

static model_spec spec_of(const shoal_model_kind *kind) {
    return (model_spec){.kind = kind, .classes = 10, .image = {5, 5, 3}};
}

static model *built(build_function *build) {
    shoal_model_kind kind = kind_of(build);
    model_spec spec = spec_of(&kind);
    model *m;
    err e = model_build(&m, &spec);
    ck_assert_msg(e == OK, "%s", err_last()->text);
    return m;
}

static void fails_with(build_function *build, const char *text) {
    shoal_model_kind kind = kind_of(build);
    model_spec spec = spec_of(&kind);
    model *m;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_ptr_null(m);
    ck_assert_str_eq(err_last()->text, text);
}

static shoal_tensor head(shoal_model *m, shoal_tensor x) {
    return shoal_linear(m, shoal_flatten(m, x), shoal_classes(m));
}

/* ---- names ---- */

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

START_TEST(parameters_are_named_by_scope_in_order_of_layers) {
    static const char *const expected[] = {
        "stem.weight",
        "stem.bias",
        "layer1.0.conv.weight",
        "layer1.0.inner.conv.weight",
        "layer1.0.inner.norm.weight",
        "layer1.0.inner.norm.bias",
        "layer1.0.inner.norm.running_mean",
        "layer1.0.inner.norm.running_var",
        "layer1.0.inner.norm.num_batches_tracked",
        "layer1.1.conv.weight",
        "layer1.1.inner.conv.weight",
        "layer1.1.inner.norm.weight",
        "layer1.1.inner.norm.bias",
        "layer1.1.inner.norm.running_mean",
        "layer1.1.inner.norm.running_var",
        "layer1.1.inner.norm.num_batches_tracked",
        "fc.weight",
        "fc.bias",
    };
    model *m = built(named);
    ck_assert_int_eq(graph_n_params(m->graph), sizeof expected / sizeof *expected);
    for (int i = 0; i < graph_n_params(m->graph); i++)
        ck_assert_str_eq(graph_param(m->graph, i)->name, expected[i]);
    model_free(m);
}
END_TEST

START_TEST(layers_without_a_name_get_one_of_their_own) {
    static const char *const expected[] = {"stem",
                                           "relu",
                                           "layer1.0.conv",
                                           "layer1.0.relu",
                                           "layer1.0.inner.conv",
                                           "layer1.0.inner.norm",
                                           "layer1.0.add",
                                           "layer1.0.relu_1",
                                           "layer1.0.relu_2"};
    model *m = built(named);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        ck_assert_str_eq(graph_node(m->graph, (int)i + 1)->name, expected[i]);
    model_free(m);
}
END_TEST

START_TEST(a_model_knows_its_ends) {
    model *m = built(named);
    ck_assert_ptr_eq(m->images, graph_node(m->graph, 0));
    ck_assert(shape_equal(m->images->out, (shape){5, 5, 3}));
    ck_assert_str_eq(m->logits->name, "fc");
    ck_assert(shape_equal(m->logits->out, (shape){1, 1, 10}));
    ck_assert_ptr_eq(m->loss->inputs[0], m->logits);
    ck_assert_int_eq(model_seal(m), OK);
    ck_assert_ptr_eq(m->loss->inputs[0], m->logits);
    ck_assert_str_eq(m->logits->name, "fc");
    model_free(m);
}
END_TEST

static shoal_tensor ends_in_relu(shoal_model *m, shoal_tensor x) {
    x = shoal_adaptive_avg_pool2d(m, shoal_conv2d(m, x, shoal_classes(m), 3, .no_bias = true), 1, 1);
    return shoal_relu(m, shoal_batch_norm(m, x, .name = "bn"));
}

START_TEST(logits_that_are_fused_are_found_again) {
    model *m = built(ends_in_relu);
    ck_assert_int_eq(model_seal(m), OK);
    ck_assert_ptr_eq(m->loss->inputs[0], m->logits);
    ck_assert(m->logits->keep);
    ck_assert(shape_equal(m->logits->out, (shape){1, 1, 10}));
    model_free(m);
}
END_TEST

/* ---- shapes ---- */

static shoal_tensor asks_for_shapes(shoal_model *m, shoal_tensor x) {
    x = shoal_conv2d(m, x, 6, 3, .kernel_w = 1, .pad = 1, .pad_w = -1, .stride = 2);
    ck_assert_int_eq(shoal_channels(m, x), 6);
    ck_assert_int_eq(shoal_height(m, x), 3); /* (5 + 2 - 3) / 2 + 1 */
    ck_assert_int_eq(shoal_width(m, x), 3);  /* (5 - 1) / 2 + 1 */
    shoal_tensor y = shoal_conv2d(m, x, 12, 2, .pad = 1, .pad_w = 2, .dilation = 2, .groups = 3);
    ck_assert_int_eq(shoal_height(m, y), 3); /* 3 + 2 - 2 */
    ck_assert_int_eq(shoal_width(m, y), 5);  /* 3 + 4 - 2 */
    y = shoal_max_pool2d(m, y, 2, .ceil_mode = true);
    ck_assert_int_eq(shoal_height(m, y), 2);
    ck_assert_int_eq(shoal_width(m, y), 3);
    x = shoal_adaptive_avg_pool2d(m, shoal_pad_channels(m, x, 2, 1), 2, 3);
    ck_assert_int_eq(shoal_channels(m, x), 9);
    x = shoal_concat(m, (shoal_tensor[]){x, y, x}, 3);
    ck_assert_int_eq(shoal_channels(m, x), 30);
    x = shoal_flatten(m, shoal_avg_pool2d(m, x, 2, .stride = 1, .pad = 1));
    ck_assert_int_eq(shoal_channels(m, x), 30 * 3 * 4);
    return head(m, x);
}

START_TEST(options_have_pytorchs_defaults) {
    model *m = built(asks_for_shapes);
    const node *pool = m->logits->inputs[0]->inputs[0]->inputs[0];
    ck_assert_str_eq(pool->name, "avg_pool2d");
    ck_assert(((const pool_attrs *)pool->attrs)->count_include_pad);
    model_free(m);
    m = built(ends_in_relu);
    const batch_norm_attrs *norm = m->logits->inputs[0]->attrs;
    ck_assert_double_eq(norm->eps, 1e-5);
    ck_assert_double_eq(norm->momentum, 0.1);
    model_free(m);
}
END_TEST

static shoal_tensor drops_nothing(shoal_model *m, shoal_tensor x) {
    return head(m, shoal_dropout(m, x, 0));
}

START_TEST(dropout_of_nothing_is_no_layer) {
    model *m = built(drops_nothing);
    ck_assert_int_eq(graph_n_nodes(m->graph), 4); /* images, flatten, fc, loss */
    model_free(m);
}
END_TEST

/* ---- errors ---- */

static shoal_tensor kernel_too_large(shoal_model *m, shoal_tensor x) {
    shoal_enter(m, "layer%d.%d", 2, 0);
    x = shoal_relu(m, shoal_conv2d(m, x, 8, 7, .name = "conv1"));
    ck_assert_int_lt(x.index, 0);
    ck_assert_int_eq(shoal_channels(m, x), 1);
    x = shoal_linear(m, x, -5); /* passes through: the first error stays */
    shoal_error(m, "never seen");
    shoal_leave(m);
    shoal_leave(m);
    return x;
}

START_TEST(the_first_error_is_told_with_its_scope) {
    shoal_model_kind kind = kind_of(kernel_too_large);
    model_spec spec = spec_of(&kind);
    model *m;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "layer2.0"));
    ck_assert_ptr_nonnull(strstr(err_last()->text, "kernel 7"));
    ck_assert_ptr_nonnull(strstr(err_last()->text, "5 x 5 plane"));
}
END_TEST

static shoal_tensor own_error(shoal_model *m, shoal_tensor x) {
    shoal_enter(m, "stage%d", 3);
    shoal_error(m, "width %d is odd", 5);
    shoal_leave(m);
    return x;
}

static shoal_tensor same_name(shoal_model *m, shoal_tensor x) {
    shoal_enter(m, "a");
    x = shoal_conv2d(m, x, 4, 1, .name = "conv");
    return shoal_conv2d(m, x, 4, 1, .name = "conv");
}

static shoal_tensor no_leave(shoal_model *m, shoal_tensor x) {
    shoal_enter(m, "a");
    return head(m, x);
}

static shoal_tensor no_enter(shoal_model *m, shoal_tensor x) {
    shoal_leave(m);
    return head(m, x);
}

static shoal_tensor dead_end(shoal_model *m, shoal_tensor x) {
    shoal_conv2d(m, x, 4, 1, .name = "aside");
    return head(m, x);
}

static shoal_tensor unmade(shoal_model *m, shoal_tensor x) {
    x.index += 7;
    return shoal_relu(m, x);
}

static shoal_tensor no_logits(shoal_model *m, shoal_tensor x) {
    return shoal_conv2d(m, x, 4, 1);
}

static shoal_tensor of_nothing(shoal_model *m, shoal_tensor x) {
    return shoal_concat(m, &x, 0);
}

static shoal_tensor unlisted(shoal_model *m, shoal_tensor x) {
    shoal_option(m, "depth");
    return x;
}

START_TEST(mistakes_of_a_model_are_named) {
    fails_with(own_error, "stage3: width 5 is odd");
    fails_with(same_name, "a: two layers are named \"a.conv\"");
    fails_with(no_leave, "a: shoal_enter() without shoal_leave()");
    fails_with(no_enter, "shoal_leave() without shoal_enter()");
    fails_with(dead_end, "aside: nothing uses its output");
    fails_with(unmade, "a layer's input is a tensor that no layer made");
    fails_with(no_logits, "own gives 4 x 5 x 5 values a picture for 10 classes");
    fails_with(of_nothing, "concat: concat needs at least one input");
    fails_with(unlisted, "own asks for its option \"depth\", which it does not list");
}
END_TEST

static shoal_tensor just_head(shoal_model *m, shoal_tensor x) {
    return head(m, x);
}

START_TEST(impossible_pictures_and_classes_are_refused) {
    shoal_model_kind kind = kind_of(just_head);
    model_spec spec = spec_of(&kind);
    model *m;
    spec.classes = 0;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "model.classes"));
    spec = spec_of(&kind);
    spec.image.c = 0;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "0 channels"));
    spec = spec_of(&kind);
    spec.image_type = FIELD_I32;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "int32"));
}
END_TEST

/* ---- options ---- */

static double seen_dropout, seen_wide;

static shoal_tensor with_options(shoal_model *m, shoal_tensor x) {
    seen_dropout = shoal_option(m, "dropout");
    seen_wide = shoal_option(m, "wide");
    return head(m, x);
}

static err build_with(char *name, double value) {
    shoal_model_kind kind = kind_of(with_options);
    model_spec spec = spec_of(&kind);
    model_option_value given = {name, value};
    spec.options = &given;
    spec.n_options = 1;
    model *m;
    err e = model_build(&m, &spec);
    model_free(m);
    return e;
}

START_TEST(options_come_from_the_job_or_the_table) {
    ck_assert_int_eq(build_with("dropout", 0.9), OK);
    ck_assert_double_eq(seen_dropout, 0.9);
    ck_assert_double_eq(seen_wide, 1);
    ck_assert_int_eq(build_with("wide", 0), OK);
    ck_assert_double_eq(seen_dropout, 0.25);
    ck_assert_double_eq(seen_wide, 0);
}
END_TEST

static void refuses(char *name, double value, const char *text) {
    ck_assert_int_eq(build_with(name, value), ERR_USAGE);
    ck_assert_str_eq(err_last()->text, text);
}

START_TEST(unknown_and_impossible_options_are_refused) {
    refuses("dropuot", 0.5, "model.dropuot: own has no such option (did you mean \"dropout\"?)");
    refuses("xyz", 0.5, "model.xyz: own has no such option");
    refuses("dropout", 0.95, "model.dropout: 0.95 does not lie in 0 … 0.9");
    refuses("dropout", -1, "model.dropout: -1 does not lie in 0 … 0.9");
    refuses("dropout", (double)NAN, "model.dropout: nan does not lie in 0 … 0.9");
    refuses("wide", 2, "model.wide: 2 is neither true nor false");
}
END_TEST

int main(void) {
    TCase *tests = suite_case("all");
    tcase_add_test(tests, parameters_are_named_by_scope_in_order_of_layers);
    tcase_add_test(tests, layers_without_a_name_get_one_of_their_own);
    tcase_add_test(tests, a_model_knows_its_ends);
    tcase_add_test(tests, logits_that_are_fused_are_found_again);
    tcase_add_test(tests, options_have_pytorchs_defaults);
    tcase_add_test(tests, dropout_of_nothing_is_no_layer);
    tcase_add_test(tests, the_first_error_is_told_with_its_scope);
    tcase_add_test(tests, mistakes_of_a_model_are_named);
    tcase_add_test(tests, impossible_pictures_and_classes_are_refused);
    tcase_add_test(tests, options_come_from_the_job_or_the_table);
    tcase_add_test(tests, unknown_and_impossible_options_are_refused);
    return suite_run();
}
