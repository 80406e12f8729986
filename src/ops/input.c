/* Pictures as floats: (x / s − mean) / std in the float32 arithmetic of PyTorch's transforms, with s = 255 for bytes, 65535 for 16 bits, 1
 * for floats. */
#include <inttypes.h>

#include "ops/internal.h"

/* What the attrs become. */
typedef struct scales {
    field_type type;
    int64_t channels;
    float numbers[]; /* of bytes [channel][256], what each value becomes; of others the means of the channels, then their stds */
} scales;

static scales *new_scales(const input_attrs *a) {
    int64_t channels = a->shape.c;
    bool bytes = a->type == FIELD_U8;
    scales *s = mem_new(1, sizeof *s + mem_product((size_t)channels, (bytes ? 256 : 2) * sizeof(float)));
    *s = (scales){.type = a->type, .channels = channels};
    for (int64_t c = 0; c < channels; c++) {
        float mean = a->mean ? a->mean[c] : 0, std = a->std ? a->std[c] : 1;
        for (int x = 0; bytes && x < 256; x++)
            s->numbers[c * 256 + x] = ((float)x / 255.0f - mean) / std;
        if (!bytes) {
            s->numbers[c] = mean;
            s->numbers[channels + c] = std;
        }
    }
    return s;
}

static err infer(graph *g, node *n) {
    input_attrs *a = n->attrs;
    if (a->shape.h < 1 || a->shape.w < 1 || a->shape.c < 1)
        return fail(ERR_USAGE, "pictures of %" PRId64 " x %" PRId64 " pixels and %" PRId64 " channels", a->shape.h, a->shape.w, a->shape.c);
    if (a->type == FIELD_I32)
        return fail(ERR_USAGE, "pictures of type int32; they are uint8, uint16 or float32");
    err code = ops_check_inputs(n, 0);
    if (code == OK)
        code = graph_add_field(g, n, (field){a->field ? a->field : "images", a->type, a->shape});
    if (code != OK)
        return code;
    n->out = a->shape;
    n->attrs = new_scales(a);
    mem_free(a);
    return OK;
}

static void forward_bytes(const scales *s, int64_t size, const uint8_t *x, float *y) {
    for (int64_t pixel = 0; pixel < size; pixel += s->channels)
        for (int64_t c = 0; c < s->channels; c++)
            y[pixel + c] = s->numbers[c * 256 + x[pixel + c]];
}

static void forward_words(const scales *s, int64_t size, const uint16_t *x, float *y) {
    for (int64_t pixel = 0; pixel < size; pixel += s->channels)
        for (int64_t c = 0; c < s->channels; c++)
            y[pixel + c] = ((float)x[pixel + c] / 65535.0f - s->numbers[c]) / s->numbers[s->channels + c];
}

static void forward_floats(const scales *s, int64_t size, const float *x, float *y) {
    for (int64_t pixel = 0; pixel < size; pixel += s->channels)
        for (int64_t c = 0; c < s->channels; c++)
            y[pixel + c] = (x[pixel + c] - s->numbers[c]) / s->numbers[s->channels + c];
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    const scales *s = c->node->attrs;
    if (s->type == FIELD_U8)
        forward_bytes(s, ops_size(c), op_field(c, 0), c->y);
    else if (s->type == FIELD_U16)
        forward_words(s, ops_size(c), op_field(c, 0), c->y);
    else
        forward_floats(s, ops_size(c), op_field(c, 0), c->y);
}

const op_kind op_input = {.name = "input", .infer = infer, .forward = forward};
