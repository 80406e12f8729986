/* The layers of <shoal/model.h>: defaults filled in, attributes for ops/. */
#include "nn/internal.h"
#include "ops/ops.h"

static int or_default(int given, int standard) {
    return given ? given : standard;
}

/* 0 stands for the other side's padding, -1 for none. */
static int pad_of_width(int pad_w, int pad) {
    return pad_w == 0 ? pad : pad_w == -1 ? 0 : pad_w;
}

shoal_tensor shoal_conv2d_with(shoal_model *m, shoal_tensor x, shoal_conv2d_options o) {
    int stride = or_default(o.stride, 1), dilation = or_default(o.dilation, 1);
    conv2d_attrs attrs = {
        .out_channels = o.channels,
        .kernel_h = o.kernel,
        .kernel_w = or_default(o.kernel_w, o.kernel),
        .stride_h = stride,
        .stride_w = stride,
        .pad_h = o.pad,
        .pad_w = pad_of_width(o.pad_w, o.pad),
        .dilation_h = dilation,
        .dilation_w = dilation,
        .groups = or_default(o.groups, 1),
        .bias = !o.no_bias,
        .accurate = m->spec->accurate_conv,
    };
    layer l = {&op_conv2d, o.name, "conv", &attrs, sizeof attrs};
    x = builder_add(m, &l, 1, &x);
    init_layer(builder_node(m, x), o.init, o.init_std);
    return x;
}

shoal_tensor shoal_linear_with(shoal_model *m, shoal_tensor x, shoal_linear_options o) {
    linear_attrs attrs = {.out_features = o.features, .bias = !o.no_bias};
    layer l = {&op_linear, o.name, "fc", &attrs, sizeof attrs};
    x = builder_add(m, &l, 1, &x);
    init_layer(builder_node(m, x), o.init, o.init_std);
    return x;
}

shoal_tensor shoal_batch_norm_with(shoal_model *m, shoal_tensor x, shoal_batch_norm_options o) {
    batch_norm_attrs attrs = {
        .eps = o.eps != 0 ? o.eps : 1e-5,
        .momentum = o.momentum != 0 ? o.momentum : 0.1,
    };
    layer l = {&op_batch_norm, o.name, "bn", &attrs, sizeof attrs};
    x = builder_add(m, &l, 1, &x);
    if (o.zero_init)
        init_norm_zero(builder_node(m, x));
    return x;
}

/* Layers without parameters are named for people only. */
static shoal_tensor add(shoal_model *m, const op_kind *kind, const void *attrs, size_t size, int n_inputs, const shoal_tensor *inputs) {
    layer l = {kind, NULL, kind->name, attrs, size};
    return builder_add(m, &l, n_inputs, inputs);
}

shoal_tensor shoal_relu(shoal_model *m, shoal_tensor x) {
    return add(m, &op_relu, NULL, 0, 1, &x);
}

static pool_attrs pool_attrs_of(shoal_pool2d_options o) {
    int stride = or_default(o.stride, o.kernel);
    return (pool_attrs){
        .kernel_h = o.kernel,
        .kernel_w = o.kernel,
        .stride_h = stride,
        .stride_w = stride,
        .pad_h = o.pad,
        .pad_w = o.pad,
        .ceil_mode = o.ceil_mode,
        .count_include_pad = true,
    };
}

shoal_tensor shoal_max_pool2d_with(shoal_model *m, shoal_tensor x, shoal_pool2d_options o) {
    pool_attrs attrs = pool_attrs_of(o);
    return add(m, &op_max_pool2d, &attrs, sizeof attrs, 1, &x);
}

shoal_tensor shoal_avg_pool2d_with(shoal_model *m, shoal_tensor x, shoal_pool2d_options o) {
    pool_attrs attrs = pool_attrs_of(o);
    return add(m, &op_avg_pool2d, &attrs, sizeof attrs, 1, &x);
}

shoal_tensor shoal_adaptive_avg_pool2d(shoal_model *m, shoal_tensor x, int height, int width) {
    adaptive_avg_pool2d_attrs attrs = {.out_h = height, .out_w = width};
    return add(m, &op_adaptive_avg_pool2d, &attrs, sizeof attrs, 1, &x);
}

shoal_tensor shoal_add(shoal_model *m, shoal_tensor a, shoal_tensor b) {
    return add(m, &op_add, NULL, 0, 2, (shoal_tensor[]){a, b});
}

shoal_tensor shoal_concat(shoal_model *m, const shoal_tensor *x, int count) {
    return add(m, &op_concat, NULL, 0, count > 0 ? count : 0, x);
}

shoal_tensor shoal_pad_channels(shoal_model *m, shoal_tensor x, int64_t before, int64_t after) {
    pad_channels_attrs attrs = {.before = before, .after = after};
    return add(m, &op_pad_channels, &attrs, sizeof attrs, 1, &x);
}

shoal_tensor shoal_flatten(shoal_model *m, shoal_tensor x) {
    return add(m, &op_flatten, NULL, 0, 1, &x);
}

shoal_tensor shoal_dropout(shoal_model *m, shoal_tensor x, double p) {
    if (p == 0)
        return x;
    dropout_attrs attrs = {.p = p};
    return add(m, &op_dropout, &attrs, sizeof attrs, 1, &x);
}
