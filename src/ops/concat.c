/* The inputs' channels one after the other. */
#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    (void)g;
    if (n->n_inputs < 1)
        return fail(ERR_USAGE, "concat needs at least one input");
    shape first = n->inputs[0]->out;
    int64_t channels = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        shape s = n->inputs[i]->out;
        char first_text[SHAPE_TEXT], text[SHAPE_TEXT];
        if (s.h != first.h || s.w != first.w)
            return fail(ERR_USAGE, "%s and %s cannot be joined: their planes differ", shape_text(first_text, first), shape_text(text, s));
        channels += s.c;
    }
    n->out = (shape){first.h, first.w, channels};
    return OK;
}

static int64_t pixels(const op_call *c) {
    return c->n * c->node->out.h * c->node->out.w;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    int64_t at = 0;
    for (int i = 0; i < c->node->n_inputs; i++) {
        int64_t channels = c->node->inputs[i]->out.c;
        math->copy_columns(pixels(c), channels, c->x[i], channels, c->y + at, c->node->out.c, false);
        at += channels;
    }
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    int64_t at = 0;
    for (int i = 0; i < c->node->n_inputs; i++) {
        int64_t channels = c->node->inputs[i]->out.c;
        if (c->dx[i])
            math->copy_columns(pixels(c), channels, c->dy + at, c->node->out.c, c->dx[i], channels, c->add_dx[i]);
        at += channels;
    }
}

const op_kind op_concat = {.name = "concat", .infer = infer, .forward = forward, .backward = backward};
