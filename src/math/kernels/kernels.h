/* What the kernels share. Every file of this folder is compiled once for each instruction set, with SHOAL_ISA its name; MATH(relu) is
 * then math_relu_avx2, and so on. */
#ifndef SHOAL_MATH_KERNELS_H
#define SHOAL_MATH_KERNELS_H

#include "math/kernels/simd.h"
#include "math/math.h"

#define MATH_JOIN(name, isa) math_##name##_##isa
#define MATH_EXPAND(name, isa) MATH_JOIN(name, isa)
#define MATH(name) MATH_EXPAND(name, SHOAL_ISA)

/* ---- elementwise.c ---- */

void MATH(copy)(int64_t n, const float *x, float *y, bool add);
void MATH(add)(int64_t n, const float *a, const float *b, float *y);
void MATH(relu)(int64_t n, const float *x, float *y);
void MATH(relu_backward)(int64_t n, const float *y, const float *dy, float *dx, bool add);
void MATH(sgd)(const math_sgd *rule, int64_t n, const float *g, float *v, float *w);
void MATH(adamw)(const math_adamw *rule, int64_t n, const float *g, float *m, float *v, float *largest, float *w);
void MATH(fill_rows)(int64_t rows, int64_t c, const float *row, float *y);
void MATH(copy_columns)(int64_t rows, int64_t c, const float *x, int64_t ldx, float *y, int64_t ldy, bool add);
void MATH(transpose)(int64_t rows, int64_t columns, const float *x, float *y, bool add);

/* ---- lanes.c ---- */

/* Writes the share that samples [first, last) have in a sum into out[0…count). */
typedef void lane_share(const void *context, int64_t first, int64_t last, float *out);

/* sum[0…count) = the shares of all lanes, added along the tree. stack: (levels − 1) * count floats. */
void MATH(sum_lanes)(const math_lanes *lanes, int64_t count, lane_share *share, const void *context, float *sum, float *stack);

/* ---- norm.c, norm_sums.c ---- */

size_t MATH(sums_scratch)(int64_t c, int levels);
void MATH(sum_rows)(const math_lanes *lanes, int64_t sample_rows, int64_t c, const float *x, float *sums, void *scratch);
void MATH(norm_sums)(int64_t rows, int64_t c, const float *x, double *sum, double *sumsq, void *scratch);
void MATH(norm_forward)(const math_norm *m, const float *x, const float *residual, float *y);
void MATH(norm_grad_sums)(const math_norm *m, const float *x, const float *y, const float *dy, double *sum_dz, double *sum_dz_x,
                          void *scratch);
void MATH(norm_backward)(const math_norm *m, const float *x, const float *y, const float *dy, const float *a, const float *b, float *dx,
                         bool add, float *dresidual, bool add_residual);

/* ---- max_pool.c, avg_pool.c ---- */

void MATH(max_pool)(const math_pool *p, int64_t n, const float *x, float *y, uint8_t *index);
void MATH(max_pool_backward)(const math_pool *p, int64_t n, const uint8_t *index, const float *dy, float *dx, bool add);
void MATH(avg_pool)(const math_pool *p, int64_t n, const float *x, float *y);
void MATH(avg_pool_backward)(const math_pool *p, int64_t n, const float *dy, float *dx, bool add);

/* ---- linear.c, linear_weight.c ---- */

size_t MATH(linear_scratch)(int64_t in, int64_t out, int levels);
size_t MATH(linear_weight_scratch)(int levels);
void MATH(linear_forward)(int64_t n, int64_t in, int64_t out, const float *x, const float *w, const float *bias, int64_t first,
                          int64_t count, float *y, void *scratch);
void MATH(linear_backward_data)(int64_t n, int64_t in, int64_t out, const float *dy, const float *w, int64_t first, int64_t count,
                                float *dx, bool add, void *scratch);
void MATH(linear_backward_weight)(const math_lanes *lanes, int64_t in, int64_t out, const float *x, const float *dy, int64_t first,
                                  int64_t count, float *dw, const math_sink *sink, void *scratch);

/* ---- conv.c: the first algorithm of its list that serves a shape and direction computes it ---- */

typedef struct conv_algorithm {
    const char *name;
    bool (*serves)(const math_conv *g, math_direction d);
    size_t (*scratch)(const math_conv *g, math_direction d, int levels);
    /* Where the weights are used as they are, these three are NULL. */
    size_t (*prepared)(const math_conv *g, math_direction d);
    int (*prepare_parts)(const math_conv *g, math_direction d);
    void (*prepare)(const math_conv *g, math_direction d, const float *w, int part, void *prepared);
    void (*forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch);
    void (*backward_data)(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch);
    int (*weight_parts)(const math_conv *g);
    void (*backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                            void *scratch);
    /* With relu and pooling behind, where it can; or NULL. */
    void (*pooled_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, uint8_t *index,
                           void *scratch);
    void (*pooled_backward_data)(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                                 bool add, void *scratch);
    void (*pooled_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index,
                                   float *dw, float *db, void *scratch);
} conv_algorithm;

extern const conv_algorithm MATH(conv_samples_winograd), MATH(conv_samples), MATH(conv_first), MATH(conv_depthwise);
extern const conv_algorithm MATH(conv_winograd), MATH(conv_winograd_accurate), MATH(conv_pointwise), MATH(conv_col2im), MATH(conv_im2col);

/* The prepare_parts of weights that are prepared in one piece. */
int MATH(conv_one_part)(const math_conv *g, math_direction d);

const char *MATH(conv_name)(const math_conv *g, math_direction d);
size_t MATH(conv_scratch)(const math_conv *g, int levels);
size_t MATH(conv_prepared)(const math_conv *g, math_direction d);
int MATH(conv_prepare_parts)(const math_conv *g, math_direction d);
void MATH(conv_prepare)(const math_conv *g, math_direction d, const float *w, int part, void *prepared);
void MATH(conv_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch);
void MATH(conv_backward_data)(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch);
int MATH(conv_weight_parts)(const math_conv *g);
void MATH(conv_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                void *scratch);

bool MATH(conv_pools)(const math_conv *g);
void MATH(conv_pooled_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                               uint8_t *index, void *scratch);
void MATH(conv_pooled_backward_data)(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                                     bool add, void *scratch);
void MATH(conv_pooled_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index,
                                       float *dw, float *db, void *scratch);

/* ---- filter.c ---- */

void MATH(filter_along_rows)(const math_filter *f, int64_t rows, int64_t c, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy);
void MATH(filter_along_columns)(const math_filter *f, int64_t row_bytes, const uint8_t *x, int64_t ldx, uint8_t *y, int64_t ldy);

/* ---- peak.c ---- */

double MATH(peak)(int64_t rounds, float *value);

extern const math_kernels MATH(kernels);

#endif
