/* Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as Sutskever et al. 2013), in the order of operations of
 * torch.optim.SGD: g += wd·w; v = m·v + g; w −= lr·v, or with Nesterov w −= lr·(g + m·v). A momentum buffer of zeros gives PyTorch's first
 * step, which begins with v = g. */
#include "math/math.h"
#include "optim/internal.h"

typedef struct sgd_options {
    double momentum;
    bool nesterov;
} sgd_options;

static const option rows[] = {
    {"momentum", OPTION_REAL, offsetof(sgd_options, momentum), "0", "v = momentum * v + gradient", 0, 1, .change = OPTION_RESULT},
    {"nesterov", OPTION_BOOL, offsetof(sgd_options, nesterov), "false", "Nesterov's momentum", .change = OPTION_RESULT},
};

static err sgd_check(const void *own, const char **wrong) {
    const sgd_options *o = own;
    *wrong = "optimizer.nesterov";
    return o->nesterov && o->momentum == 0 ? fail(ERR_USAGE, "optimizer.nesterov needs a momentum above 0") : OK;
}

static void sgd_update(const void *own, const optim_piece *piece) {
    const sgd_options *o = own;
    math_sgd rule = {(float)piece->lr, (float)o->momentum, (float)piece->weight_decay, o->nesterov};
    math->sgd(&rule, piece->count, piece->grads, piece->slots[0], piece->values);
}

const optim_kind optim_sgd = {
    .kind = {"sgd", rows, sizeof rows / sizeof *rows, sizeof(sgd_options)},
    .slots = {"momentum_buffer"},
    .check = sgd_check,
    .update = sgd_update,
};
