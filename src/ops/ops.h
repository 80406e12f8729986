/* ops: kinds of operations, one file each, on the kernels of math/. What a kind's fields mean stands in graph/graph.h.
 *
 * A node's attrs are a struct of the kind's name below, from mem_new(). Words are PyTorch's; strides, dilations and groups are at least 1.
 * Parameters are initialised as PyTorch's layers are; whoever wants another initialisation changes the param before graph_seal(). */
#ifndef SHOAL_OPS_H
#define SHOAL_OPS_H

#include "graph/graph.h"

extern const op_kind *const ops[];
extern const int n_ops;

/* No inputs. The batch's pictures as (x / s − mean) / std, s being 255 for uint8, 65535 for uint16, 1 for float32. */
typedef struct input_attrs {
    const char *field; /* NULL: images */
    field_type type;
    shape shape;
    const float *mean, *std; /* a channel; NULL: 0, 1. Read by infer only, which makes other attrs of these */
} input_attrs;
extern const op_kind op_input;

/* Parameters: weight [out_channels, c / groups, kernel_h, kernel_w], and bias where wanted. */
typedef struct conv2d_attrs {
    int64_t out_channels, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
    bool bias;
    bool accurate; /* only algorithms whose rounding is about a plain sum's */
    bool pool;     /* relu and maximum pooling of 2 x 2 behind it; only ops_fuse() sets it */
} conv2d_attrs;
extern const op_kind op_conv2d;

/* Input 1 x 1 x c. Parameters: weight [out_features, c], and bias where wanted. */
typedef struct linear_attrs {
    int64_t out_features;
    bool bias;
} linear_attrs;
extern const op_kind op_linear;

/* Parameters: weight, bias, running_mean, running_var, num_batches_tracked. relu: its output, rectified.
 * batch_norm_add has a second input of the same shape, added before relu; only ops_fuse() makes it. */
typedef struct batch_norm_attrs {
    double eps, momentum;
    bool relu;
} batch_norm_attrs;
extern const op_kind op_batch_norm, op_batch_norm_add;

extern const op_kind op_relu;    /* no attrs */
extern const op_kind op_add;     /* two inputs of one shape; no attrs */
extern const op_kind op_concat;  /* any number of inputs of one plane, joined along channels; no attrs */
extern const op_kind op_flatten; /* to 1 x 1 x c·h·w in PyTorch's order; no attrs */

/* Pads at most half the kernel. ceil_mode: windows that are cut off at the far edge count too. */
typedef struct pool_attrs {
    int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
    bool ceil_mode;
    bool count_include_pad; /* avg_pool2d only */
    bool relu;              /* max_pool2d only: of the rectified input; only ops_fuse() sets it */
} pool_attrs;
extern const op_kind op_max_pool2d, op_avg_pool2d;

typedef struct adaptive_avg_pool2d_attrs {
    int64_t out_h, out_w;
} adaptive_avg_pool2d_attrs;
extern const op_kind op_adaptive_avg_pool2d;

/* Zero channels before and after the input's (He et al. 2015, section 4.2, option A). */
typedef struct pad_channels_attrs {
    int64_t before, after;
} pad_channels_attrs;
extern const op_kind op_pad_channels;

/* Zeroes elements with probability p and scales the others by 1 / (1 − p); training only. The mask is a function of the seed, the step,
 * the node's name, the sample's place in the global batch and the element. */
typedef struct dropout_attrs {
    double p;
} dropout_attrs;
extern const op_kind op_dropout;

/* A root. Input: logits 1 x 1 x k; the batch's labels must lie in [0, k). Output: a sample's loss, times its weight where the samples have
 * weights: then training's mean is the weighted one, as PyTorch's is with weights of classes. Sums: see the enum. A sample that is not
 * present counts nowhere. */
typedef struct softmax_cross_entropy_attrs {
    double label_smoothing;
    const char *field;   /* int32, one number; NULL: labels */
    const char *weights; /* float32, one number; NULL: all samples weigh 1 */
} softmax_cross_entropy_attrs;
extern const op_kind op_softmax_cross_entropy;

/* What softmax_cross_entropy writes to op_call.sums. A sample counts for top-k where fewer than k classes have a larger logit, or an
 * equal one and a lower index; never where its loss is not finite. */
enum { LOSS_WEIGHT, LOSS_SUM, LOSS_TOP1, LOSS_TOP5, LOSS_COUNT, LOSS_N_SUMS }; /* the mean is LOSS_SUM / LOSS_WEIGHT */

/* Graph pass, before graph_seal(): batch_norm → relu, batch_norm → add → relu, batch_norm → add and relu → max_pool2d become one node
 * each, where nobody else uses what lies between. */
void ops_fuse(graph *g);

#endif
