/* Zero channels before and after the input's. */
#include <inttypes.h>
#include <string.h>

#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const pad_channels_attrs *a = n->attrs;
    if (a->before < 0 || a->after < 0)
        return fail(ERR_USAGE, "%" PRId64 " channels before and %" PRId64 " after: a pad cannot be negative", a->before, a->after);
    n->out = n->inputs[0]->out;
    n->out.c += a->before + a->after;
    return OK;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    const pad_channels_attrs *a = c->node->attrs;
    shape out = c->node->out, in = c->node->inputs[0]->out;
    memset(c->y, 0, (size_t)ops_size(c) * sizeof *c->y);
    math->copy_columns(c->n * out.h * out.w, in.c, c->x[0], in.c, c->y + a->before, out.c, false);
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    const pad_channels_attrs *a = c->node->attrs;
    shape out = c->node->out, in = c->node->inputs[0]->out;
    math->copy_columns(c->n * out.h * out.w, in.c, c->dy + a->before, out.c, c->dx[0], in.c, c->add_dx[0]);
}

const op_kind op_pad_channels = {.name = "pad_channels", .infer = infer, .forward = forward, .backward = backward};
