/* The three poolings: largest of a window, mean of a window, mean of a bin. */
#include <inttypes.h>

#include "math/math.h"
#include "ops/internal.h"

static math_pool geometry(const node *n) {
    const pool_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    return (math_pool){.h = in.h,
                       .w = in.w,
                       .c = in.c,
                       .oh = n->out.h,
                       .ow = n->out.w,
                       .kh = a->kernel_h,
                       .kw = a->kernel_w,
                       .stride_h = a->stride_h,
                       .stride_w = a->stride_w,
                       .pad_h = a->pad_h,
                       .pad_w = a->pad_w,
                       .count_padding = a->count_include_pad,
                       .relu = a->relu};
}

static err infer_window(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const pool_attrs *a = n->attrs;
    shape in = n->inputs[0]->out;
    if (a->kernel_h < 1 || a->kernel_w < 1 || a->stride_h < 1 || a->stride_w < 1)
        return fail(ERR_USAGE, "a pool's kernel and stride must be at least 1");
    if (a->pad_h < 0 || a->pad_w < 0 || 2 * a->pad_h > a->kernel_h || 2 * a->pad_w > a->kernel_w)
        return fail(ERR_USAGE, "a pool's padding must lie between 0 and half its kernel");
    n->out.h = ops_places(in.h, a->kernel_h, a->stride_h, a->pad_h, 1, a->ceil_mode);
    n->out.w = ops_places(in.w, a->kernel_w, a->stride_w, a->pad_w, 1, a->ceil_mode);
    n->out.c = in.c;
    if (n->out.h < 1 || n->out.w < 1)
        return fail(ERR_USAGE, "pool %" PRId64 " x %" PRId64 " on a %" PRId64 " x %" PRId64 " plane", a->kernel_h, a->kernel_w, in.h, in.w);
    return OK;
}

/* Which element of its window was the largest fits a byte. */
static err infer_max(graph *g, node *n) {
    err code = infer_window(g, n);
    if (code != OK)
        return code;
    const pool_attrs *a = n->attrs;
    if (a->kernel_h * a->kernel_w > 256)
        return fail(ERR_USAGE, "max pool %" PRId64 " x %" PRId64 "; at most 256 elements are supported", a->kernel_h, a->kernel_w);
    n->saved_bytes = (size_t)shape_size(n->out);
    return OK;
}

static void forward_max(const op_call *c, void *scratch) {
    (void)scratch;
    math_pool p = geometry(c->node);
    math->max_pool(&p, c->n, c->x[0], c->y, c->saved);
}

static void backward_max(const op_call *c, void *scratch) {
    (void)scratch;
    math_pool p = geometry(c->node);
    math->max_pool_backward(&p, c->n, c->saved, c->dy, c->dx[0], c->add_dx[0]);
}

static void forward_avg(const op_call *c, void *scratch) {
    (void)scratch;
    math_pool p = geometry(c->node);
    math->avg_pool(&p, c->n, c->x[0], c->y);
}

static void backward_avg(const op_call *c, void *scratch) {
    (void)scratch;
    math_pool p = geometry(c->node);
    math->avg_pool_backward(&p, c->n, c->dy, c->dx[0], c->add_dx[0]);
}

static math_pool bins(const node *n) {
    shape in = n->inputs[0]->out;
    return (math_pool){.h = in.h, .w = in.w, .c = in.c, .oh = n->out.h, .ow = n->out.w, .adaptive = true};
}

static err infer_adaptive(graph *g, node *n) {
    (void)g;
    err code = ops_check_inputs(n, 1);
    if (code != OK)
        return code;
    const adaptive_avg_pool2d_attrs *a = n->attrs;
    if (a->out_h < 1 || a->out_w < 1)
        return fail(ERR_USAGE, "an adaptive pool to %" PRId64 " x %" PRId64, a->out_h, a->out_w);
    n->out = (shape){a->out_h, a->out_w, n->inputs[0]->out.c};
    return OK;
}

static void forward_adaptive(const op_call *c, void *scratch) {
    (void)scratch;
    math_pool p = bins(c->node);
    math->avg_pool(&p, c->n, c->x[0], c->y);
}

static void backward_adaptive(const op_call *c, void *scratch) {
    (void)scratch;
    math_pool p = bins(c->node);
    math->avg_pool_backward(&p, c->n, c->dy, c->dx[0], c->add_dx[0]);
}

const op_kind op_max_pool2d = {.name = "max_pool2d", .infer = infer_max, .forward = forward_max, .backward = backward_max};
const op_kind op_avg_pool2d = {.name = "avg_pool2d", .infer = infer_window, .forward = forward_avg, .backward = backward_avg};
const op_kind op_adaptive_avg_pool2d = {
    .name = "adaptive_avg_pool2d", .infer = infer_adaptive, .forward = forward_adaptive, .backward = backward_adaptive};
