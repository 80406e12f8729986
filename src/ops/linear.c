/* y = x · weightᵀ + bias */
#include <inttypes.h>

#include "math/math.h"
#include "ops/internal.h"

static void add_tiles(node *n, int64_t in, int64_t out, bool bias) {
    int64_t rows = TILE_FLOATS / in > 1 ? TILE_FLOATS / in : 1;
    for (int64_t row = 0; row < out; row += rows)
        ops_add_tile(n, 0, row * in, (out - row < rows ? out - row : rows) * in);
    if (bias)
        ops_add_tile(n, 1, 0, out);
}

static err infer(graph *g, node *n) {
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const linear_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    char text[SHAPE_TEXT];
    if (in.h != 1 || in.w != 1)
        return fail(ERR_USAGE, "a linear layer takes a vector, not %s: flatten it first", shape_text(text, in));
    if (a->out_features < 1)
        return fail(ERR_USAGE, "a linear layer with %" PRId64 " outputs", a->out_features);
    n->out = (shape){1, 1, a->out_features};
    graph_add_param(g, n, "weight", ops_param(PARAM_WEIGHT, (dims){2, {a->out_features, in.c}}, in.c));
    if (a->bias)
        graph_add_param(g, n, "bias", ops_param(PARAM_BIAS, (dims){1, {a->out_features}}, in.c));
    n->scratch_bytes = a->bias ? math_sums_scratch(a->out_features) : 0;
    add_tiles(n, in.c, a->out_features, a->bias);
    return OK;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    const node *n = c->node;
    const float *bias = n->n_params > 1 ? n->params[1]->value : NULL;
    math_linear_forward(c->n, n->inputs[0]->out.c, n->out.c, c->x[0], n->params[0]->value, bias, c->y);
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    const node *n = c->node;
    math_linear_backward_data(c->n, n->inputs[0]->out.c, n->out.c, c->dy, n->params[0]->value, c->dx[0], c->add_dx[0]);
}

static void param_grad(const op_call *c, int tile, float *out, void *scratch) {
    const node *n = c->node;
    grad_tile t = n->tiles[tile];
    int64_t in = n->inputs[0]->out.c;
    if (t.param == 1)
        math_sum_rows(c->n, n->out.c, c->dy, out, scratch);
    else
        math_linear_backward_weight(c->n, in, n->out.c, c->x[0], c->dy, t.offset / in, t.count / in, out);
}

static double flops(const node *n) {
    return 2.0 * (double)n->inputs[0]->out.c * (double)n->out.c;
}

const op_kind op_linear = {
    .name = "linear", .infer = infer, .forward = forward, .backward = backward, .param_grad = param_grad, .flops = flops, .needs = NEEDS_X};
