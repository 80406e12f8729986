/* What the files of ops share. */
#ifndef SHOAL_OPS_INTERNAL_H
#define SHOAL_OPS_INTERNAL_H

#include "ops/ops.h"

/* Elements of the node's output over the call's samples. */
int64_t ops_size(const op_call *c);

/* PyTorch's initialisation of a layer whose outputs sum fan_in products. */
param ops_param(param_role role, dims d, int64_t fan_in);

/* A window's number of places along one side of `size` pixels; ≤ 0: none. */
int64_t ops_places(int64_t size, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation, bool ceil_mode);

err ops_check_inputs(const node *n, int count);

/* What infer sets of a batch_norm or batch_norm_add node by its attrs and inputs; parameters excepted. */
void batch_norm_set(node *n);

/* Whether relu and maximum pooling of 2 x 2 behind a conv2d node can become part of it; and makes them so. */
bool conv2d_pools(const node *n);
void conv2d_set_pool(node *n);

#endif
