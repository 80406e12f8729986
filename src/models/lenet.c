/* LeNet-5: LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998), as it is usually built today:
 * ReLU and maximum pooling, every map of conv2 sees every map of conv1. Pictures of 28 x 28 (padded by 2, as the paper pads them) or more.
 */
#include "models/models.h"

static shoal_tensor lenet5(shoal_model *m, shoal_tensor x) {
    x = shoal_relu(m, shoal_conv2d(m, x, 6, 5, .pad = 2, .name = "conv1"));
    x = shoal_max_pool2d(m, x, 2);
    x = shoal_relu(m, shoal_conv2d(m, x, 16, 5, .name = "conv2"));
    x = shoal_max_pool2d(m, x, 2);
    x = shoal_flatten(m, x);
    x = shoal_relu(m, shoal_linear(m, x, 120, .name = "fc1"));
    x = shoal_relu(m, shoal_linear(m, x, 84, .name = "fc2"));
    return shoal_linear(m, x, shoal_classes(m), .name = "fc3");
}

static const shoal_model_kind kinds[] = {
    {.name = "lenet5",
     .what = "LeCun et al. 1998, with ReLU and maximum pooling",
     .build = lenet5,
     .channels = 1,
     .size = 28,
     .classes = 10},
};

const model_family models_lenet = {kinds, sizeof kinds / sizeof *kinds};
