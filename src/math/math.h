/* math: kernels on plain pointers, single-threaded. Activations are float32 [n, h, w, c]; a "row" is one pixel's channels.
 * Where an argument `add` is true, results are added to what the output holds; otherwise they replace it. */
#ifndef SHOAL_MATH_H
#define SHOAL_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before anything else of this room, on one thread: BLAS single-threaded, and with kernels that suit the processor. */
void math_init(void);

/* What multiplies matrices: `OpenBLAS 0.3.21, SkylakeX kernels`. */
const char *math_blas(void);

/* c[m, n] = op(a)[m, k] · op(b)[k, n] + beta · c, row-major; op transposes where ta or tb is true. */
void math_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
               float *c, int64_t ldc);

static inline int64_t math_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* ---- elementwise ---- */

void math_copy(int64_t n, const float *x, float *y, bool add);
void math_add(int64_t n, const float *a, const float *b, float *y);
void math_relu(int64_t n, const float *x, float *y);
void math_relu_backward(int64_t n, const float *y, const float *dy, float *dx, bool add);

/* The same row into every row; sums over rows (scratch: math_sums_scratch). */
void math_fill_rows(int64_t rows, int64_t c, const float *row, float *y);
void math_sum_rows(int64_t rows, int64_t c, const float *x, float *sums, void *scratch);

/* Columns [0, c) of rows that are ldx and ldy apart. */
void math_copy_columns(int64_t rows, int64_t c, const float *x, int64_t ldx, float *y, int64_t ldy, bool add);

/* y[columns, rows] from x[rows, columns]. */
void math_transpose(int64_t rows, int64_t columns, const float *x, float *y, bool add);

/* ---- batch normalisation ---- */

/* y = (x − mean) · scale + shift + residual, then relu; scale is gamma / standard deviation, shift is beta. */
typedef struct math_norm {
    int64_t rows, c;
    const float *mean, *scale, *shift;
    bool relu;
} math_norm;

size_t math_sums_scratch(int64_t c); /* bytes for the sums below */

/* Adds Σx and Σx² over the rows to sum[c], sumsq[c]. Robust against means that are large beside the deviation. */
void math_norm_sums(int64_t rows, int64_t c, const float *x, double *sum, double *sumsq, void *scratch);

void math_norm_forward(const math_norm *m, const float *x, const float *residual, float *y);

/* With dz = dy where relu let pass, else 0: adds Σdz and Σdz·(x − mean). `y` says where relu let pass; NULL: there was no residual, and
 * it follows from x. */
void math_norm_grad_sums(const math_norm *m, const float *x, const float *y, const float *dy, double *sum_dz, double *sum_dz_x,
                         void *scratch);

/* dx = dz · scale + (x − mean) · a + b, with a[c], b[c]; dresidual = dz where it is not NULL. dx or dresidual may be dy. */
void math_norm_backward(const math_norm *m, const float *x, const float *y, const float *dy, const float *a, const float *b, float *dx,
                        bool add, float *dresidual, bool add_residual);

/* ---- pooling ---- */

typedef struct math_pool {
    int64_t h, w, c, oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    bool adaptive;      /* bins of PyTorch's rule [⌊i·h/oh⌋, ⌈(i+1)·h/oh⌉) instead of kernel, stride and padding */
    bool count_padding; /* an average's divisor counts padding */
} math_pool;

/* `index` [n, oh, ow, c]: which element of the window is largest (kh * kw ≤ 256); may be NULL. */
void math_max_pool(const math_pool *p, int64_t n, const float *x, float *y, uint8_t *index);
void math_max_pool_backward(const math_pool *p, int64_t n, const uint8_t *index, const float *dy, float *dx, bool add);
void math_avg_pool(const math_pool *p, int64_t n, const float *x, float *y);
void math_avg_pool_backward(const math_pool *p, int64_t n, const float *dy, float *dx, bool add);

/* ---- convolution ---- */

/* Weights lie as [kh, kw, c / groups, oc]: a matrix of kh·kw·c/groups rows. */
typedef struct math_conv {
    int64_t h, w, c, oh, ow, oc;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t groups;
} math_conv;

size_t math_conv_scratch(const math_conv *g); /* bytes for each of the functions below */

void math_conv_forward(const math_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y, void *scratch);
void math_conv_backward_data(const math_conv *g, int64_t n, const float *dy, const float *w, float *dx, bool add, void *scratch);

/* Rows [first, first + count) of the weight matrix's gradient: rows of whole taps, or a part of one tap. */
void math_conv_backward_weight(const math_conv *g, int64_t n, const float *x, const float *dy, int64_t first, int64_t count, float *dw,
                               void *scratch);

/* Part of every pixel's window: taps [tap, tap + taps) in kernel order, channels [channel, channel + channels). */
typedef struct math_window {
    int64_t tap, taps, channel, channels;
} math_window;

/* Output pixels [first, first + rows) of the batch become rows of `col`: the window's part of the input, taps · channels floats each. */
void math_im2col(const math_conv *g, math_window part, int64_t first, int64_t rows, const float *x, float *col);
void math_col2im(const math_conv *g, math_window part, int64_t first, int64_t rows, const float *col, float *dx); /* adds */

/* groups = c (each channel by itself), oc a multiple of c. */
void math_depthwise_forward(const math_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y);
void math_depthwise_backward_data(const math_conv *g, int64_t n, const float *dy, const float *w, float *dx);   /* adds */
void math_depthwise_backward_weight(const math_conv *g, int64_t n, const float *x, const float *dy, float *dw); /* whole, adds */

/* ---- fully connected: w [out, in] ---- */

void math_linear_forward(int64_t n, int64_t in, int64_t out, const float *x, const float *w, const float *bias, float *y);
void math_linear_backward_data(int64_t n, int64_t in, int64_t out, const float *dy, const float *w, float *dx, bool add);

/* Rows [first, first + count) of w's gradient. */
void math_linear_backward_weight(int64_t n, int64_t in, int64_t out, const float *x, const float *dy, int64_t first, int64_t count,
                                 float *dw);

/* ---- classification ---- */

/* p = softmax(x) (may be NULL); returns −Σ_k q_k log p_k with q = (1 − smoothing) · [k = label] + smoothing / k. */
double math_softmax_loss(int64_t k, const float *x, int64_t label, double smoothing, float *p);

/* How many logits come before the label's: the larger ones, and equal ones of lower index. */
int64_t math_rank(int64_t k, const float *x, int64_t label);

#endif
