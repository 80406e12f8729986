/* ResNet for ImageNet: He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015), table 1, with option B shortcuts; in a
 * bottleneck the 3 x 3 convolution has the stride ("v1.5"). Names, sizes and initialisation are torchvision's. */
#include "models/models.h"

enum { STAGES = 4, EXPANSION = 4 };

typedef struct resnet_config {
    shoal_tensor (*block)(shoal_model *m, shoal_tensor x, int width, int stride);
    int blocks[STAGES];
} resnet_config;

static shoal_tensor conv(shoal_model *m, shoal_tensor x, int channels, int kernel, int stride, const char *name) {
    return shoal_conv2d(m, x, channels, kernel, .stride = stride, .pad = kernel / 2, .no_bias = true,
                        .init = SHOAL_INIT_KAIMING_NORMAL_FAN_OUT, .name = name);
}

static shoal_tensor norm_relu(shoal_model *m, shoal_tensor x, const char *name) {
    return shoal_relu(m, shoal_batch_norm(m, x, .name = name));
}

static shoal_tensor shortcut(shoal_model *m, shoal_tensor x, int channels, int stride) {
    if (stride == 1 && shoal_channels(m, x) == channels)
        return x;
    shoal_enter(m, "downsample");
    x = conv(m, x, channels, 1, stride, "0");
    x = shoal_batch_norm(m, x, .name = "1");
    shoal_leave(m);
    return x;
}

static bool zero_init(shoal_model *m) {
    return shoal_option(m, "zero_init_residual") != 0;
}

static shoal_tensor basic_block(shoal_model *m, shoal_tensor x, int width, int stride) {
    shoal_tensor y = norm_relu(m, conv(m, x, width, 3, stride, "conv1"), "bn1");
    y = conv(m, y, width, 3, 1, "conv2");
    y = shoal_batch_norm(m, y, .name = "bn2", .zero_init = zero_init(m));
    return shoal_relu(m, shoal_add(m, y, shortcut(m, x, width, stride)));
}

static shoal_tensor bottleneck(shoal_model *m, shoal_tensor x, int width, int stride) {
    shoal_tensor y = norm_relu(m, conv(m, x, width, 1, 1, "conv1"), "bn1");
    y = norm_relu(m, conv(m, y, width, 3, stride, "conv2"), "bn2");
    y = conv(m, y, width * EXPANSION, 1, 1, "conv3");
    y = shoal_batch_norm(m, y, .name = "bn3", .zero_init = zero_init(m));
    return shoal_relu(m, shoal_add(m, y, shortcut(m, x, width * EXPANSION, stride)));
}

static shoal_tensor stage(shoal_model *m, shoal_tensor x, const resnet_config *config, int index) {
    for (int block = 0; block < config->blocks[index]; block++) {
        shoal_enter(m, "layer%d.%d", index + 1, block);
        x = config->block(m, x, 64 << index, index > 0 && block == 0 ? 2 : 1);
        shoal_leave(m);
    }
    return x;
}

static shoal_tensor resnet(shoal_model *m, shoal_tensor x) {
    x = norm_relu(m, conv(m, x, 64, 7, 2, "conv1"), "bn1");
    x = shoal_max_pool2d(m, x, 3, .stride = 2, .pad = 1);
    for (int i = 0; i < STAGES; i++)
        x = stage(m, x, shoal_config(m), i);
    x = shoal_flatten(m, shoal_adaptive_avg_pool2d(m, x, 1, 1));
    x = shoal_dropout(m, x, shoal_option(m, "dropout"));
    return shoal_linear(m, x, shoal_classes(m), .name = "fc");
}

static const resnet_config resnet18 = {basic_block, {2, 2, 2, 2}};
static const resnet_config resnet34 = {basic_block, {3, 4, 6, 3}};
static const resnet_config resnet50 = {bottleneck, {3, 4, 6, 3}};
static const resnet_config resnet101 = {bottleneck, {3, 4, 23, 3}};
static const resnet_config resnet152 = {bottleneck, {3, 8, 36, 3}};

static const shoal_model_option options[] = {
    {.name = "zero_init_residual",
     .standard = 0,
     .least = 0,
     .most = 1,
     .is_bool = true,
     .what = "each block's last batch norm starts at 0 (Goyal et al. 2017)"},
    {.name = "dropout", .standard = 0, .least = 0, .most = 0.99, .what = "probability before fc"},
};

#define RESNET(NAME)                                                                                                                       \
    {                                                                                                                                      \
        .name = #NAME, .what = "He et al. 2015, table 1", .build = resnet, .config = &NAME, .options = options,                            \
        .n_options = sizeof options / sizeof *options, .channels = 3, .size = 224, .classes = 1000                                         \
    }

static const shoal_model_kind kinds[] = {
    RESNET(resnet18), RESNET(resnet34), RESNET(resnet50), RESNET(resnet101), RESNET(resnet152),
};

const model_family models_resnet = {kinds, sizeof kinds / sizeof *kinds};
