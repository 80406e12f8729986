/* batch_norm → relu, batch_norm → add → relu, batch_norm → add and relu → max_pool2d as one node each, and conv2d → relu → max_pool2d
 * where the convolution's kernels can: one pass over memory, not two or three. */
#include "ops/internal.h"

/* A batch norm that nothing but `user` reads, and that is not fused yet. */
static bool is_free_norm(const graph *g, const node *n) {
    return n->kind == &op_batch_norm && !((const batch_norm_attrs *)n->attrs)->relu && graph_n_uses(g, n) == 1 && !n->keep;
}

static void fuse_add(graph *g, node *add) {
    for (int i = 0; i < 2; i++) {
        node *norm = add->inputs[i], *other = add->inputs[1 - i];
        if (!is_free_norm(g, norm))
            continue;
        graph_replace(g, add, norm); /* moves it behind `other` */
        graph_add_input(g, norm, other);
        norm->kind = &op_batch_norm_add;
        batch_norm_set(norm);
        return;
    }
}

static void fuse_relu(graph *g, node *relu) {
    node *norm = relu->inputs[0];
    bool residual = norm->kind == &op_batch_norm_add && graph_n_uses(g, norm) == 1 && !norm->keep;
    batch_norm_attrs *a = norm->attrs;
    if ((residual && !a->relu) || is_free_norm(g, norm)) {
        graph_replace(g, relu, norm);
        a->relu = true;
        batch_norm_set(norm);
    }
}

/* The byte that says which element was the largest has to have a value left for none. What relu reads must have no other reader, since its
 * gradient would then be added to what this one writes. */
static void fuse_pool(graph *g, node *pool) {
    node *relu = pool->inputs[0];
    pool_attrs *a = pool->attrs;
    if (a->kernel_h * a->kernel_w > 255)
        return;
    if (relu->kind != &op_relu || graph_n_uses(g, relu) > 1 || graph_n_uses(g, relu->inputs[0]) > 1 || relu->keep)
        return;
    graph_replace(g, relu, relu->inputs[0]);
    a->relu = true;
}

/* A convolution that nothing but a pool of rectified 2 x 2 windows reads, where its kernels can do that too. */
static void fuse_conv(graph *g, node *pool) {
    const pool_attrs *a = pool->attrs;
    node *conv = pool->inputs[0];
    if (!a->relu || a->kernel_h != 2 || a->kernel_w != 2 || a->stride_h != 2 || a->stride_w != 2 || a->pad_h || a->pad_w)
        return;
    if (conv->kind != &op_conv2d || graph_n_uses(g, conv) > 1 || conv->keep || !conv2d_pools(conv))
        return;
    graph_replace(g, pool, conv);
    conv2d_set_pool(conv);
}

/* What follows at `index` after a fusion is the node behind the one that went, so every index is looked at until nothing changes. */
void ops_fuse(graph *g) {
    for (int i = 0; i < graph_n_nodes(g); i++) {
        node *n = graph_node(g, i);
        int before = graph_n_nodes(g);
        if (n->kind == &op_add)
            fuse_add(g, n);
        else if (n->kind == &op_relu)
            fuse_relu(g, n);
        else if (n->kind == &op_max_pool2d) {
            fuse_pool(g, n);
            fuse_conv(g, n);
        }
        i -= before - graph_n_nodes(g);
    }
}
