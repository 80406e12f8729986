/* Cross-entropy of softmax(x) against the labels, smoothed: d loss / dx = (p − q) / batch, with q the smoothed target. Where samples have
 * weights: w·(p − q) / Σw, summed over the global batch. */
#include <math.h>

#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const softmax_cross_entropy_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    char text[SHAPE_TEXT];
    if (in.h != 1 || in.w != 1)
        return fail(ERR_USAGE, "a loss of classes takes a vector of logits, not %s", shape_text(text, in));
    if (!(a->label_smoothing >= 0 && a->label_smoothing <= 1))
        return fail(ERR_USAGE, "label_smoothing is %g; it must lie between 0 and 1", a->label_smoothing);
    n->out = (shape){1, 1, 1};
    n->saved_bytes = (size_t)in.c * sizeof(float);
    n->n_sums = LOSS_N_SUMS;
    n->n_stats = a->weights ? LOSS_WEIGHT + 1 : 0;
    code = graph_add_field(g, n, (field){a->field ? a->field : "labels", FIELD_I32, {1, 1, 1}});
    if (code == OK && a->weights)
        code = graph_add_field(g, n, (field){a->weights, FIELD_F32, {1, 1, 1}});
    return code;
}

static int64_t classes(const op_call *c) {
    return c->node->inputs[0]->out.c;
}

static double weight_of(const op_call *c, int64_t i) {
    const float *weights = c->node->n_fields > 1 ? op_field(c, 1) : NULL;
    return !op_is_present(c, i) ? 0 : weights ? (double)weights[i] : 1;
}

static void stats(const op_call *c, void *scratch) {
    (void)scratch;
    for (int64_t i = 0; i < c->n; i++)
        c->sums[LOSS_WEIGHT] += weight_of(c, i);
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    const softmax_cross_entropy_attrs *a = c->node->attrs;
    const int32_t *labels = op_field(c, 0);
    int64_t k = classes(c);
    float *p = c->saved;
    bool weighed = c->state->training && c->node->n_stats > 0;
    for (int64_t i = 0; i < c->n; i++) {
        const float *x = c->x[0] + i * k;
        c->y[i] = 0;
        if (!op_is_present(c, i))
            continue;
        double weight = weight_of(c, i), loss = math_softmax_loss(k, x, labels[i], a->label_smoothing, p ? p + i * k : NULL);
        int64_t rank = isfinite(loss) ? math_rank(k, x, labels[i]) : INT64_MAX;
        c->y[i] = (float)(weight * loss);
        c->sums[LOSS_WEIGHT] += weighed ? 0 : weight;
        c->sums[LOSS_SUM] += weight * loss;
        c->sums[LOSS_TOP1] += rank < 1;
        c->sums[LOSS_TOP5] += rank < 5;
        c->sums[LOSS_COUNT] += 1;
    }
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    const softmax_cross_entropy_attrs *a = c->node->attrs;
    const int32_t *labels = op_field(c, 0);
    int64_t k = classes(c);
    const float *p = c->saved;
    double each = a->label_smoothing / (double)k;
    double all = c->node->n_stats > 0 ? c->total[LOSS_WEIGHT] : (double)c->state->batch;
    for (int64_t i = 0; i < c->n; i++) {
        float *dx = c->dx[0] + i * k;
        double weight = c->node->weight * weight_of(c, i);
        for (int64_t j = 0; j < k; j++) {
            double q = each + (j == labels[i] ? 1 - a->label_smoothing : 0);
            float v = weight == 0 ? 0 : (float)((p[i * k + j] - q) * weight / all);
            dx[j] = c->add_dx[0] ? dx[j] + v : v;
        }
    }
}

const op_kind op_softmax_cross_entropy = {
    .name = "softmax_cross_entropy", .infer = infer, .stats = stats, .forward = forward, .backward = backward, .root = true};
