/* ResNet for 32 x 32 pictures: He, Zhang, Ren, Sun: Deep residual learning for image recognition (2015), section 4.2: 6n + 2 layers,
 * shortcuts without parameters (option A: every second pixel, missing channels zero). Initialisation as the paper says: He et al. 2015a. */
#include "models/models.h"

enum { STAGES = 3 };

typedef struct resnet_cifar_config {
    int blocks; /* n: of each stage */
} resnet_cifar_config;

static shoal_tensor conv(shoal_model *m, shoal_tensor x, int channels, int stride, const char *name) {
    return shoal_conv2d(m, x, channels, 3, .stride = stride, .pad = 1, .no_bias = true, .init = SHOAL_INIT_KAIMING_NORMAL_FAN_IN,
                        .name = name);
}

static shoal_tensor shortcut(shoal_model *m, shoal_tensor x, int channels, int stride) {
    int64_t missing = channels - shoal_channels(m, x);
    if (stride == 1 && missing == 0)
        return x;
    x = shoal_avg_pool2d(m, x, 1, .stride = stride);
    return shoal_pad_channels(m, x, missing / 2, missing - missing / 2);
}

static shoal_tensor block(shoal_model *m, shoal_tensor x, int channels, int stride) {
    shoal_tensor y = conv(m, x, channels, stride, "conv1");
    y = shoal_relu(m, shoal_batch_norm(m, y, .name = "bn1"));
    y = conv(m, y, channels, 1, "conv2");
    y = shoal_batch_norm(m, y, .name = "bn2", .zero_init = shoal_option(m, "zero_init_residual") != 0);
    return shoal_relu(m, shoal_add(m, y, shortcut(m, x, channels, stride)));
}

static shoal_tensor resnet_cifar(shoal_model *m, shoal_tensor x) {
    const resnet_cifar_config *config = shoal_config(m);
    x = conv(m, x, 16, 1, "conv1");
    x = shoal_relu(m, shoal_batch_norm(m, x, .name = "bn1"));
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < config->blocks; i++) {
            shoal_enter(m, "layer%d.%d", stage + 1, i);
            x = block(m, x, 16 << stage, stage > 0 && i == 0 ? 2 : 1);
            shoal_leave(m);
        }
    x = shoal_flatten(m, shoal_adaptive_avg_pool2d(m, x, 1, 1));
    x = shoal_dropout(m, x, shoal_option(m, "dropout"));
    return shoal_linear(m, x, shoal_classes(m), .name = "fc");
}

static const shoal_model_option options[] = {
    {.name = "zero_init_residual",
     .standard = 0,
     .least = 0,
     .most = 1,
     .is_bool = true,
     .what = "each block's last batch norm starts at 0 (Goyal et al. 2017)"},
    {.name = "dropout", .standard = 0, .least = 0, .most = 0.99, .what = "probability before fc"},
};

#define RESNET(NAME, BLOCKS)                                                                                                               \
    {                                                                                                                                      \
        .name = NAME, .what = "He et al. 2015, section 4.2 (32 x 32)", .build = resnet_cifar,                                              \
        .config = &(const resnet_cifar_config){BLOCKS}, .options = options, .n_options = sizeof options / sizeof *options, .channels = 3,  \
        .size = 32, .classes = 10                                                                                                          \
    }

static const shoal_model_kind kinds[] = {
    RESNET("resnet20", 3), RESNET("resnet32", 5), RESNET("resnet44", 7), RESNET("resnet56", 9), RESNET("resnet110", 18),
};

const model_family models_resnet_cifar = {kinds, sizeof kinds / sizeof *kinds};
