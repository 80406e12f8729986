/* The architectures against torchvision's (tests/golden/make_models.py) and the papers' figures, and the table of names. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "models/models.h"
#include "nn/nn.h"
#include "ops/ops.h"
#include "suite.h"

/* ---- helpers ---- */

static model_spec spec_of(const char *name, int height, int width, int classes) {
    model_spec spec = {.classes = classes};
    ck_assert_msg(models_find(&spec.kind, name) == OK, "%s", err_last()->text);
    spec.image = (shape){height, width, spec.kind->channels};
    return spec;
}

static model *built(const model_spec *spec) {
    model *m;
    err e = model_build(&m, spec);
    ck_assert_msg(e == OK, "%s: %s", spec->kind->name, err_last()->text);
    return m;
}

static model *standard(const char *name, int size, int classes) {
    model_spec spec = spec_of(name, size, size, classes);
    return built(&spec);
}

static model *with_option(const char *name, int size, char *option, double value) {
    model_spec spec = spec_of(name, size, size, 10);
    model_option_value given = {option, value};
    spec.options = &given;
    spec.n_options = 1;
    return built(&spec);
}

static bool is_state(const param *p) {
    return p->role == PARAM_BUFFER || p->role == PARAM_COUNTER;
}

static int64_t parameters(const model *m) {
    int64_t total = 0;
    for (int i = 0; i < graph_n_params(m->graph); i++)
        total += is_state(graph_param(m->graph, i)) ? 0 : graph_param(m->graph, i)->size;
    return total;
}

/* CRC-32 of `NAME SIZE SIZE …\n` over all tensors in order. */
static uint32_t crc_of_contents(const model *m) {
    uLong crc = crc32(0, NULL, 0);
    for (int i = 0; i < graph_n_params(m->graph); i++) {
        const param *p = graph_param(m->graph, i);
        char line[256];
        int used = snprintf(line, sizeof line, "%s", p->name);
        for (int d = 0; d < p->dims.rank; d++)
            used += snprintf(line + used, sizeof line - (size_t)used, " %" PRId64, p->dims.size[d]);
        used += snprintf(line + used, sizeof line - (size_t)used, "\n");
        crc = crc32(crc, (const Bytef *)line, (uInt)used);
    }
    return (uint32_t)crc;
}

static const node *node_named(const model *m, const char *name) {
    for (int i = 0; i < graph_n_nodes(m->graph); i++)
        if (strcmp(graph_node(m->graph, i)->name, name) == 0)
            return graph_node(m->graph, i);
    ck_abort_msg("no node %s", name);
    return NULL;
}

static void has_shape(const model *m, const char *name, int64_t c, int64_t h, int64_t w) {
    char text[SHAPE_TEXT];
    ck_assert_msg(shape_equal(node_named(m, name)->out, (shape){h, w, c}), "%s: %s", name, shape_text(text, node_named(m, name)->out));
}

static int count_kind(const model *m, const char *kind) {
    int count = 0;
    for (int i = 0; i < graph_n_nodes(m->graph); i++)
        count += strcmp(graph_node(m->graph, i)->kind->name, kind) == 0;
    return count;
}

/* ---- against torchvision ---- */

typedef struct contents {
    const char *name;
    int classes, tensors;
    int64_t parameters;
    uint32_t crc;
} contents;

static const contents torchvision_contents[] = {
#include "../golden/models.inc"
};

START_TEST(names_shapes_and_order_are_torchvisions) {
    const contents *expected = &torchvision_contents[_i];
    model *m = standard(expected->name, 224, expected->classes);
    ck_assert_int_eq(graph_n_params(m->graph), expected->tensors);
    ck_assert_int_eq(parameters(m), expected->parameters);
    ck_assert_uint_eq(crc_of_contents(m), expected->crc);
    model_free(m);
}
END_TEST

typedef struct beginning {
    const char *model, *name;
    int64_t size;
    double std, most;
} beginning;

static const beginning pytorch_beginnings[] = {
#include "../golden/init.inc"
};
enum { N_BEGINNINGS = sizeof pytorch_beginnings / sizeof *pytorch_beginnings };

/* PyTorch's draws show their standard deviation up to a sampling error of 1/√(2N), and a uniform's bound up to about 1/N. */
static void compare_beginning(const param *p, const beginning *expected) {
    ck_assert_int_eq(p->size, expected->size);
    double error = 5 / sqrt(2 * (double)p->size);
    bool constant = expected->std == 0;
    ck_assert_msg(constant == (p->init == INIT_CONSTANT), "%s", p->name);
    if (constant)
        ck_assert_double_eq(p->init_value, expected->most);
    else if (p->init == INIT_NORMAL)
        ck_assert_msg(fabs(expected->std / p->init_value - 1) < error && expected->most > 2 * p->init_value, "%s", p->name);
    else
        ck_assert_msg(fabs(expected->std * sqrt(3) / p->init_value - 1) < error && expected->most <= p->init_value, "%s", p->name);
}

START_TEST(parameters_begin_as_pytorchs_do) {
    model *m = NULL;
    const char *name = "";
    for (int i = 0; i < N_BEGINNINGS; i++) {
        const beginning *expected = &pytorch_beginnings[i];
        if (strcmp(name, expected->model) != 0) {
            name = expected->model;
            model_free(m);
            model_spec spec = spec_of(name, 224, 224, 10);
            spec.image.h = spec.image.w = spec.kind->size;
            m = built(&spec);
        }
        const param *p = graph_find_param(m->graph, expected->name);
        ck_assert_msg(p != NULL, "%s", expected->name);
        compare_beginning(p, expected);
    }
    model_free(m);
}
END_TEST

/* ---- against the papers ---- */

typedef struct total {
    const char *name;
    int size;
    int64_t parameters;
} total;

/* ResNets for 32 x 32: table 6 of the paper gives 0.27, 0.46, 0.66, 0.85, 1.7 million. */
static const total totals[] = {
    {"lenet5", 28, 61706},    {"resnet20", 32, 269722}, {"resnet32", 32, 464154},
    {"resnet44", 32, 658586}, {"resnet56", 32, 853018}, {"resnet110", 32, 1727962},
};
enum { N_TOTALS = sizeof totals / sizeof *totals };

START_TEST(totals_are_the_papers) {
    for (int i = 0; i < N_TOTALS; i++) {
        model *m = standard(totals[i].name, totals[i].size, 10);
        ck_assert_int_eq(parameters(m), totals[i].parameters);
        model_free(m);
    }
}
END_TEST

START_TEST(lenet_takes_other_pictures) {
    model_spec spec = spec_of("lenet5", 32, 32, 10);
    spec.image.c = 3;
    model *m = built(&spec);
    has_shape(m, "conv1", 6, 32, 32);
    has_shape(m, "conv2", 16, 12, 12);
    has_shape(m, "flatten", 576, 1, 1);
    ck_assert_int_eq(parameters(m), 83126);
    model_free(m);
}
END_TEST

START_TEST(resnet_at_several_sizes) {
    model *m = standard("resnet50", 224, 1000);
    has_shape(m, "conv1", 64, 112, 112);
    has_shape(m, "max_pool2d", 64, 56, 56);
    has_shape(m, "layer1.2.relu_2", 256, 56, 56);
    has_shape(m, "layer2.0.conv1", 128, 56, 56); /* the stride is the 3 x 3 convolution's */
    has_shape(m, "layer2.0.conv2", 128, 28, 28);
    has_shape(m, "layer3.5.relu_2", 1024, 14, 14);
    has_shape(m, "layer4.2.relu_2", 2048, 7, 7);
    has_shape(m, "fc", 1000, 1, 1);
    model_free(m);
    model_spec spec = spec_of("resnet34", 65, 130, 7);
    m = built(&spec);
    has_shape(m, "conv1", 64, 33, 65);
    has_shape(m, "layer4.2.relu_1", 512, 3, 5);
    has_shape(m, "fc", 7, 1, 1);
    model_free(m);
}
END_TEST

START_TEST(resnet_for_small_pictures) {
    model_spec spec = spec_of("resnet20", 33, 47, 100);
    model *m = built(&spec);
    has_shape(m, "layer1.2.relu_1", 16, 33, 47);
    has_shape(m, "layer2.0.avg_pool2d", 16, 17, 24);
    has_shape(m, "layer2.0.pad_channels", 32, 17, 24);
    const pad_channels_attrs *pad = node_named(m, "layer2.0.pad_channels")->attrs;
    ck_assert(pad->before == 8 && pad->after == 8);
    has_shape(m, "layer3.2.relu_1", 64, 9, 12);
    has_shape(m, "fc", 100, 1, 1);
    ck_assert_int_eq(count_kind(m, "conv2d"), 19);
    ck_assert_int_eq(count_kind(m, "dropout"), 0);
    ck_assert_ptr_nonnull(graph_find_param(m->graph, "layer3.2.bn2.running_var"));
    model_free(m);
}
END_TEST

START_TEST(vgg_at_several_sizes) {
    model *m = standard("vgg16", 32, 10);
    has_shape(m, "features.max_pool2d_4", 512, 1, 1);
    has_shape(m, "adaptive_avg_pool2d", 512, 7, 7);
    has_shape(m, "classifier.0", 4096, 1, 1);
    ck_assert_int_eq(count_kind(m, "dropout"), 2);
    model_free(m);
}
END_TEST

static void is_refused(const char *name, int size, const char *scope, const char *what) {
    model_spec spec = spec_of(name, size, size, 10);
    model *m;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_msg(strncmp(err_last()->text, scope, strlen(scope)) == 0, "%s", err_last()->text);
    ck_assert_msg(strstr(err_last()->text, what) != NULL, "%s", err_last()->text);
}

START_TEST(pictures_that_are_too_small_are_refused) {
    is_refused("lenet5", 8, "conv2", "4 x 4 plane");
    is_refused("vgg16_bn", 16, "features", "1 x 1 plane");
}
END_TEST

/* ---- options ---- */

START_TEST(dropout_can_be_chosen) {
    static const char *const names[] = {"resnet18", "resnet20"};
    for (int i = 0; i < 2; i++) {
        model *m = with_option(names[i], 32, "dropout", 0.3);
        ck_assert_int_eq(count_kind(m, "dropout"), 1);
        ck_assert_str_eq(m->logits->inputs[0]->kind->name, "dropout");
        model_free(m);
    }
    model *m = with_option("vgg11", 32, "dropout", 0);
    ck_assert_int_eq(count_kind(m, "dropout"), 0);
    model_free(m);
}
END_TEST

static void begins_at(const model *m, const char *name, double value) {
    const param *p = graph_find_param(m->graph, name);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->init, INIT_CONSTANT);
    ck_assert_double_eq(p->init_value, value);
}

START_TEST(residual_branches_can_begin_at_zero) {
    static const struct {
        const char *name, *last, *other;
    } families[] = {{"resnet34", "layer2.1.bn2.weight", "layer2.1.bn1.weight"},
                    {"resnet50", "layer2.0.bn3.weight", "layer2.0.downsample.1.weight"},
                    {"resnet32", "layer2.1.bn2.weight", "layer2.1.bn1.weight"}};
    for (int i = 0; i < 3; i++) {
        model *zero = with_option(families[i].name, 32, "zero_init_residual", 1), *one = standard(families[i].name, 32, 10);
        begins_at(zero, families[i].last, 0);
        begins_at(zero, families[i].other, 1);
        begins_at(one, families[i].last, 1);
        model_free(zero);
        model_free(one);
    }
}
END_TEST

START_TEST(options_of_other_families_are_refused) {
    model_spec spec = spec_of("vgg11", 32, 32, 10);
    model_option_value given = {"zero_init_residual", 1};
    spec.options = &given;
    spec.n_options = 1;
    model *m;
    ck_assert_int_eq(model_build(&m, &spec), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "zero_init_residual"));
}
END_TEST

/* ---- the table ---- */

START_TEST(every_model_is_listed_once_and_complete) {
    for (int i = 0; i < models_count(); i++) {
        const shoal_model_kind *kind = models_at(i), *found;
        ck_assert_int_eq(models_find(&found, kind->name), OK);
        ck_assert_ptr_eq(found, kind);
        ck_assert(kind->what && kind->channels && kind->size && kind->classes);
        model *m = standard(kind->name, kind->size, kind->classes);
        model_free(m);
    }
    ck_assert_int_eq(models_count(), 1 + 8 + 5 + 5);
}
END_TEST

START_TEST(an_unknown_model_suggests_the_nearest) {
    const shoal_model_kind *found;
    ck_assert_int_eq(models_find(&found, "resnet5O"), ERR_USAGE);
    ck_assert_ptr_null(found);
    ck_assert_str_eq(err_last()->text, "there is no model \"resnet5O\" (did you mean \"resnet50\"?)");
    ck_assert_int_eq(models_find(&found, "transformer"), ERR_USAGE);
    ck_assert_str_eq(err_last()->text, "there is no model \"transformer\"");
}
END_TEST

static shoal_tensor tiny(shoal_model *m, shoal_tensor x) {
    x = shoal_relu(m, shoal_conv2d(m, x, 16, 3, .pad = 1, .name = "conv1"));
    x = shoal_max_pool2d(m, x, 2);
    x = shoal_flatten(m, x);
    return shoal_linear(m, x, shoal_classes(m), .name = "fc");
}

START_TEST(own_models_can_be_registered) {
    static const shoal_model_kind own = {.name = "tiny", .what = "a test", .build = tiny, .channels = 1, .size = 8, .classes = 2};
    static const shoal_model_kind taken = {.name = "vgg16", .what = "a test", .build = tiny, .channels = 1, .size = 8, .classes = 2};
    int count = models_count();
    ck_assert_int_eq(shoal_register_model(&own), 0);
    ck_assert_int_eq(shoal_register_model(&own), -1);
    ck_assert_int_eq(shoal_register_model(&taken), -1);
    ck_assert_int_eq(models_count(), count + 1);
    ck_assert_ptr_eq(models_at(count), &own);
    model *m = standard("tiny", 8, 2);
    ck_assert_int_eq(parameters(m), 16 * 9 + 16 + 16 * 16 * 2 + 2);
    model_free(m);
}
END_TEST

int main(void) {
    TCase *golden = suite_case("torchvision");
    TCase *papers = suite_case("papers");
    TCase *table = suite_case("table");
    tcase_add_loop_test(golden, names_shapes_and_order_are_torchvisions, 0, sizeof torchvision_contents / sizeof *torchvision_contents);
    tcase_add_test(golden, parameters_begin_as_pytorchs_do);
    tcase_add_test(papers, totals_are_the_papers);
    tcase_add_test(papers, lenet_takes_other_pictures);
    tcase_add_test(papers, resnet_at_several_sizes);
    tcase_add_test(papers, resnet_for_small_pictures);
    tcase_add_test(papers, vgg_at_several_sizes);
    tcase_add_test(papers, pictures_that_are_too_small_are_refused);
    tcase_add_test(papers, dropout_can_be_chosen);
    tcase_add_test(papers, residual_branches_can_begin_at_zero);
    tcase_add_test(papers, options_of_other_families_are_refused);
    tcase_add_test(table, every_model_is_listed_once_and_complete);
    tcase_add_test(table, an_unknown_model_suggests_the_nearest);
    tcase_add_test(table, own_models_can_be_registered);
    return suite_run();
}
