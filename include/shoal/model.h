/* Building networks. A model is a function from a tensor of pictures to a tensor of logits:
 *
 *     static shoal_tensor tiny(shoal_model *m, shoal_tensor x) {
 *         x = shoal_relu(m, shoal_conv2d(m, x, 16, 3, .pad = 1, .name = "conv1"));
 *         x = shoal_max_pool2d(m, x, 2);
 *         x = shoal_flatten(m, x);
 *         return shoal_linear(m, x, shoal_classes(m), .name = "fc");
 *     }
 *
 * Arguments after the fixed ones are named, as members of the options struct: `.stride = 2`. What is left out has PyTorch's default.
 * A call after an error passes through; building the network reports the first error with its scope. None of these functions is
 * collective, but every rank must build the same network. Tensors are float32, [n, c, h, w] in PyTorch's words. */
#ifndef SHOAL_MODEL_H
#define SHOAL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SHOAL_API __attribute__((visibility("default")))
#else
#define SHOAL_API
#endif

typedef struct shoal_model shoal_model;

/* A value in the network. */
typedef struct shoal_tensor {
    int index;
} shoal_tensor;

/* ---- scopes: the parts of parameter names ---- */

/* Layers built until shoal_leave() are named `NAME.…`: shoal_enter(m, "layer%d.%d", stage, block). */
SHOAL_API void shoal_enter(shoal_model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
SHOAL_API void shoal_leave(shoal_model *m);

/* ---- layers with parameters: `name` is the last part of their names ---- */

typedef enum shoal_init {
    SHOAL_INIT_DEFAULT,                /* what PyTorch's layer does: uniform in ±1/√fan_in (weights and bias) */
    SHOAL_INIT_KAIMING_NORMAL_FAN_OUT, /* He et al. 2015a, for ReLU; bias 0 */
    SHOAL_INIT_KAIMING_NORMAL_FAN_IN,
    SHOAL_INIT_XAVIER_UNIFORM,         /* Glorot and Bengio 2010; bias 0 */
    SHOAL_INIT_XAVIER_NORMAL,
    SHOAL_INIT_NORMAL,                 /* standard deviation .init_std; bias 0 */
} shoal_init;

/* The macros below take options as `64, 3, .stride = 2`: the first members by place, others by name. `end` only keeps compilers from
 * asking for the members that are left out. */

typedef struct shoal_conv2d_options {
    int64_t channels;          /* of the output */
    int kernel;                /* square, unless kernel_w is given */
    int stride, pad, dilation; /* 0: PyTorch's default (1, 0, 1) */
    int kernel_w, pad_w;       /* 0: as kernel and pad; -1 for pad_w: no padding */
    int groups;                /* 0: 1 */
    bool no_bias;
    shoal_init init;
    double init_std;           /* SHOAL_INIT_NORMAL */
    const char *name;          /* default `conv` */
    char end;
} shoal_conv2d_options;

/* x [n, c, h, w] → [n, channels, oh, ow], zero padding. */
#define shoal_conv2d(m, x, ...) shoal_conv2d_with((m), (x), (shoal_conv2d_options){__VA_ARGS__, .end = 0})
SHOAL_API shoal_tensor shoal_conv2d_with(shoal_model *m, shoal_tensor x, shoal_conv2d_options options);

typedef struct shoal_linear_options {
    int64_t features;
    bool no_bias;
    shoal_init init;
    double init_std;
    const char *name;          /* default `fc` */
    char end;
} shoal_linear_options;

/* x [n, c] → [n, features]. A picture must be flattened before. */
#define shoal_linear(m, x, ...) shoal_linear_with((m), (x), (shoal_linear_options){__VA_ARGS__, .end = 0})
SHOAL_API shoal_tensor shoal_linear_with(shoal_model *m, shoal_tensor x, shoal_linear_options options);

typedef struct shoal_batch_norm_options {
    const char *name;          /* default `bn` */
    bool zero_init;            /* weight starts at 0 instead of 1 (Goyal et al. 2017) */
    double eps, momentum;      /* 0: 1e-5, 0.1 */
    char end;
} shoal_batch_norm_options;

/* Ioffe and Szegedy 2015; statistics over the global batch unless the job says otherwise. `shoal_batch_norm(m, x, .name = "bn1")`. */
#define shoal_batch_norm(m, x, ...) shoal_batch_norm_with((m), (x), (shoal_batch_norm_options){__VA_ARGS__, .end = 0})
SHOAL_API shoal_tensor shoal_batch_norm_with(shoal_model *m, shoal_tensor x, shoal_batch_norm_options options);

/* ---- layers without parameters ---- */

SHOAL_API shoal_tensor shoal_relu(shoal_model *m, shoal_tensor x);

typedef struct shoal_pool2d_options {
    int kernel;
    int stride, pad;           /* 0: kernel, 0 */
    bool ceil_mode;
    char end;
} shoal_pool2d_options;

#define shoal_max_pool2d(m, x, ...) shoal_max_pool2d_with((m), (x), (shoal_pool2d_options){__VA_ARGS__, .end = 0})
SHOAL_API shoal_tensor shoal_max_pool2d_with(shoal_model *m, shoal_tensor x, shoal_pool2d_options options);

/* Padding counts as zeros in the mean, as in PyTorch. */
#define shoal_avg_pool2d(m, x, ...) shoal_avg_pool2d_with((m), (x), (shoal_pool2d_options){__VA_ARGS__, .end = 0})
SHOAL_API shoal_tensor shoal_avg_pool2d_with(shoal_model *m, shoal_tensor x, shoal_pool2d_options options);

/* x [n, c, h, w] → [n, c, height, width] */
SHOAL_API shoal_tensor shoal_adaptive_avg_pool2d(shoal_model *m, shoal_tensor x, int height, int width);

/* Equal shapes. */
SHOAL_API shoal_tensor shoal_add(shoal_model *m, shoal_tensor a, shoal_tensor b);

/* Along channels. */
SHOAL_API shoal_tensor shoal_concat(shoal_model *m, const shoal_tensor *x, int count);

/* Zero channels put before and after. */
SHOAL_API shoal_tensor shoal_pad_channels(shoal_model *m, shoal_tensor x, int64_t before, int64_t after);

/* x [n, c, h, w] → [n, c * h * w], in that order. */
SHOAL_API shoal_tensor shoal_flatten(shoal_model *m, shoal_tensor x);

/* Zeroes elements with probability p and scales the others by 1 / (1 - p); training only. */
SHOAL_API shoal_tensor shoal_dropout(shoal_model *m, shoal_tensor x, double p);

/* ---- what the network is built for ---- */

SHOAL_API int64_t shoal_classes(const shoal_model *m);
SHOAL_API int64_t shoal_channels(const shoal_model *m, shoal_tensor x);
SHOAL_API int64_t shoal_height(const shoal_model *m, shoal_tensor x);
SHOAL_API int64_t shoal_width(const shoal_model *m, shoal_tensor x);

/* The job's `model.NAME`, or its default. The model must list the option. Booleans are 0 and 1. */
SHOAL_API double shoal_option(shoal_model *m, const char *name);

/* The config of the model_kind being built. */
SHOAL_API const void *shoal_config(const shoal_model *m);

/* Reports that the network cannot be built; the scope is added. */
SHOAL_API void shoal_error(shoal_model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- models by name ---- */

typedef struct shoal_model_option {
    const char *name;
    double standard, least, most; /* the default and the range */
    bool is_bool;
    const char *what;             /* one line for people */
} shoal_model_option;

typedef struct shoal_model_kind {
    const char *name;             /* as in the job: `model.name` */
    const char *what;             /* one line: paper, year */
    shoal_tensor (*build)(shoal_model *m, shoal_tensor images); /* returns the logits [n, classes] */
    const void *config;           /* for families that share a build function */
    const shoal_model_option *options;
    int n_options;
    int channels, size, classes;  /* what `shoal model` and `shoal bench` assume: 3, 224, 1000 */
} shoal_model_kind;

/* Makes an own model known to jobs and to every subcommand. Before shoal_main(). The struct must stay. Returns 0, or -1 where the name is
 * taken. */
SHOAL_API int shoal_register_model(const shoal_model_kind *kind);

#endif
