/* What single ops promise beside their formulas: exact pictures, keyed dropout, a loss's sums, statistics over lanes, errors, parts. */
#include "ops_harness.h"
#include "suite.h"

static const shape no_inputs[1];

/* ---- input ---- */

static const float mean[] = {0.485f, 0.456f, 0.406f, 0.3f, 0.1f}, std[] = {0.229f, 0.224f, 0.225f, 0.5f, 3};

/* Each step rounded to float. */
static float normalised(float x, float scale, int channel) {
    volatile float unit = x / scale, centred = unit - mean[channel];
    return centred / std[channel];
}

/* What the op makes of 256 pixels of `channels` channels; free with free(). */
static float *input_of(field_type type, int channels, const void *pictures) {
    input_attrs a = {.type = type, .shape = {1, 256, channels}, .mean = mean, .std = std};
    graph *g = graph_new();
    node *n = make_node(g, &op_input, &a, sizeof a, 0, no_inputs);
    lane l;
    lane_init(&l, n, 1, true);
    lane_set_field(&l, pictures);
    lane_forward(&l);
    float *y = l.call.y;
    l.call.y = NULL;
    lane_reset(&l);
    graph_free(g);
    return y;
}

START_TEST(pictures_as_pytorch_computes_them) {
    int channels = _i, count = 256 * channels;
    static uint8_t bytes[256 * 5];
    static uint16_t words[256 * 5];
    static float floats[256 * 5];
    for (int i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(i / channels);
        words[i] = (uint16_t)(i * 51 + 7);
        floats[i] = (float)(i - 300) * 0.37f;
    }
    float *of_bytes = input_of(FIELD_U8, channels, bytes), *of_words = input_of(FIELD_U16, channels, words);
    float *of_floats = input_of(FIELD_F32, channels, floats);
    for (int i = 0; i < count; i++) {
        ck_assert(of_bytes[i] == normalised((float)bytes[i], 255.0f, i % channels));
        ck_assert(of_words[i] == normalised((float)words[i], 65535.0f, i % channels));
        ck_assert(of_floats[i] == normalised(floats[i], 1, i % channels));
    }
    free(of_bytes), free(of_words), free(of_floats);
}
END_TEST

/* ---- dropout ---- */

/* The mask of `samples` samples from place `first` on. */
static void draw_mask(const node *n, int64_t samples, int64_t first, uint64_t seed, uint64_t step, bool training, float *mask) {
    lane l;
    lane_init(&l, n, samples, training);
    l.call.first = first;
    l.state.seed = seed;
    l.state.step = step;
    for (int64_t i = 0; i < samples * shape_size(n->out); i++)
        ((float *)l.x[0])[i] = 1;
    lane_forward(&l);
    memcpy(mask, l.call.y, (size_t)(samples * shape_size(n->out)) * sizeof *mask);
    lane_reset(&l);
}

enum { DROP = 1003, BATCH = 8 };

START_TEST(dropout_mask_is_a_function_of_the_sample) {
    dropout_attrs a = {0.25};
    shape in = {1, 1, DROP};
    graph *g = graph_new();
    node *n = make_node(g, &op_dropout, &a, sizeof a, 1, &in);
    static float whole[BATCH * DROP], part[BATCH * DROP], other[BATCH * DROP];
    draw_mask(n, BATCH, 0, 1, 2, true, whole);
    draw_mask(n, 3, 5, 1, 2, true, part);
    ck_assert(memcmp(whole + 5 * DROP, part, 3 * DROP * sizeof *part) == 0);
    double kept = 0;
    for (int i = 0; i < BATCH * DROP; i++) {
        ck_assert(whole[i] == 0 || whole[i] == (float)(1 / 0.75));
        kept += whole[i] > 0;
    }
    ck_assert(fabs(kept / (BATCH * DROP) - 0.75) < 5 * sqrt(0.25 * 0.75 / (BATCH * DROP))); /* five standard deviations */
    draw_mask(n, BATCH, 0, 1, 3, true, other);
    ck_assert(memcmp(whole, other, sizeof whole) != 0);
    draw_mask(n, BATCH, 0, 2, 2, true, other);
    ck_assert(memcmp(whole, other, sizeof whole) != 0);
    ck_assert(memcmp(whole, whole + DROP, DROP * sizeof *whole) != 0);
    draw_mask(n, BATCH, 0, 1, 2, false, other);
    for (int i = 0; i < BATCH * DROP; i++)
        ck_assert(other[i] == 1);
    graph_free(g);
}
END_TEST

START_TEST(dropout_nodes_draw_different_masks) {
    dropout_attrs a = {0.5};
    shape in = {1, 1, DROP};
    graph *g = graph_new();
    node *first = make_node(g, &op_dropout, &a, sizeof a, 1, &in);
    dropout_attrs *copy = mem_new(1, sizeof *copy);
    *copy = a;
    node *second = graph_add(g, &op_dropout, "another", copy, 1, &first->inputs[0]);
    static float one[DROP], two[DROP];
    draw_mask(first, 1, 0, 1, 1, true, one);
    draw_mask(second, 1, 0, 1, 1, true, two);
    ck_assert(memcmp(one, two, sizeof one) != 0);
    graph_free(g);
}
END_TEST

/* ---- the loss ---- */

/* The sums of one sample's loss. */
static void loss_sums(const float *logits, int k, int32_t label, double *sums) {
    softmax_cross_entropy_attrs a = {0};
    shape in = {1, 1, k};
    graph *g = graph_new();
    node *n = make_node(g, &op_softmax_cross_entropy, &a, sizeof a, 1, &in);
    lane l;
    lane_init(&l, n, 1, false);
    lane_set_field(&l, &label);
    memcpy((float *)l.x[0], logits, (size_t)k * sizeof *logits);
    lane_forward(&l);
    memcpy(sums, l.call.sums, LOSS_N_SUMS * sizeof *sums);
    lane_reset(&l);
    graph_free(g);
}

START_TEST(loss_counts_hits) {
    double s[LOSS_N_SUMS];
    const float rising[] = {0, 1, 2, 3, 4, 5, 6}, equal[7] = {0};
    for (int label = 0; label < 7; label++) {
        loss_sums(rising, 7, label, s);
        ck_assert(s[LOSS_TOP1] == (label == 6) && s[LOSS_TOP5] == (label >= 2) && s[LOSS_COUNT] == 1);
        loss_sums(equal, 7, label, s); /* of equal logits the lower index comes first */
        ck_assert(s[LOSS_TOP1] == (label == 0) && s[LOSS_TOP5] == (label < 5));
        ck_assert(fabs(s[LOSS_SUM] - log(7)) < 1e-12);
    }
}
END_TEST

/* What is not there is nowhere: not in the sums, and its gradient is 0; the others are as they are without it. */
START_TEST(loss_of_samples_that_are_not_present) {
    enum { K = 5 };
    static const int32_t labels[] = {2, -1, 4};
    static const uint8_t present[] = {1, 0, 1};
    softmax_cross_entropy_attrs a = {.label_smoothing = 0.1};
    double sums[LOSS_N_SUMS] = {0}, each[LOSS_N_SUMS];
    graph *g = graph_new();
    node *n = make_node(g, &op_softmax_cross_entropy, &a, sizeof a, 1, &(shape){1, 1, K});
    lane l;
    lane_init(&l, n, 3, true);
    lane_set_field(&l, labels);
    l.call.present = present;
    l.call.dy = new_numbers(40, 3);
    lane_forward(&l);
    lane_backward(&l);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < K; k++)
            ck_assert_msg((l.dx[0][i * K + k] != 0) == present[i], "sample %d: %g", i, (double)l.dx[0][i * K + k]);
    ck_assert(l.call.y[0] > 0 && l.call.y[1] == 0 && l.call.y[2] > 0);
    ck_assert(l.call.sums[LOSS_COUNT] == 2);
    memcpy(sums, l.call.sums, sizeof sums);
    for (int i = 0; i < 3; i += 2) {
        lane one;
        lane_init(&one, n, 1, false);
        lane_set_field(&one, &labels[i]);
        memcpy((float *)one.x[0], l.x[0] + i * K, K * sizeof(float));
        lane_forward(&one);
        memcpy(each, one.call.sums, sizeof each);
        sums[LOSS_SUM] -= each[LOSS_SUM];
        lane_reset(&one);
    }
    ck_assert(fabs(sums[LOSS_SUM]) < 1e-12);
    lane_reset(&l);
    graph_free(g);
}
END_TEST

START_TEST(loss_of_broken_logits_is_not_finite) {
    double s[LOSS_N_SUMS];
    const float broken[][3] = {{NAN, 0, 1}, {0, 1, NAN}, {INFINITY, 0, 1}, {0, 1, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}};
    for (int i = 0; i < 5; i++) {
        loss_sums(broken[i], 3, 0, s);
        ck_assert_msg(!isfinite(s[LOSS_SUM]), "logits %d", i);
        ck_assert(s[LOSS_TOP1] == 0 && s[LOSS_TOP5] == 0);
    }
    const float large[] = {1e30f, -1e30f, 0};
    loss_sums(large, 3, 0, s);
    ck_assert(s[LOSS_SUM] == 0 && s[LOSS_TOP1] == 1);
}
END_TEST

/* ---- batch norm ---- */

enum { PIXELS = 6, CHANNELS = 5, SAMPLES = 4 };

static node *make_norm(graph *g) {
    batch_norm_attrs a = {.eps = 1e-5, .momentum = 0.1};
    shape in = {2, 3, CHANNELS};
    node *n = make_node(g, &op_batch_norm, &a, sizeof a, 1, &in);
    ck_assert_int_eq(graph_seal(g), OK);
    for (int i = 0; i < CHANNELS; i++) {
        n->params[0]->value[i] = 1;
        n->params[1]->value[i] = n->params[2]->value[i] = 0;
        n->params[3]->value[i] = 1;
    }
    return n;
}

static float sample_value(int64_t i) {
    return (float)(1000 + number(3, (uint64_t)i));
}

/* Lanes of 1, 0 and 3 samples, far from zero: their sums added are the statistics of all four. */
START_TEST(statistics_add_up_over_lanes) {
    graph *g = graph_new();
    node *n = make_norm(g);
    double total[1 + 2 * CHANNELS] = {0};
    static const int64_t counts[] = {1, 0, 3};
    int64_t first = 0;
    for (int i = 0; i < 3; first += counts[i++]) {
        lane l;
        lane_init(&l, n, counts[i], true);
        for (int64_t k = 0; k < counts[i] * PIXELS * CHANNELS; k++)
            ((float *)l.x[0])[k] = sample_value(first * PIXELS * CHANNELS + k);
        n->kind->stats(&l.call, l.scratch.memory);
        for (int k = 0; k < 1 + 2 * CHANNELS; k++)
            total[k] += l.call.sums[k];
        lane_reset(&l);
    }
    n->kind->commit(n, total);
    for (int c = 0; c < CHANNELS; c++) {
        double mean = 0, variance = 0, count = PIXELS * SAMPLES;
        for (int r = 0; r < PIXELS * SAMPLES; r++)
            mean += (double)sample_value(r * CHANNELS + c) / count;
        for (int r = 0; r < PIXELS * SAMPLES; r++)
            variance += pow((double)sample_value(r * CHANNELS + c) - mean, 2) / (count - 1);
        ck_assert(fabs(n->params[2]->value[c] - 0.1 * mean) < 1e-5);
        ck_assert(fabs(n->params[3]->value[c] - (0.9 + 0.1 * variance)) < 1e-6);
    }
    ck_assert_int_eq(n->params[4]->counter, 1);
    graph_free(g);
}
END_TEST

START_TEST(evaluation_uses_running_statistics) {
    graph *g = graph_new();
    node *n = make_norm(g);
    for (int i = 0; i < CHANNELS; i++) {
        n->params[2]->value[i] = (float)i;
        n->params[3]->value[i] = 4;
    }
    lane l;
    lane_init(&l, n, 1, false);
    lane_forward(&l);
    for (int i = 0; i < PIXELS * CHANNELS; i++)
        ck_assert(fabs(l.call.y[i] - (l.x[0][i] - i % CHANNELS) / sqrt(4 + 1e-5)) < 1e-6);
    lane_reset(&l);
    graph_free(g);
}
END_TEST

/* Where everything before one side is frozen, only what was added wants a gradient. */
START_TEST(residual_gradient_alone) {
    batch_norm_attrs a = {.eps = 1e-5, .momentum = 0.1, .relu = true};
    shape in[2] = {{1, 1, 4}, {1, 1, 4}};
    graph *g = graph_new();
    node *n = make_node(g, &op_batch_norm_add, &a, sizeof a, 2, in);
    lane l;
    lane_init(&l, n, 1, true);
    float *dx = l.dx[0];
    l.dx[0] = NULL;
    l.call.dy = new_numbers(9, 4);
    const float y[] = {0, 1, 0, 2};
    memcpy(l.call.y, y, sizeof y);
    lane_backward(&l);
    for (int i = 0; i < 4; i++)
        ck_assert(l.dx[1][i] == (y[i] > 0 ? l.call.dy[i] : 0));
    free(dx);
    lane_reset(&l);
    graph_free(g);
}
END_TEST

/* ---- set-up ---- */

static void refuses(const op_kind *kind, const void *attrs, size_t bytes, int n_inputs, const shape *in, const char *text) {
    graph *g = graph_new();
    ck_assert(make_node(g, kind, attrs, bytes, n_inputs, in) == NULL);
    ck_assert_msg(strstr(err_last()->text, text) != NULL, "\"%s\" does not say \"%s\"", err_last()->text, text);
    ck_assert_int_eq(err_last()->code, ERR_USAGE);
    graph_free(g);
}

START_TEST(impossible_nodes_are_refused) {
    const shape plane = {5, 5, 4}, two[2] = {{5, 5, 4}, {5, 4, 4}};
    conv2d_attrs seven = {8, 7, 7, 1, 1, 0, 0, 1, 1, 1, false, false, false}, groups = {8, 3, 3, 1, 1, 0, 0, 1, 1, 3, false, false, false};
    refuses(&op_conv2d, &seven, sizeof seven, 1, &plane, "kernel 7 x 7 on a 5 x 5 plane");
    refuses(&op_conv2d, &groups, sizeof groups, 1, &plane, "3 groups do not divide 4 input channels");
    pool_attrs pool = {6, 6, 1, 1, 0, 0, false, false, false}, pad = {2, 2, 1, 1, 2, 2, false, false, false};
    refuses(&op_max_pool2d, &pool, sizeof pool, 1, &plane, "pool 6 x 6 on a 5 x 5 plane");
    refuses(&op_avg_pool2d, &pad, sizeof pad, 1, &plane, "half its kernel");
    linear_attrs linear = {3, false};
    refuses(&op_linear, &linear, sizeof linear, 1, &plane, "flatten it first");
    refuses(&op_add, NULL, 0, 2, two, "4 x 5 x 5 and 4 x 5 x 4 cannot be added");
    refuses(&op_concat, NULL, 0, 2, two, "planes differ");
    softmax_cross_entropy_attrs loss = {0};
    refuses(&op_softmax_cross_entropy, &loss, sizeof loss, 1, &plane, "vector of logits");
    dropout_attrs drop = {1};
    refuses(&op_dropout, &drop, sizeof drop, 1, &plane, "below 1");
}
END_TEST

/* Large parameters too are covered once, in parts enough for several threads. */
static void check_parts(const op_kind *kind, const void *attrs, size_t bytes, shape in) {
    graph *g = graph_new();
    node *n = make_node(g, kind, attrs, bytes, 1, &in);
    ck_assert(n != NULL);
    ck_assert_int_eq(graph_seal(g), OK);
    lane l;
    lane_init(&l, n, 1, true);
    l.call.dy = new_numbers(9, shape_size(n->out));
    lane_group alone = lane_alone(&l);
    float *found[NODE_MAX_PARAMS];
    param_grads_once(&l, &alone, found);
    if (n->params[0]->size > 1 << 20)
        ck_assert_int_ge(n->grad_parts, 4);
    for (int i = 0; i < n->n_params; i++)
        free(found[i]);
    lane_reset(&l);
    graph_free(g);
}

START_TEST(parts_cover_parameters) {
    const conv2d_attrs convs[] = {{512, 3, 3, 1, 1, 1, 1, 1, 1, 1, true, false, false},
                                  {2048, 1, 1, 1, 1, 0, 0, 1, 1, 1, false, false, false},
                                  {301, 5, 3, 1, 1, 0, 0, 1, 1, 7, true, false, false},
                                  {777, 3, 3, 1, 1, 0, 0, 1, 1, 777, true, false, false},
                                  {128, 3, 3, 1, 1, 1, 1, 1, 1, 1, true, false, false}};
    const int64_t channels[] = {511, 1025, 700, 777, 64};
    for (int i = 0; i < 5; i++)
        check_parts(&op_conv2d, &convs[i], sizeof convs[i], (shape){7, 7, channels[i]});
    linear_attrs linear = {1001, true};
    check_parts(&op_linear, &linear, sizeof linear, (shape){1, 1, 3333});
}
END_TEST

int main(void) {
    if (!kernels_are_here())
        return SKIPPED;
    TCase *c = suite_case("ops_single");
    tcase_add_loop_test(c, pictures_as_pytorch_computes_them, 1, 6);
    tcase_add_test(c, dropout_mask_is_a_function_of_the_sample);
    tcase_add_test(c, dropout_nodes_draw_different_masks);
    tcase_add_test(c, loss_counts_hits);
    tcase_add_test(c, loss_of_samples_that_are_not_present);
    tcase_add_test(c, loss_of_broken_logits_is_not_finite);
    tcase_add_test(c, statistics_add_up_over_lanes);
    tcase_add_test(c, evaluation_uses_running_statistics);
    tcase_add_test(c, residual_gradient_alone);
    tcase_add_test(c, impossible_nodes_are_refused);
    tcase_add_test(c, parts_cover_parameters);
    return suite_run();
}
