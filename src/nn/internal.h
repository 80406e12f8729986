/* What the files of nn share: the network while it is being built. */
#ifndef SHOAL_NN_INTERNAL_H
#define SHOAL_NN_INTERNAL_H

#include "nn/nn.h"

struct shoal_model {
    const model_spec *spec;
    graph *graph;
    node **values; /* by shoal_tensor.index */
    int n_values;
    char **scopes; /* each with those around it: `layer1.0`, `layer1.0.downsample` */
    int depth;
    err error; /* the first one; its text is err_last()'s */
};

/* A layer as it comes out of the public functions. */
typedef struct layer {
    const op_kind *kind;
    const char *name; /* NULL: `standard`, with a number where that is taken */
    const char *standard;
    const void *attrs; /* copied */
    size_t attrs_size;
} layer;

/* Appends a layer. After an error, also an earlier one, the result has a negative index. */
shoal_tensor builder_add(shoal_model *m, const layer *l, int n_inputs, const shoal_tensor *inputs);

/* The node behind a handle. NULL after an error, also an earlier one. */
node *builder_node(shoal_model *m, shoal_tensor x);

/* Frees all but the graph. */
void builder_reset(shoal_model *m);

/* ---- initialisation ---- */

/* Sets how weight and bias of a convolution or linear layer begin, where that is not the default. NULL passes through. */
void init_layer(node *n, shoal_init init, double std);

/* The weight of a batch norm begins at 0. NULL passes through. */
void init_norm_zero(node *n);

/* ---- options ---- */

/* ERR_USAGE where the spec gives an option that the kind does not have, or a value out of range. */
err options_check(const model_spec *spec);

/* The spec's value, or the default; false where the kind does not list the option. */
bool options_value(const model_spec *spec, const char *name, double *value);

#endif
