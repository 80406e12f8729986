/* Convolution, in the sense of neural networks (a cross-correlation), with zero padding. */
#include <inttypes.h>

#include "math/math.h"
#include "ops/internal.h"

static math_conv geometry(const node *n) {
    const conv2d_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    return (math_conv){.h = in.h,
                       .w = in.w,
                       .c = in.c,
                       .oh = n->out.h,
                       .ow = n->out.w,
                       .oc = n->out.c,
                       .kh = a->kernel_h,
                       .kw = a->kernel_w,
                       .stride_h = a->stride_h,
                       .stride_w = a->stride_w,
                       .pad_h = a->pad_h,
                       .pad_w = a->pad_w,
                       .dilation_h = a->dilation_h,
                       .dilation_w = a->dilation_w,
                       .groups = a->groups};
}

/* Tiles are whole taps of the weight matrix's rows; where one tap alone is too large, parts of a tap. A tile of many rows is what makes
 * a matrix product fast, and a small convolution is one tile, so that its windows are laid out once. */
static void add_tiles(node *n, const math_conv *g, bool bias) {
    int64_t taps = g->kh * g->kw, channels = g->c / g->groups, most = TILE_FLOATS / g->oc > 1 ? TILE_FLOATS / g->oc : 1;
    int64_t tap_step = most / channels > 1 ? most / channels : 1, channel_step = math_min(most, channels);
    if (channels == 1) /* depthwise kernels make the whole at once */
        tap_step = taps;
    for (int64_t tap = 0; tap < taps; tap += tap_step)
        for (int64_t channel = 0; channel < channels; channel += channel_step) {
            int64_t rows = math_min(tap_step, taps - tap) * math_min(channel_step, channels - channel);
            ops_add_tile(n, 0, (tap * channels + channel) * g->oc, rows * g->oc);
        }
    if (bias)
        ops_add_tile(n, 1, 0, g->oc);
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
    size_t sums = a->bias ? math_sums_scratch(a->out_channels) : 0, windows = math_conv_scratch(&conv);
    n->scratch_bytes = windows > sums ? windows : sums;
    add_tiles(n, &conv, a->bias);
    return OK;
}

static void forward(const op_call *c, void *scratch) {
    const node *n = c->node;
    math_conv g = geometry(n);
    math_conv_forward(&g, c->n, c->x[0], n->params[0]->value, n->n_params > 1 ? n->params[1]->value : NULL, c->y, scratch);
}

static void backward(const op_call *c, void *scratch) {
    math_conv g = geometry(c->node);
    math_conv_backward_data(&g, c->n, c->dy, c->node->params[0]->value, c->dx[0], c->add_dx[0], scratch);
}

static void param_grad(const op_call *c, int tile, float *out, void *scratch) {
    math_conv g = geometry(c->node);
    grad_tile t = c->node->tiles[tile];
    if (t.param == 1)
        math_sum_rows(c->n * g.oh * g.ow, g.oc, c->dy, out, scratch);
    else
        math_conv_backward_weight(&g, c->n, c->x[0], c->dy, t.offset / g.oc, t.count / g.oc, out, scratch);
}

static double flops(const node *n) {
    math_conv g = geometry(n);
    return 2.0 * (double)(g.oh * g.ow * g.oc) * (double)(g.kh * g.kw * (g.c / g.groups));
}

const op_kind op_conv2d = {
    .name = "conv2d", .infer = infer, .forward = forward, .backward = backward, .param_grad = param_grad, .flops = flops, .needs = NEEDS_X};
