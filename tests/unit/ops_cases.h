/* Every op, in all its ways. Sizes are odd on purpose: no multiple of a SIMD width, one sample, kernels as large as the plane. */
#ifndef OPS_CASES_H
#define OPS_CASES_H

#include "ops_harness.h"
#include "ops_reference.h"

typedef struct op_case {
    const op_kind *kind;
    reference *reference;
    const char *what;
    const void *attrs;
    size_t attrs_bytes;
    int64_t n;
    int n_inputs;
    shape in[3];
} op_case;

#define ATTRS(...) &(__VA_ARGS__), sizeof(__VA_ARGS__)
/* out_channels, kernel h w, stride h w, pad h w, dilation h w, groups, bias */
#define CONV(...) ATTRS((const conv2d_attrs){__VA_ARGS__, false, false})
#define ACCURATE_CONV(...) ATTRS((const conv2d_attrs){__VA_ARGS__, true, false})
#define NORM(...) ATTRS((const batch_norm_attrs){.eps = 1e-5, .momentum = 0.1, __VA_ARGS__})
/* kernel h w, stride h w, pad h w, ceil_mode, count_include_pad */
#define POOL(...) ATTRS((const pool_attrs){__VA_ARGS__, false})
#define RELU_POOL(...) ATTRS((const pool_attrs){__VA_ARGS__, true})

static const op_case cases[] = {
    {&op_conv2d, reference_conv2d, "3 x 3", CONV(7, 3, 3, 1, 1, 1, 1, 1, 1, 1, false), 3, 1, {{5, 6, 5}}},
    {&op_conv2d, reference_conv2d, "3 x 3, accurate", ACCURATE_CONV(6, 3, 3, 1, 1, 1, 1, 1, 1, 1, true), 3, 1, {{6, 5, 4}}},
    {&op_conv2d, reference_conv2d, "1 x 1", CONV(9, 1, 1, 1, 1, 0, 0, 1, 1, 1, true), 3, 1, {{4, 3, 17}}},
    {&op_conv2d, reference_conv2d, "1 x 1, stride 2", CONV(5, 1, 1, 2, 2, 0, 0, 1, 1, 1, false), 1, 1, {{5, 7, 3}}},
    {&op_conv2d, reference_conv2d, "stem", CONV(5, 7, 7, 2, 2, 3, 3, 1, 1, 1, true), 1, 1, {{9, 10, 3}}},
    {&op_conv2d, reference_conv2d, "kernel = plane", CONV(4, 5, 3, 1, 1, 0, 0, 1, 1, 1, true), 3, 1, {{5, 3, 2}}},
    {&op_conv2d, reference_conv2d, "all unequal", CONV(3, 2, 3, 3, 2, 1, 2, 2, 1, 1, false), 1, 1, {{8, 9, 3}}},
    {&op_conv2d, reference_conv2d, "dilation", CONV(3, 3, 3, 1, 1, 2, 3, 2, 3, 1, false), 1, 1, {{7, 8, 3}}},
    {&op_conv2d, reference_conv2d, "pad wider than kernel", CONV(3, 2, 2, 1, 1, 3, 3, 1, 1, 1, false), 1, 1, {{3, 2, 2}}},
    {&op_conv2d, reference_conv2d, "groups", CONV(6, 3, 3, 1, 1, 1, 1, 1, 1, 3, true), 3, 1, {{4, 5, 9}}},
    {&op_conv2d, reference_conv2d, "groups, 1 x 1", CONV(6, 1, 1, 1, 1, 0, 0, 1, 1, 2, false), 1, 1, {{4, 5, 4}}},
    {&op_conv2d, reference_conv2d, "depthwise", CONV(19, 3, 3, 2, 1, 1, 1, 1, 1, 19, true), 1, 1, {{5, 4, 19}}},
    {&op_conv2d, reference_conv2d, "depthwise, 3 a channel", CONV(15, 3, 2, 1, 1, 0, 0, 1, 2, 5, false), 3, 1, {{4, 5, 5}}},
    {&op_linear, reference_linear, "with bias", ATTRS((const linear_attrs){7, true}), 3, 1, {{1, 1, 13}}},
    {&op_linear, reference_linear, "without", ATTRS((const linear_attrs){1, false}), 1, 1, {{1, 1, 5}}},
    {&op_batch_norm, reference_batch_norm, "plain", NORM(.relu = false), 3, 1, {{5, 5, 19}}},
    {&op_batch_norm, reference_batch_norm, "relu", NORM(.relu = true), 3, 1, {{3, 5, 17}}},
    {&op_batch_norm, reference_batch_norm, "vector", NORM(.relu = true), 3, 1, {{1, 1, 5}}},
    {&op_batch_norm_add, reference_batch_norm, "relu", NORM(.relu = true), 3, 2, {{3, 3, 7}, {3, 3, 7}}},
    {&op_batch_norm_add, reference_batch_norm, "plain", NORM(.relu = false), 1, 2, {{9, 9, 3}, {9, 9, 3}}},
    {&op_relu, reference_relu, "", NULL, 0, 3, 1, {{3, 5, 7}}},
    {&op_max_pool2d, reference_max_pool, "3 x 3 / 2", POOL(3, 3, 2, 2, 1, 1, false, false), 3, 1, {{7, 8, 5}}},
    {&op_max_pool2d, reference_max_pool, "many channels", POOL(2, 3, 2, 1, 1, 0, false, false), 1, 1, {{3, 4, 131}}},
    {&op_max_pool2d, reference_max_pool, "ceil", POOL(2, 2, 2, 2, 0, 0, true, false), 1, 1, {{5, 7, 3}}},
    {&op_max_pool2d, reference_max_pool, "ceil, pad", POOL(3, 2, 3, 2, 1, 1, true, false), 1, 1, {{6, 5, 3}}},
    {&op_max_pool2d, reference_max_pool, "2 x 2", POOL(2, 2, 2, 2, 0, 0, false, false), 3, 1, {{4, 6, 19}}},
    {&op_max_pool2d, reference_max_pool, "3 x 2, not all of the plane", POOL(3, 2, 3, 2, 0, 0, false, false), 1, 1, {{4, 5, 6}}},
    {&op_max_pool2d, reference_max_pool, "relu", RELU_POOL(2, 2, 2, 2, 0, 0, true, false), 3, 1, {{5, 6, 6}}},
    {&op_max_pool2d, reference_max_pool, "relu, few channels", RELU_POOL(3, 3, 2, 2, 1, 1, false, false), 3, 1, {{7, 6, 3}}},
    {&op_max_pool2d, reference_max_pool, "relu, more channels", RELU_POOL(3, 3, 2, 2, 1, 1, false, false), 1, 1, {{5, 6, 37}}},
    {&op_max_pool2d, reference_max_pool, "kernel = plane", POOL(4, 3, 1, 1, 0, 0, false, false), 1, 1, {{4, 3, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "2 x 2", POOL(2, 2, 2, 2, 0, 0, false, true), 3, 1, {{5, 4, 17}}},
    {&op_avg_pool2d, reference_avg_pool, "pad counts", POOL(3, 3, 2, 2, 1, 1, false, true), 1, 1, {{6, 7, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "pad does not", POOL(3, 3, 2, 2, 1, 1, true, false), 1, 1, {{6, 7, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "ceil", POOL(3, 2, 2, 3, 1, 1, true, true), 1, 1, {{6, 7, 3}}},
    {&op_avg_pool2d, reference_avg_pool, "every second pixel", POOL(1, 1, 2, 2, 0, 0, false, true), 1, 1, {{5, 6, 3}}},
    {&op_adaptive_avg_pool2d, reference_adaptive_avg_pool, "to 1", ATTRS((const adaptive_avg_pool2d_attrs){1, 1}), 3, 1, {{7, 5, 19}}},
    {&op_adaptive_avg_pool2d,
     reference_adaptive_avg_pool,
     "unequal bins",
     ATTRS((const adaptive_avg_pool2d_attrs){3, 4}),
     1,
     1,
     {{7, 5, 3}}},
    {&op_adaptive_avg_pool2d, reference_adaptive_avg_pool, "to more", ATTRS((const adaptive_avg_pool2d_attrs){5, 7}), 1, 1, {{3, 2, 3}}},
    {&op_add, reference_add, "", NULL, 0, 3, 2, {{3, 5, 7}, {3, 5, 7}}},
    {&op_concat, reference_concat, "three", NULL, 0, 3, 3, {{3, 2, 5}, {3, 2, 1}, {3, 2, 4}}},
    {&op_pad_channels, reference_pad_channels, "", ATTRS((const pad_channels_attrs){2, 3}), 3, 1, {{3, 2, 5}}},
    {&op_flatten, reference_flatten, "plane", NULL, 0, 3, 1, {{3, 5, 7}}},
    {&op_flatten, reference_flatten, "vector", NULL, 0, 3, 1, {{1, 1, 7}}},
    {&op_dropout, reference_dropout, "0.5", ATTRS((const dropout_attrs){0.5}), 3, 1, {{3, 5, 7}}},
    {&op_dropout, reference_dropout, "0", ATTRS((const dropout_attrs){0}), 1, 1, {{3, 5, 7}}},
    {&op_softmax_cross_entropy, reference_loss, "", ATTRS((const softmax_cross_entropy_attrs){0}), 3, 1, {{1, 1, 11}}},
    {&op_softmax_cross_entropy,
     reference_loss,
     "smoothed",
     ATTRS((const softmax_cross_entropy_attrs){.label_smoothing = 0.1}),
     3,
     1,
     {{1, 1, 7}}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

#endif
