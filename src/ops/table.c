#include "ops/ops.h"

const op_kind *const ops[] = {
    &op_input,
    &op_conv2d,
    &op_linear,
    &op_batch_norm,
    &op_batch_norm_add,
    &op_relu,
    &op_max_pool2d,
    &op_avg_pool2d,
    &op_adaptive_avg_pool2d,
    &op_add,
    &op_concat,
    &op_pad_channels,
    &op_flatten,
    &op_dropout,
    &op_softmax_cross_entropy,
};
const int n_ops = sizeof ops / sizeof *ops;
