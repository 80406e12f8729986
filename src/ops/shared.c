/* What the files of ops share. */
#include <math.h>

#include "ops/internal.h"

int64_t ops_size(const op_call *c) {
    return c->n * shape_size(c->node->out);
}

param ops_param(param_role role, dims d, int64_t fan_in) {
    return (param){.role = role, .dims = d, .init = INIT_UNIFORM, .init_value = 1 / sqrt((double)fan_in)};
}

int64_t ops_places(int64_t size, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation, bool ceil_mode) {
    int64_t room = size + 2 * pad - dilation * (kernel - 1) - 1;
    if (room < 0)
        return 0;
    int64_t places = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    /* as PyTorch: no window begins in the far padding */
    return ceil_mode && (places - 1) * stride >= size + pad ? places - 1 : places;
}

err ops_check_inputs(const node *n, int count) {
    if (n->n_inputs == count)
        return OK;
    return fail(ERR_USAGE, "%s takes %d inputs, not %d", n->kind->name, count, n->n_inputs);
}
