/* VGG: Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition (2015), table 1, columns A, B, D, E, each
 * also with batch normalisation. Names, sizes and initialisation are torchvision's. */
#include <stdio.h>

#include "models/models.h"

enum { STAGES = 5, HIDDEN = 4096 };

typedef struct vgg_config {
    int convs[STAGES]; /* 3 x 3 convolutions before each pooling */
    bool norm;
} vgg_config;

static const int stage_channels[STAGES] = {64, 128, 256, 512, 512};

/* The layers of a torchvision Sequential are named by their place, and those without parameters count. */
typedef struct sequence {
    int next;
    char name[12];
} sequence;

static const char *next_name(sequence *s) {
    snprintf(s->name, sizeof s->name, "%d", s->next++);
    return s->name;
}

static shoal_tensor conv(shoal_model *m, shoal_tensor x, sequence *layers, int channels, bool norm) {
    x = shoal_conv2d(m, x, channels, 3, .pad = 1, .init = SHOAL_INIT_KAIMING_NORMAL_FAN_OUT, .name = next_name(layers));
    if (norm)
        x = shoal_batch_norm(m, x, .name = next_name(layers));
    layers->next++;
    return shoal_relu(m, x);
}

static shoal_tensor features(shoal_model *m, shoal_tensor x, const vgg_config *config) {
    sequence layers = {0};
    shoal_enter(m, "features");
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < config->convs[stage]; i++)
            x = conv(m, x, &layers, stage_channels[stage], config->norm);
        x = shoal_max_pool2d(m, x, 2);
        layers.next++;
    }
    shoal_leave(m);
    return x;
}

static shoal_tensor linear(shoal_model *m, shoal_tensor x, int64_t outputs, const char *name) {
    return shoal_linear(m, x, outputs, .init = SHOAL_INIT_NORMAL, .init_std = 0.01, .name = name);
}

static shoal_tensor classifier(shoal_model *m, shoal_tensor x) {
    double p = shoal_option(m, "dropout");
    shoal_enter(m, "classifier");
    x = shoal_dropout(m, shoal_relu(m, linear(m, x, HIDDEN, "0")), p);
    x = shoal_dropout(m, shoal_relu(m, linear(m, x, HIDDEN, "3")), p);
    x = linear(m, x, shoal_classes(m), "6");
    shoal_leave(m);
    return x;
}

static shoal_tensor vgg(shoal_model *m, shoal_tensor x) {
    x = features(m, x, shoal_config(m));
    x = shoal_adaptive_avg_pool2d(m, x, 7, 7);
    return classifier(m, shoal_flatten(m, x));
}

static const vgg_config a = {{1, 1, 2, 2, 2}, false}, a_norm = {{1, 1, 2, 2, 2}, true};
static const vgg_config b = {{2, 2, 2, 2, 2}, false}, b_norm = {{2, 2, 2, 2, 2}, true};
static const vgg_config d = {{2, 2, 3, 3, 3}, false}, d_norm = {{2, 2, 3, 3, 3}, true};
static const vgg_config e = {{2, 2, 4, 4, 4}, false}, e_norm = {{2, 2, 4, 4, 4}, true};

static const shoal_model_option options[] = {
    {.name = "dropout", .standard = 0.5, .least = 0, .most = 0.99, .what = "probability after each hidden layer of the classifier"},
};

#define VGG(NAME, COLUMN, CONFIG)                                                                                                          \
    {                                                                                                                                      \
        .name = NAME, .what = "Simonyan and Zisserman 2015, table 1, " COLUMN, .build = vgg, .config = CONFIG, .options = options,         \
        .n_options = 1, .channels = 3, .size = 224, .classes = 1000                                                                        \
    }

static const shoal_model_kind kinds[] = {
    VGG("vgg11", "column A", &a),
    VGG("vgg13", "column B", &b),
    VGG("vgg16", "column D", &d),
    VGG("vgg19", "column E", &e),
    VGG("vgg11_bn", "column A, with batch norm", &a_norm),
    VGG("vgg13_bn", "column B, with batch norm", &b_norm),
    VGG("vgg16_bn", "column D, with batch norm", &d_norm),
    VGG("vgg19_bn", "column E, with batch norm", &e_norm),
};

const model_family models_vgg = {kinds, sizeof kinds / sizeof *kinds};
