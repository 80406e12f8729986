/* Inverted dropout (Srivastava et al.: Dropout, JMLR 2014). The mask is computed twice and never stored. */
#include "math/math.h"
#include "ops/internal.h"

static err infer(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const dropout_attrs *a = n->attrs;
    if (!(a->p >= 0 && a->p < 1))
        return fail(ERR_USAGE, "dropout with probability %g; it must be at least 0 and below 1", a->p);
    n->out = n->inputs[0]->out;
    n->dx_in_place = 1;
    return OK;
}

/* y = mask · x / (1 − p) for one sample, or added to y. */
static void drop_sample(rng_key key, double p, int64_t size, const float *x, float *y, bool add) {
    uint64_t threshold = (uint64_t)((1 - p) * 0x1p32);
    float scale = (float)(1 / (1 - p));
    for (int64_t i = 0; i < size; i += 4) {
        rng_block r = rng_words(key, (uint64_t)i / 4);
        for (int64_t k = 0; k < 4 && i + k < size; k++) {
            float v = r.word[k] < threshold ? x[i + k] * scale : 0;
            y[i + k] = add ? y[i + k] + v : v;
        }
    }
}

static void drop(const op_call *c, const float *x, float *y, bool add) {
    const dropout_attrs *a = c->node->attrs;
    int64_t size = shape_size(c->node->out);
    if (!c->state->training || a->p == 0) {
        math->copy(c->n * size, x, y, add);
        return;
    }
    uint64_t name = rng_hash(c->node->name);
    for (int64_t i = 0; i < c->n; i++) {
        uint64_t place = name + (uint64_t)(c->first + i) * 0x9E3779B97F4A7C15u; /* odd: one to one in the place */
        rng_key key = rng_make_key(c->state->seed, RNG_DROPOUT, c->state->step, place);
        drop_sample(key, a->p, size, x + i * size, y + i * size, add);
    }
}

static void forward(const op_call *c, void *scratch) {
    (void)scratch;
    drop(c, c->x[0], c->y, false);
}

static void backward(const op_call *c, void *scratch) {
    (void)scratch;
    drop(c, c->dy, c->dx[0], c->add_dx[0]);
}

const op_kind op_dropout = {.name = "dropout", .infer = infer, .forward = forward, .backward = backward, .in_place = true};
