/* Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as Sutskever et al. 2013), in the order of operations of
 * torch.optim.SGD. A momentum buffer of zeros gives PyTorch's first step, which begins with v = g. */
#include "math/math.h"
#include "optim/internal.h"

static void sgd_update(const optimizer_options *options, const optim_piece *piece) {
    math_sgd rule = {piece->lr, (float)options->momentum, piece->weight_decay, options->nesterov};
    math->sgd(&rule, piece->count, piece->grads, piece->slots[0], piece->values);
}

const optim_kind optim_sgd = {
    .name = "sgd",
    .n_slots = 1,
    .slot_names = {"momentum_buffer"},
    .update = sgd_update,
};
