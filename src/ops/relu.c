/* y = max(x, 0) */
#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    n->out = n->inputs[0]->out;
    n->dx_in_place = 1;
    return OK;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    math->relu(ops_size(c), c->x[0], c->y);
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    math->relu_backward(ops_size(c), c->y, c->dy, c->dx[0], c->add_dx[0]);
}

const op_kind op_relu = {.name = "relu", .infer = infer, .forward = forward, .backward = backward, .needs = NEEDS_Y, .in_place = true};
