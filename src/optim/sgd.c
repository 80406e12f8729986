/* Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as Sutskever et al. 2013), in the order of operations of
 * torch.optim.SGD. A momentum buffer of zeros gives PyTorch's first step, which begins with v = g. */
#include "optim/internal.h"

static inline __attribute__((always_inline)) void update(const optim_piece *p, float momentum, bool nesterov) {
    float *restrict values = p->values, *restrict velocity = p->slots[0];
    const float *restrict grads = p->grads;
    float lr = p->lr, weight_decay = p->weight_decay;
    for (int64_t i = 0; i < p->count; i++) {
        float g = grads[i] + weight_decay * values[i];
        float v = momentum * velocity[i] + g;
        velocity[i] = v;
        values[i] -= lr * (nesterov ? g + momentum * v : v);
    }
}

static void sgd_update(const optimizer_options *options, const optim_piece *piece) {
    if (options->nesterov)
        update(piece, (float)options->momentum, true);
    else
        update(piece, (float)options->momentum, false);
}

const optim_kind optim_sgd = {
    .name = "sgd",
    .n_slots = 1,
    .slot_names = {"momentum_buffer"},
    .update = sgd_update,
};
