/* Batch normalisation over all samples that normalise together (Ioffe, Szegedy 2015), with the relu and the residual add that follow it:
 *     y = relu(gamma · xhat + beta + residual),   xhat = (x − mean) / sqrt(var + eps)
 *     dx = gamma / sqrt(var + eps) · (dz − Σdz / N − xhat · Σ(dz · xhat) / N),   dz = dy where relu let pass, else 0
 * Sums: N, Σx [c], Σx² [c]. Gradient sums: Σdz [c], Σ(dz · xhat) [c]. */
#include <math.h>

#include "math/math.h"
#include "ops/internal.h"

enum { BITS_CHANNELS = 16 /* math_norm.bits wants multiples of that */ };
enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, NUM_BATCHES_TRACKED };

/* Factors of a call, one a channel, in the scratch memory. */
typedef struct factors {
    float *mean, *inverse, *scale, *a, *b; /* inverse: 1 / sqrt(var + eps); a and b: math_norm_backward's */
    void *sums;
} factors;

enum { N_FACTORS = 5 };

static factors factors_in(void *scratch, int64_t c) {
    double *sums = scratch;
    float *f = (float *)scratch + math->sums_scratch(c, 1) / sizeof(float);
    return (factors){f, f + c, f + 2 * c, f + 3 * c, f + 4 * c, sums};
}

void batch_norm_set(node *n) {
    int64_t c = n->inputs[0]->out.c;
    n->out = n->inputs[0]->out;
    n->n_sums = n->n_stats = (int)(1 + 2 * c);
    n->n_grad_sums = (int)(2 * c);
    n->dx_in_place = n->kind == &op_batch_norm_add ? 2 : 1;
    bool bits = n->kind == &op_batch_norm_add && ((const batch_norm_attrs *)n->attrs)->relu && c % BITS_CHANNELS == 0;
    n->saved_bytes = bits ? (size_t)shape_size(n->out) / 8 : 0;
}

static void add_params(graph *g, node *n) {
    dims d = {1, {n->out.c}};
    graph_add_param(g, n, "weight", (param){.role = PARAM_NORM_WEIGHT, .dims = d, .init_value = 1});
    graph_add_param(g, n, "bias", (param){.role = PARAM_NORM_BIAS, .dims = d});
    graph_add_param(g, n, "running_mean", (param){.role = PARAM_BUFFER, .dims = d});
    graph_add_param(g, n, "running_var", (param){.role = PARAM_BUFFER, .dims = d, .init_value = 1});
    graph_add_param(g, n, "num_batches_tracked", (param){.role = PARAM_COUNTER});
    n->grad_parts = 1;
}

static size_t scratch_bytes(const node *n, int levels) {
    (void)levels;
    return math->sums_scratch(n->out.c, 1) + N_FACTORS * (size_t)n->out.c * sizeof(float);
}

static err infer(graph *g, node *n) {
    err code = ops_check_inputs(n, n->kind == &op_batch_norm_add ? 2 : 1);
    if (code != OK)
        return code;
    const batch_norm_attrs *a = n->attrs;
    if (!(a->eps > 0) || !(a->momentum >= 0 && a->momentum <= 1))
        return fail(ERR_USAGE, "batch norm with eps %g and momentum %g; eps must be above 0, momentum within 0 and 1", a->eps, a->momentum);
    if (n->n_inputs == 2 && !shape_equal(n->inputs[0]->out, n->inputs[1]->out))
        return fail(ERR_USAGE, "batch norm and what is added to it have different shapes");
    batch_norm_set(n);
    add_params(g, n);
    return OK;
}

static int64_t rows(const op_call *c) {
    return c->n * c->node->out.h * c->node->out.w;
}

static void stats(const op_call *c, void *scratch) {
    int64_t channels = c->node->out.c;
    c->sums[0] = (double)rows(c);
    math->norm_sums(rows(c), channels, c->x[0], c->sums + 1, c->sums + 1 + channels, scratch);
}

/* Mean and biased variance of channel i from the sums of `channels` channels. */
static double mean_of(const double *total, int64_t i) {
    return total[1 + i] / total[0];
}

static double variance_of(const double *total, int64_t channels, int64_t i) {
    double mean = mean_of(total, i), variance = total[1 + channels + i] / total[0] - mean * mean;
    return variance < 0 ? 0 : variance;
}

static void set_factors(const op_call *c, factors *f) {
    const node *n = c->node;
    const batch_norm_attrs *a = n->attrs;
    int64_t channels = n->out.c;
    for (int64_t i = 0; i < channels; i++) {
        bool batch = c->state->training;
        double variance = batch ? variance_of(c->total, channels, i) : n->params[RUNNING_VAR]->value[i];
        double inverse = 1 / sqrt(variance + a->eps);
        f->mean[i] = batch ? (float)mean_of(c->total, i) : n->params[RUNNING_MEAN]->value[i];
        f->inverse[i] = (float)inverse;
        f->scale[i] = (float)(n->params[WEIGHT]->value[i] * inverse);
    }
}

static math_norm norm_of(const op_call *c, const factors *f) {
    const batch_norm_attrs *a = c->node->attrs;
    return (math_norm){rows(c),
                       c->node->out.c,
                       f->mean,
                       f->scale,
                       c->node->params[BIAS]->value,
                       a->relu,
                       c->node->saved_bytes && c->state->training ? c->saved : NULL};
}

/* Where relu let pass is read from y only where it neither follows from x nor was written down as bits. */
static const float *mask_source(const op_call *c) {
    return c->node->n_inputs == 2 ? c->y : NULL;
}

static void forward(const op_call *c, void *scratch) {
    factors f = factors_in(scratch, c->node->out.c);
    set_factors(c, &f);
    math_norm m = norm_of(c, &f);
    math->norm_forward(&m, c->x[0], c->node->n_inputs == 2 ? c->x[1] : NULL, c->y);
}

static void commit(const node *n, const double *global_total) {
    const batch_norm_attrs *a = n->attrs;
    double count = global_total[0], unbiased = count > 1 ? count / (count - 1) : 1;
    float *mean = n->params[RUNNING_MEAN]->value, *variance = n->params[RUNNING_VAR]->value;
    for (int64_t i = 0; i < n->out.c; i++) {
        mean[i] = (float)((1 - a->momentum) * mean[i] + a->momentum * mean_of(global_total, i));
        variance[i] = (float)((1 - a->momentum) * variance[i] + a->momentum * unbiased * variance_of(global_total, n->out.c, i));
    }
    n->params[NUM_BATCHES_TRACKED]->counter++;
}

static void grad_stats(const op_call *c, void *scratch) {
    int64_t channels = c->node->out.c;
    if (c->n == 0) /* where nobody else has samples either, there is no variance */
        return;
    factors f = factors_in(scratch, channels);
    set_factors(c, &f);
    math_norm m = norm_of(c, &f);
    math->norm_grad_sums(&m, c->x[0], mask_source(c), c->dy, c->grad_sums, c->grad_sums + channels, f.sums);
    for (int64_t i = 0; i < channels; i++)
        c->grad_sums[channels + i] *= f.inverse[i];
}

/* Where only what was added wants a gradient. */
static void backward_residual(const op_call *c) {
    if (((const batch_norm_attrs *)c->node->attrs)->relu)
        math->relu_backward(ops_size(c), c->y, c->dy, c->dx[1], c->add_dx[1]);
    else
        math->copy(ops_size(c), c->dy, c->dx[1], c->add_dx[1]);
}

static void backward(const op_call *c, void *scratch) {
    if (!c->dx[0]) {
        backward_residual(c);
        return;
    }
    int64_t channels = c->node->out.c;
    factors f = factors_in(scratch, channels);
    set_factors(c, &f);
    for (int64_t i = 0; i < channels; i++) {
        double factor = -(double)f.scale[i] / c->total[0];
        f.a[i] = (float)(factor * f.inverse[i] * c->grad_total[channels + i]);
        f.b[i] = (float)(factor * c->grad_total[i]);
    }
    math_norm m = norm_of(c, &f);
    bool two = c->node->n_inputs == 2;
    math->norm_backward(&m, c->x[0], mask_source(c), c->dy, f.a, f.b, c->dx[0], c->add_dx[0], two ? c->dx[1] : NULL, two && c->add_dx[1]);
}

/* The tree sum over the lanes of what one channel's statistics gave. */
static float sum_lanes(const lane_group *lanes, int64_t place) {
    float stack[TREE_DEPTH] = {0};
    int depth = 0;
    for (int lane = 0; lane < lanes->tree.count; lane++) {
        stack[depth++] = (float)lanes->grad_sums[lane * lanes->stride + place];
        for (int merges = lanes->tree.merges[lane]; merges > 0; merges--, depth--)
            stack[depth - 2] += stack[depth - 1];
    }
    return stack[0];
}

static void param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    (void)scratch;
    (void)part;
    int64_t channels = c->node->out.c;
    for (int64_t i = 0; out[BIAS] && i < channels; i++)
        out[BIAS][i] = sum_lanes(lanes, i);
    for (int64_t i = 0; out[WEIGHT] && i < channels; i++)
        out[WEIGHT][i] = sum_lanes(lanes, channels + i);
}

const op_kind op_batch_norm = {.name = "batch_norm",
                               .infer = infer,
                               .scratch = scratch_bytes,
                               .stats = stats,
                               .forward = forward,
                               .commit = commit,
                               .grad_stats = grad_stats,
                               .backward = backward,
                               .param_grad = param_grad,
                               .needs = NEEDS_X};

const op_kind op_batch_norm_add = {.name = "batch_norm_add",
                                   .infer = infer,
                                   .scratch = scratch_bytes,
                                   .stats = stats,
                                   .forward = forward,
                                   .commit = commit,
                                   .grad_stats = grad_stats,
                                   .backward = backward,
                                   .param_grad = param_grad,
                                   .needs = NEEDS_X | NEEDS_Y};
