/* The table of this instruction set. */
#include "math/kernels/kernels.h"

#define NAME_OF(isa) NAME_OF_EXPANDED(isa)
#define NAME_OF_EXPANDED(isa) #isa

const math_kernels MATH(kernels) = {
    .isa = NAME_OF(SHOAL_ISA),
    .copy = MATH(copy),
    .add = MATH(add),
    .relu = MATH(relu),
    .relu_backward = MATH(relu_backward),
    .sgd = MATH(sgd),
    .sum_rows = MATH(sum_rows),
    .copy_columns = MATH(copy_columns),
    .transpose = MATH(transpose),
    .sums_scratch = MATH(sums_scratch),
    .norm_sums = MATH(norm_sums),
    .norm_forward = MATH(norm_forward),
    .norm_grad_sums = MATH(norm_grad_sums),
    .norm_backward = MATH(norm_backward),
    .max_pool = MATH(max_pool),
    .max_pool_backward = MATH(max_pool_backward),
    .avg_pool = MATH(avg_pool),
    .avg_pool_backward = MATH(avg_pool_backward),
    .conv_algorithm = MATH(conv_name),
    .conv_scratch = MATH(conv_scratch),
    .conv_prepared = MATH(conv_prepared),
    .conv_prepare_parts = MATH(conv_prepare_parts),
    .conv_prepare = MATH(conv_prepare),
    .conv_forward = MATH(conv_forward),
    .conv_backward_data = MATH(conv_backward_data),
    .conv_weight_parts = MATH(conv_weight_parts),
    .conv_backward_weight = MATH(conv_backward_weight),
    .linear_scratch = MATH(linear_scratch),
    .linear_forward = MATH(linear_forward),
    .linear_backward_data = MATH(linear_backward_data),
    .linear_backward_weight = MATH(linear_backward_weight),
    .filter_along_rows = MATH(filter_along_rows),
    .filter_along_columns = MATH(filter_along_columns),
    .peak = MATH(peak),
};
