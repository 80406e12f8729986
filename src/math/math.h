/* math: kernels on plain pointers, single-threaded. Activations are float32 [n, h, w, c]; a "row" is one pixel's channels.
 * Where an argument `add` is true, results are added to what the output holds; otherwise they replace it.
 *
 * Kernels (kernels/) are built once for every instruction set; math_init() picks the table of the best one that the processor has, or of
 * the one that the environment's SHOAL_ISA names. Callers write math->relu(…). */
#ifndef SHOAL_MATH_H
#define SHOAL_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

static inline int64_t math_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t math_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* ---- shapes that kernels are given ---- */

/* y = (x − mean) · scale + shift + residual, then relu; scale is gamma / standard deviation, shift is beta.
 * bits: where relu let pass, a bit an element, written by norm_forward with a residual and read by the others instead of y, of which they
 * are a 32nd. Only where c is a multiple of 16. */
typedef struct math_norm {
    int64_t rows, c;
    const float *mean, *scale, *shift;
    bool relu;
    uint8_t *bits; /* rows · c / 8, or NULL */
} math_norm;

typedef struct math_sgd {
    float lr, momentum, weight_decay;
    bool nesterov;
} math_sgd;

typedef struct math_adamw {
    float keep;           /* of a weight: 1 − lr · weight_decay */
    float beta1, share1;  /* of the mean and of the gradient: β₁, 1 − β₁ */
    float beta2, share2;
    float rate;           /* lr / (1 − β₁ᵗ) */
    float root;           /* √(1 − β₂ᵗ) */
    float eps;
} math_adamw;

typedef struct math_pool {
    int64_t h, w, c, oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    bool adaptive;      /* bins of PyTorch's rule [⌊i·h/oh⌋, ⌈(i+1)·h/oh⌉) instead of kernel, stride and padding */
    bool count_padding; /* an average's divisor counts padding */
    bool relu;          /* of a maximum: rectified */
} math_pool;

/* Of a rectified maximum's index: no element of the window is above 0. */
enum { MATH_NO_ELEMENT = 255 };

/* Weights lie as [kh, kw, c / groups, oc]: a matrix of kh·kw·c/groups rows. */
typedef struct math_conv {
    int64_t h, w, c, oh, ow, oc;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t groups;
    bool accurate; /* only algorithms whose rounding is that of a plain sum, or close to it */
} math_conv;

typedef enum math_direction {
    MATH_FORWARD,
    MATH_BACKWARD_DATA,
    MATH_BACKWARD_WEIGHT,
} math_direction;

/* Takes a large result piece by piece, on the thread that made the piece, while it is still in cache: values[0…count) are elements
 * [first, first + count), counted from `origin` for the result's first one. What `take` reads and writes of touched[…] (or NULL) is at the
 * same places, and is fetched while the piece is made. */
enum { MATH_SINK_TOUCHED = 3 };

typedef struct math_sink {
    void (*take)(void *context, int64_t first, int64_t count, const float *values);
    void *context;
    const float *touched[MATH_SINK_TOUCHED];
    int64_t origin;
} math_sink;

/* Output i of `count` is the sum of inputs first[i] … first[i] + taps − 1 times weights[i · taps …], in 1/2^22; weights are not negative
 * and add up to 1 but for rounding. */
enum { MATH_FILTER_BITS = 22 };

typedef struct math_filter {
    int64_t count, taps;
    const int32_t *first, *weights;
} math_filter;

/* Whose shares of a sum over samples are added up along the lane tree: lane i holds samples [bounds[i], bounds[i + 1]) of the call's
 * (perhaps none), and after its share has been pushed, the merges[i] newest partial sums are added, one after the other, to the one
 * below: sum[depth − 2] += sum[depth − 1]. After the last lane one is left. At most `levels` wait at any time. */
typedef struct math_lanes {
    int count, levels;
    const int64_t *bounds;
    const int *merges;
} math_lanes;

/* ---- the table ---- */

typedef struct math_kernels {
    const char *isa; /* `avx2` */

    /* elementwise */
    void (*copy)(int64_t n, const float *x, float *y, bool add);
    void (*add)(int64_t n, const float *a, const float *b, float *y);
    void (*relu)(int64_t n, const float *x, float *y);
    void (*relu_backward)(int64_t n, const float *y, const float *dy, float *dx, bool add);
    /* Sums of rows, `sample_rows` rows a sample, over the lanes; scratch: sums_scratch. */
    void (*sum_rows)(const math_lanes *lanes, int64_t sample_rows, int64_t c, const float *x, float *sums, void *scratch);
    /* Columns [0, c) of rows that are ldx and ldy apart. */
    void (*copy_columns)(int64_t rows, int64_t c, const float *x, int64_t ldx, float *y, int64_t ldy, bool add);
    void (*transpose)(int64_t rows, int64_t columns, const float *x, float *y, bool add); /* y[columns, rows] from x[rows, columns] */

    /* Gradient descent with momentum: g += weight_decay · w, v = momentum · v + g, w −= lr · v; nesterov: w −= lr · (g + momentum · v). */
    void (*sgd)(const math_sgd *rule, int64_t n, const float *g, float *v, float *w);
    /* w *= keep, m = beta1 · m + share1 · g, v = beta2 · v + share2 · g², w −= rate · m / (√v / root + eps); with `largest` (or NULL)
     * that of all v so far stands in the divisor. */
    void (*adamw)(const math_adamw *rule, int64_t n, const float *g, float *m, float *v, float *largest, float *w);

    /* batch normalisation. The sums are robust against means that are large beside the deviation. */
    size_t (*sums_scratch)(int64_t c, int levels); /* bytes for sum_rows, norm_sums and norm_grad_sums */
    void (*norm_sums)(int64_t rows, int64_t c, const float *x, double *sum, double *sumsq, void *scratch); /* adds Σx, Σx² */
    void (*norm_forward)(const math_norm *m, const float *x, const float *residual, float *y);
    /* With dz = dy where relu let pass, else 0: adds Σdz and Σdz·(x − mean). Where relu let pass is known from m->bits or else from `y`;
     * without both there was no residual, and it follows from x. */
    void (*norm_grad_sums)(const math_norm *m, const float *x, const float *y, const float *dy, double *sum_dz, double *sum_dz_x,
                           void *scratch);
    /* dx = dz · scale + (x − mean) · a + b, with a[c], b[c]; dresidual = dz where it is not NULL. dx or dresidual may be dy. */
    void (*norm_backward)(const math_norm *m, const float *x, const float *y, const float *dy, const float *a, const float *b, float *dx,
                          bool add, float *dresidual, bool add_residual);

    /* pooling; `index` [n, oh, ow, c]: which element of the window is largest (kh * kw ≤ 256), or with relu (kh * kw ≤ 255)
     * perhaps MATH_NO_ELEMENT; may be NULL */
    void (*max_pool)(const math_pool *p, int64_t n, const float *x, float *y, uint8_t *index);
    void (*max_pool_backward)(const math_pool *p, int64_t n, const uint8_t *index, const float *dy, float *dx, bool add);
    void (*avg_pool)(const math_pool *p, int64_t n, const float *x, float *y);
    void (*avg_pool_backward)(const math_pool *p, int64_t n, const float *dy, float *dx, bool add);

    /* convolution. Forward and backward-data of a sample are the same bits whatever n is. The weights are brought into the form that
     * the shape's algorithm wants once a step: conv_prepare, in parts that may run side by side; where conv_prepared is 0 bytes the
     * weights themselves are given instead. The weight gradient is made in parts that may run side by side; each is summed over the
     * lanes and replaces its share of dw. */
    const char *(*conv_algorithm)(const math_conv *g, math_direction d); /* `im2col`, `winograd 4x4` */
    size_t (*conv_scratch)(const math_conv *g, int levels);              /* bytes for each call below; levels as in math_lanes */
    size_t (*conv_prepared)(const math_conv *g, math_direction d);
    int (*conv_prepare_parts)(const math_conv *g, math_direction d);
    void (*conv_prepare)(const math_conv *g, math_direction d, const float *w, int part, void *prepared);
    void (*conv_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch);
    void (*conv_backward_data)(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch);
    int (*conv_weight_parts)(const math_conv *g);
    void (*conv_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                 void *scratch);

    /* Convolution, relu and maximum pooling of 2 × 2 in one, of the shapes for which conv_pools says so: y, dy and index are pooled, index
     * as max_pool's (NULL in a forward pass that has no backward). Weights are prepared as above; the scratch memory is the same. The
     * gradients of weights and bias are made in one part; either may be NULL. */
    bool (*conv_pools)(const math_conv *g);
    void (*conv_pooled_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                                uint8_t *index, void *scratch);
    void (*conv_pooled_backward_data)(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                                      bool add, void *scratch);
    void (*conv_pooled_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index,
                                        float *dw, float *db, void *scratch);

    /* fully connected: w [out, in]; all samples at once, and a part [first, first + count) of the outputs or, for dx, of the inputs */
    size_t (*linear_scratch)(int64_t in, int64_t out, int levels); /* bytes for each call below */
    void (*linear_forward)(int64_t n, int64_t in, int64_t out, const float *x, const float *w, const float *bias, int64_t first,
                           int64_t count, float *y, void *scratch);
    void (*linear_backward_data)(int64_t n, int64_t in, int64_t out, const float *dy, const float *w, int64_t first, int64_t count,
                                 float *dx, bool add, void *scratch);
    void (*linear_backward_weight)(const math_lanes *lanes, int64_t in, int64_t out, const float *x, const float *dy, int64_t first,
                                   int64_t count, float *dw, const math_sink *sink, void *scratch); /* rows of dw, or to the sink */

    /* Pictures of bytes, filtered along rows of c = 1 or 3 channels (x is read to 3 bytes beyond its end), or along columns. The same bits
     * from every set of kernels. */
    void (*filter_along_rows)(const math_filter *f, int64_t rows, int64_t c, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy);
    void (*filter_along_columns)(const math_filter *f, int64_t row_bytes, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy);

    /* Multiplies and adds in registers only, as fast as the core can; returns how many floating-point operations that were. *value is
     * read and overwritten, so that nothing is left out. */
    double (*peak)(int64_t rounds, float *value);
} math_kernels;

/* The chosen table; the portable one until math_init(). */
extern const math_kernels *math;

/* Before anything else of this room, on one thread: picks the kernels.
 * An error where SHOAL_ISA names a set that is unknown or that the processor lacks. */
err math_init(void);

/* ---- classification ---- */

/* p = softmax(x) (may be NULL); returns −Σ_k q_k log p_k with q = (1 − smoothing) · [k = label] + smoothing / k. */
double math_softmax_loss(int64_t k, const float *x, int64_t label, double smoothing, float *p);

/* How many logits come before the label's: the larger ones, and equal ones of lower index. */
int64_t math_rank(int64_t k, const float *x, int64_t label);

#endif
