/* Adam with weight decay that is not mixed into the gradient (Kingma and Ba 2015; Loshchilov and Hutter 2019), in the order of operations
 * of torch.optim.AdamW. With step t, the first being 1: w −= lr·wd·w;  m = β₁·m + (1 − β₁)·g;  v = β₂·v + (1 − β₂)·g²;  w −= lr / (1 − β₁ᵗ)
 * · m / (√v / √(1 − β₂ᵗ) + eps) amsgrad takes the largest v so far (Reddi et al. 2018). */
#include <math.h>

#include "math/math.h"
#include "optim/internal.h"

typedef struct adamw_options {
    double betas[2], eps;
    bool amsgrad;
} adamw_options;

static const option rows[] = {
    {"betas", OPTION_PAIR, offsetof(adamw_options, betas), "[0.9, 0.999]", "how much the means of gradients and of their squares keep", 0,
     0.999999, .change = OPTION_RESULT},
    {"eps", OPTION_REAL, offsetof(adamw_options, eps), "1e-8", "added to the divisor", 1e-30, 1, .change = OPTION_RESULT},
    {"amsgrad", OPTION_BOOL, offsetof(adamw_options, amsgrad), "false", "divide by the largest mean of squares so far",
     .change = OPTION_FIXED},
    {"weight_decay", OPTION_DEFAULT, .standard = "0.01"},
};

enum { SLOT_MEAN, SLOT_SQUARES, SLOT_LARGEST };

static bool has_slot(const void *own, int slot) {
    return slot != SLOT_LARGEST || ((const adamw_options *)own)->amsgrad;
}

static void adamw_update(const void *own, const optim_piece *piece) {
    const adamw_options *o = own;
    double t = (double)piece->step;
    math_adamw rule = {
        .keep = (float)(1 - piece->lr * piece->weight_decay),
        .beta1 = (float)o->betas[0],
        .beta2 = (float)o->betas[1],
        .share1 = (float)(1 - o->betas[0]),
        .share2 = (float)(1 - o->betas[1]),
        .rate = (float)(piece->lr / (1 - pow(o->betas[0], t))),
        .root = (float)sqrt(1 - pow(o->betas[1], t)),
        .eps = (float)o->eps,
    };
    math->adamw(&rule, piece->count, piece->grads, piece->slots[SLOT_MEAN], piece->slots[SLOT_SQUARES], piece->slots[SLOT_LARGEST],
                piece->values);
}

const optim_kind optim_adamw = {
    .kind = {"adamw", rows, sizeof rows / sizeof *rows, sizeof(adamw_options)},
    .slots = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .has_slot = has_slot,
    .update = adamw_update,
};
