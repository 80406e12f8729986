/* y = x · weightᵀ + bias */
#include <inttypes.h>

#include "math/math.h"
#include "ops/internal.h"

/* Parts of the outputs, or of the inputs: enough for many threads, and wide enough that the kernels stream the weights in long pieces; in
 * multiples of their tiles. */
enum { PARTS = 32, OUTPUTS_STEP = 48, LEAST_OUTPUTS = 96, INPUTS_OF_A_PART = 1008 };

static int64_t outputs_of_a_part(int64_t out) {
    int64_t even = (out / PARTS + OUTPUTS_STEP - 1) / OUTPUTS_STEP * OUTPUTS_STEP;
    return even > LEAST_OUTPUTS ? even : LEAST_OUTPUTS;
}

static int count_parts(int64_t length, int64_t each) {
    return (int)((length + each - 1) / each);
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
    n->forward_parts = count_parts(a->out_features, outputs_of_a_part(a->out_features));
    n->backward_parts = count_parts(in.c, INPUTS_OF_A_PART);
    n->grad_parts = n->forward_parts + (a->bias ? 1 : 0);
    return OK;
}

static size_t scratch_bytes(const node *n, int levels) {
    int64_t in = n->inputs[0]->out.c, out = n->out.c;
    size_t sums = n->n_params > 1 ? math->sums_scratch(out, levels) : 0, linear = math->linear_scratch(in, out, levels);
    return sums > linear ? sums : linear;
}

static void forward(const op_call *c, void *scratch) {
    const node *n = c->node;
    const float *bias = n->n_params > 1 ? n->params[1]->value : NULL;
    int64_t in = n->inputs[0]->out.c, out = n->out.c, each = outputs_of_a_part(out), first = c->part * each;
    math->linear_forward(c->n, in, out, c->x[0], n->params[0]->value, bias, first, math_min(each, out - first), c->y, scratch);
}

static void backward(const op_call *c, void *scratch) {
    const node *n = c->node;
    int64_t in = n->inputs[0]->out.c, out = n->out.c, each = INPUTS_OF_A_PART, first = c->part * each;
    math->linear_backward_data(c->n, in, out, c->dy, n->params[0]->value, first, math_min(each, in - first), c->dx[0], c->add_dx[0],
                               scratch);
}

/* The last part is the bias's, where there is one. */
static void param_grad(const op_call *c, const lane_group *lanes, int part, float *const *out, void *scratch) {
    const node *n = c->node;
    int64_t in = n->inputs[0]->out.c, each = outputs_of_a_part(n->out.c), first = part * each;
    bool bias = part == n->forward_parts;
    if (bias && out[1])
        math->sum_rows(&lanes->tree, 1, n->out.c, c->dy, out[1], scratch);
    else if (!bias && out[0])
        math->linear_backward_weight(&lanes->tree, in, n->out.c, c->x[0], c->dy, first, math_min(each, n->out.c - first), out[0],
                                     lanes->sink, scratch);
}

static double flops(const node *n) {
    return 2.0 * (double)n->inputs[0]->out.c * (double)n->out.c;
}

const op_kind op_linear = {.name = "linear",
                           .infer = infer,
                           .scratch = scratch_bytes,
                           .forward = forward,
                           .backward = backward,
                           .param_grad = param_grad,
                           .flops = flops,
                           .needs = NEEDS_X,
                           .whole = true,
                           .hands_out = true};
