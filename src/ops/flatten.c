/* One vector a sample, in PyTorch's order: channel by channel. Rows of channels become columns; one row stays as it is. */
#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    shape in = n->inputs[0]->out;
    n->out = (shape){1, 1, shape_size(in)};
    n->dx_in_place = in.h * in.w == 1 ? 1 : 0;
    return OK;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    shape in = c->node->inputs[0]->out;
    int64_t size = shape_size(in);
    if (in.h * in.w == 1)
        math->copy(c->n * size, c->x[0], c->y, false);
    else
        for (int64_t i = 0; i < c->n; i++)
            math->transpose(in.h * in.w, in.c, c->x[0] + i * size, c->y + i * size, false);
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    shape in = c->node->inputs[0]->out;
    int64_t size = shape_size(in);
    if (in.h * in.w == 1)
        math->copy(c->n * size, c->dy, c->dx[0], c->add_dx[0]);
    else
        for (int64_t i = 0; i < c->n; i++)
            math->transpose(in.c, in.h * in.w, c->dy + i * size, c->dx[0] + i * size, c->add_dx[0]);
}

const op_kind op_flatten = {.name = "flatten", .infer = infer, .forward = forward, .backward = backward, .in_place = true};
