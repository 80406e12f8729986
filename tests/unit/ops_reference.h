/* Every op again, in double and in plain loops, as the text books define them: what the kernels are measured against. */
#ifndef OPS_REFERENCE_H
#define OPS_REFERENCE_H

#include <math.h>

#include "ops/ops.h"

/* One node on n samples. w: its trained parameters in memory's order; extra: what a reference needs besides (a mask, labels). */
typedef struct problem {
    const node *node;
    int64_t n;
    double *x[3], *w[2];
    const double *extra;
} problem;

typedef void reference(const problem *p, double *y);

static shape in_shape(const problem *p, int i) {
    return p->node->inputs[i]->out;
}

static int64_t at(shape s, int64_t i, int64_t h, int64_t w, int64_t c) {
    return ((i * s.h + h) * s.w + w) * s.c + c;
}

/* Walks over all elements of the output. */
#define FOR_OUTPUT(p, s)                                                                                                                   \
    shape s = (p)->node->out;                                                                                                              \
    for (int64_t i = 0; i < (p)->n; i++)                                                                                                   \
        for (int64_t h = 0; h < s.h; h++)                                                                                                  \
            for (int64_t w = 0; w < s.w; w++)                                                                                              \
                for (int64_t c = 0; c < s.c; c++)

static void reference_conv2d(const problem *p, double *y) {
    const conv2d_attrs *a = p->node->attrs;
    shape in = in_shape(p, 0);
    int64_t ic = in.c / a->groups, oc = a->out_channels / a->groups;
    FOR_OUTPUT(p, s) {
        double sum = a->bias ? p->w[1][c] : 0;
        for (int64_t kh = 0; kh < a->kernel_h; kh++)
            for (int64_t kw = 0; kw < a->kernel_w; kw++) {
                int64_t ih = h * a->stride_h - a->pad_h + kh * a->dilation_h, iw = w * a->stride_w - a->pad_w + kw * a->dilation_w;
                if (ih < 0 || iw < 0 || ih >= in.h || iw >= in.w)
                    continue;
                for (int64_t k = 0; k < ic; k++)
                    sum += p->x[0][at(in, i, ih, iw, c / oc * ic + k)] * p->w[0][((kh * a->kernel_w + kw) * ic + k) * s.c + c];
            }
        y[at(s, i, h, w, c)] = sum;
    }
}

static void reference_linear(const problem *p, double *y) {
    const linear_attrs *a = p->node->attrs;
    int64_t in = in_shape(p, 0).c;
    FOR_OUTPUT(p, s) {
        double sum = a->bias ? p->w[1][c] : 0;
        for (int64_t k = 0; k < in; k++)
            sum += p->x[0][i * in + k] * p->w[0][c * in + k];
        y[at(s, i, h, w, c)] = sum;
    }
}

static void reference_batch_norm(const problem *p, double *y) {
    const batch_norm_attrs *a = p->node->attrs;
    shape s = p->node->out;
    int64_t rows = p->n * s.h * s.w;
    for (int64_t c = 0; c < s.c; c++) {
        double mean = 0, variance = 0;
        for (int64_t r = 0; r < rows; r++)
            mean += p->x[0][r * s.c + c] / (double)rows;
        for (int64_t r = 0; r < rows; r++)
            variance += pow(p->x[0][r * s.c + c] - mean, 2) / (double)rows;
        for (int64_t r = 0; r < rows; r++) {
            double v = (p->x[0][r * s.c + c] - mean) / sqrt(variance + a->eps) * p->w[0][c] + p->w[1][c];
            v += p->node->n_inputs == 2 ? p->x[1][r * s.c + c] : 0;
            y[r * s.c + c] = a->relu && v < 0 ? 0 : v;
        }
    }
}

static void reference_relu(const problem *p, double *y) {
    FOR_OUTPUT(p, s)
    y[at(s, i, h, w, c)] = fmax(p->x[0][at(s, i, h, w, c)], 0);
}

static void reference_add(const problem *p, double *y) {
    FOR_OUTPUT(p, s)
    y[at(s, i, h, w, c)] = p->x[0][at(s, i, h, w, c)] + p->x[1][at(s, i, h, w, c)];
}

static void reference_concat(const problem *p, double *y) {
    FOR_OUTPUT(p, s) {
        int from = 0;
        int64_t k = c;
        while (k >= in_shape(p, from).c)
            k -= in_shape(p, from++).c;
        y[at(s, i, h, w, c)] = p->x[from][at(in_shape(p, from), i, h, w, k)];
    }
}

static void reference_pad_channels(const problem *p, double *y) {
    const pad_channels_attrs *a = p->node->attrs;
    shape in = in_shape(p, 0);
    FOR_OUTPUT(p, s) {
        int64_t k = c - a->before;
        y[at(s, i, h, w, c)] = k >= 0 && k < in.c ? p->x[0][at(in, i, h, w, k)] : 0;
    }
}

static void reference_flatten(const problem *p, double *y) {
    shape in = in_shape(p, 0);
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t c = 0; c < in.c; c++)
            for (int64_t h = 0; h < in.h; h++)
                for (int64_t w = 0; w < in.w; w++)
                    *y++ = p->x[0][at(in, i, h, w, c)];
}

static void reference_max_pool(const problem *p, double *y) {
    const pool_attrs *a = p->node->attrs;
    shape in = in_shape(p, 0);
    FOR_OUTPUT(p, s) {
        double best = a->relu ? 0 : -INFINITY;
        for (int64_t ih = h * a->stride_h - a->pad_h; ih < h * a->stride_h - a->pad_h + a->kernel_h; ih++)
            for (int64_t iw = w * a->stride_w - a->pad_w; iw < w * a->stride_w - a->pad_w + a->kernel_w; iw++)
                if (ih >= 0 && iw >= 0 && ih < in.h && iw < in.w)
                    best = fmax(best, p->x[0][at(in, i, ih, iw, c)]);
        y[at(s, i, h, w, c)] = best;
    }
}

/* The divisor counts the elements of the window that lie in the plane, or in the plane with its padding. */
static void reference_avg_pool(const problem *p, double *y) {
    const pool_attrs *a = p->node->attrs;
    shape in = in_shape(p, 0);
    int64_t ph = a->count_include_pad ? a->pad_h : 0, pw = a->count_include_pad ? a->pad_w : 0;
    FOR_OUTPUT(p, s) {
        double sum = 0, count = 0;
        for (int64_t ih = h * a->stride_h - a->pad_h; ih < h * a->stride_h - a->pad_h + a->kernel_h; ih++)
            for (int64_t iw = w * a->stride_w - a->pad_w; iw < w * a->stride_w - a->pad_w + a->kernel_w; iw++) {
                count += ih >= -ph && iw >= -pw && ih < in.h + ph && iw < in.w + pw;
                if (ih >= 0 && iw >= 0 && ih < in.h && iw < in.w)
                    sum += p->x[0][at(in, i, ih, iw, c)];
            }
        y[at(s, i, h, w, c)] = sum / count;
    }
}

static void reference_adaptive_avg_pool(const problem *p, double *y) {
    shape in = in_shape(p, 0);
    FOR_OUTPUT(p, s) {
        int64_t h0 = (int64_t)floor((double)(h * in.h) / (double)s.h), h1 = (int64_t)ceil((double)((h + 1) * in.h) / (double)s.h);
        int64_t w0 = (int64_t)floor((double)(w * in.w) / (double)s.w), w1 = (int64_t)ceil((double)((w + 1) * in.w) / (double)s.w);
        double sum = 0;
        for (int64_t ih = h0; ih < h1; ih++)
            for (int64_t iw = w0; iw < w1; iw++)
                sum += p->x[0][at(in, i, ih, iw, c)];
        y[at(s, i, h, w, c)] = sum / (double)((h1 - h0) * (w1 - w0));
    }
}

/* extra: the factor of every element, 0 where it is dropped. */
static void reference_dropout(const problem *p, double *y) {
    FOR_OUTPUT(p, s)
    y[at(s, i, h, w, c)] = p->extra[at(s, i, h, w, c)] * p->x[0][at(s, i, h, w, c)];
}

/* extra: the labels. */
static void reference_loss(const problem *p, double *y) {
    const softmax_cross_entropy_attrs *a = p->node->attrs;
    int64_t k = in_shape(p, 0).c;
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0, loss = 0;
        for (int64_t j = 0; j < k; j++)
            sum += exp(p->x[0][i * k + j]);
        for (int64_t j = 0; j < k; j++) {
            double target = a->label_smoothing / (double)k + (j == (int64_t)p->extra[i] ? 1 - a->label_smoothing : 0);
            loss -= target * (p->x[0][i * k + j] - log(sum));
        }
        y[i] = loss;
    }
}

#endif
