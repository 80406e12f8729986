/* y = a + b */
#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 2);
    if (code != OK)
        return code;
    shape a = n->inputs[0]->out, b = n->inputs[1]->out;
    char a_text[SHAPE_TEXT], b_text[SHAPE_TEXT];
    if (!shape_equal(a, b))
        return fail(ERR_USAGE, "%s and %s cannot be added", shape_text(a_text, a), shape_text(b_text, b));
    n->out = a;
    n->dx_in_place = 1 | 2;
    return OK;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    math->add(ops_size(c), c->x[0], c->x[1], c->y);
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    for (int i = 0; i < 2; i++)
        if (c->dx[i])
            math->copy(ops_size(c), c->dy, c->dx[i], c->add_dx[i]);
}

const op_kind op_add = {.name = "add", .infer = infer, .forward = forward, .backward = backward, .in_place = true};
