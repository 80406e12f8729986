/* Convolution, in the sense of neural networks (a cross-correlation), with zero padding. */
#include <inttypes.h>

#include "math/math.h"
#include "ops/internal.h"

static bool pools(const node *n) {
    return ((const conv2d_attrs *)n->attrs)->pool;
}

static math_conv geometry(const node *n) {
    const conv2d_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    int64_t side = a->pool ? 2 : 1;
    return (math_conv){.h = in.h,
                       .w = in.w,
                       .c = in.c,
                       .oh = side * n->out.h,
                       .ow = side * n->out.w,
                       .oc = n->out.c,
                       .kh = a->kernel_h,
                       .kw = a->kernel_w,
                       .stride_h = a->stride_h,
                       .stride_w = a->stride_w,
                       .pad_h = a->pad_h,
                       .pad_w = a->pad_w,
                       .dilation_h = a->dilation_h,
                       .dilation_w = a->dilation_w,
                       .groups = a->groups,
                       .accurate = a->accurate};
}

static err check(const conv2d_attrs *a, shape in) {
    if (a->out_channels < 1 || a->kernel_h < 1 || a->kernel_w < 1 || a->stride_h < 1 || a->stride_w < 1 || a->pad_h < 0 || a->pad_w < 0 ||
        a->dilation_h < 1 || a->dilation_w < 1 || a->groups < 1)
        return fail(ERR_USAGE, "a convolution's channels, kernel, stride, dilation and groups must be at least 1, its padding at least 0");
    if (in.c % a->groups || a->out_channels % a->groups)
        return fail(ERR_USAGE, "%" PRId64 " groups do not divide %" PRId64 " input channels and %" PRId64 " output channels", a->groups,
                    in.c, a->out_channels);
    return OK;
}

static err set_shape(node *n) {
    const conv2d_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    n->out.h = ops_places(in.h, a->kernel_h, a->stride_h, a->pad_h, a->dilation_h, false);
    n->out.w = ops_places(in.w, a->kernel_w, a->stride_w, a->pad_w, a->dilation_w, false);
    n->out.c = a->out_channels;
    if (n->out.h > 0 && n->out.w > 0)
        return OK;
    return fail(ERR_USAGE, "kernel %" PRId64 " x %" PRId64 " on a %" PRId64 " x %" PRId64 " plane with padding %" PRId64 ", %" PRId64,
                a->kernel_h, a->kernel_w, in.h, in.w, a->pad_h, a->pad_w);
}

static err infer(graph *g, node *n) {
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const conv2d_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    if ((code = check(a, in)) != OK || (code = set_shape(n)) != OK)
        return code;
    int64_t channels = in.c / a->groups, fan_in = channels * a->kernel_h * a->kernel_w;
    param weight = ops_param(PARAM_WEIGHT, (dims){4, {a->out_channels, channels, a->kernel_h, a->kernel_w}}, fan_in);
    weight.layout = LAYOUT_CONV;
    graph_add_param(g, n, "weight", weight);
    if (a->bias)
        graph_add_param(g, n, "bias", ops_param(PARAM_BIAS, (dims){1, {a->out_channels}}, fan_in));
    math_conv conv = geometry(n);
    n->grad_parts = math->conv_weight_parts(&conv) + (a->bias ? 1 : 0);
    return OK;
}

bool conv2d_pools(const node *n) {
    math_conv g = geometry(n);
    return !pools(n) && math->conv_pools(&g);
}

/* Which of the four was the largest takes a byte. */
void conv2d_set_pool(node *n) {
    ((conv2d_attrs *)n->attrs)->pool = true;
    n->out.h /= 2;
    n->out.w /= 2;
    n->saved_bytes = (size_t)shape_size(n->out);
    n->grad_parts = 1;
}

static size_t scratch_bytes(const node *n, int levels) {
    math_conv g = geometry(n);
    size_t sums = n->n_params > 1 ? math->sums_scratch(g.oc, levels) : 0, conv = math->conv_scratch(&g, levels);
    return conv > sums ? conv : sums;
}

static math_direction direction(bool backward) {
    return backward ? MATH_BACKWARD_DATA : MATH_FORWARD;
}

static size_t prepared_bytes(const node *n, bool backward) {
    math_conv g = geometry(n);
    return math->conv_prepared(&g, direction(backward));
}

static int prepare_parts(const node *n, bool backward) {
    math_conv g = geometry(n);
    return math->conv_prepare_parts(&g, direction(backward));
}

static void prepare(const node *n, bool backward, int part, void *prepared) {
    math_conv g = geometry(n);
    math->conv_prepare(&g, direction(backward), n->params[0]->value, part, prepared);
}

/* What prepare made, or the weights as they are. */
static const void *weights(const op_call *c) {
    return c->prepared ? c->prepared : c->node->params[0]->value;
}

static void forward(const op_call *c, void *scratch) {
    const node *n = c->node;
    math_conv g = geometry(n);
    const float *bias = n->n_params > 1 ? n->params[1]->value : NULL;
    if (pools(n))
        math->conv_pooled_forward(&g, c->n, c->x[0], weights(c), bias, c->y, c->saved, scratch);
    else
        math->conv_forward(&g, c->n, c->x[0], weights(c), bias, c->y, scratch);
}

static void backward(const op_call *c, void *scratch) {
    math_conv g = geometry(c->node);
    if (pools(c->node))
        math->conv_pooled_backward_data(&g, c->n, c->dy, c->saved, weights(c), c->dx[0], c->add_dx[0], scratch);
    else
        math->conv_backward_data(&g, c->n, c->dy, weights(c), c->dx[0], c->add_dx[0], scratch);
}

/* The last part is the bias's, where there is one; with a pool there is one part. */
static void param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    math_conv g = geometry(c->node);
    bool has_bias = c->node->n_params > 1, bias = has_bias && part == c->node->grad_parts - 1;
    if (pools(c->node))
        math->conv_pooled_backward_weight(&g, &lanes->tree, c->x[0], c->dy, c->saved, out[0], has_bias ? out[1] : NULL, scratch);
    else if (bias && out[1])
        math->sum_rows(&lanes->tree, g.oh * g.ow, g.oc, c->dy, out[1], scratch);
    else if (!bias && out[0])
        math->conv_backward_weight(&g, &lanes->tree, c->x[0], c->dy, part, out[0], scratch);
}

static double flops(const node *n) {
    math_conv g = geometry(n);
    return 2.0 * (double)(g.oh * g.ow * g.oc) * (double)(g.kh * g.kw * (g.c / g.groups));
}

static const char *algorithm(const node *n, math_direction d) {
    math_conv g = geometry(n);
    return math->conv_algorithm(&g, d);
}

const op_kind op_conv2d = {.name = "conv2d",
                           .infer = infer,
                           .scratch = scratch_bytes,
                           .prepared = prepared_bytes,
                           .prepare_parts = prepare_parts,
                           .prepare = prepare,
                           .forward = forward,
                           .backward = backward,
                           .param_grad = param_grad,
                           .flops = flops,
                           .algorithm = algorithm,
                           .needs = NEEDS_X,
                           .whole = true};
