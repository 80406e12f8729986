/* Pictures of bytes as floats: (x / 255 − mean) / std, in the float32 arithmetic of PyTorch's transforms. */
#include <inttypes.h>

#include "ops/internal.h"

static err infer(graph *g, node *n) {
    input_attrs *a = n->attrs;
    if (a->shape.h < 1 || a->shape.w < 1 || a->shape.c < 1 || a->shape.c > INPUT_MAX_CHANNELS)
        return fail(ERR_USAGE, "pictures of %" PRId64 " x %" PRId64 " pixels and %" PRId64 " channels; there must be 1 to %d channels",
                    a->shape.h, a->shape.w, a->shape.c, INPUT_MAX_CHANNELS);
    for (int64_t c = 0; c < a->shape.c; c++)
        for (int x = 0; x < 256; x++)
            a->table[c][x] = ((float)x / 255.0f - a->mean[c]) / a->std[c];
    n->out = a->shape;
    err code = ops_check_inputs(n, 0);
    return code == OK ? graph_add_field(g, n, (field){a->field ? a->field : "images", FIELD_U8, a->shape}) : code;
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    const input_attrs *a = c->node->attrs;
    const uint8_t *bytes = op_field(c, 0);
    int64_t channels = a->shape.c, size = ops_size(c);
    for (int64_t pixel = 0; pixel < size; pixel += channels)
        for (int64_t i = 0; i < channels; i++)
            c->y[pixel + i] = a->table[i][bytes[pixel + i]];
}

const op_kind op_input = {.name = "input", .infer = infer, .forward = forward};
