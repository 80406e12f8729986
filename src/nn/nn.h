/* nn: the builder behind <shoal/model.h>, and the finished network. */
#ifndef SHOAL_NN_H
#define SHOAL_NN_H

#include <shoal/model.h>

#include "graph/graph.h"

/* A value for one of the kind's options. */
typedef struct model_option_value {
    char *name;
    double value;
} model_option_value;

typedef struct model_spec {
    const shoal_model_kind *kind;
    int classes;
    shape image;             /* one picture: h, w, c */
    field_type image_type;
    const float *mean, *std; /* a channel; of x / 255 for uint8, of x / 65535 for uint16. NULL: 0, 1 */
    double label_smoothing;
    bool accurate_conv;      /* only convolution algorithms whose rounding is about a plain sum's */
    const model_option_value *options; /* the job's; the others have their defaults */
    int n_options;
} model_spec;

/* A built network with its loss. */
typedef struct model {
    graph *graph;
    node *images, *logits, *loss;
    shape image;
    int classes;
} model;

/* Builds layers, logits and the loss (softmax cross-entropy). Nothing is allocated for values yet, so parameters may be frozen.
 * ERR_USAGE with the scope (`layer2.0: kernel 7 on a 5 x 5 plane`), an unknown or impossible option with the nearest one. */
err model_build(model **out, const model_spec *spec);
void model_free(model *m);

/* Fuses nodes where that is faster, decides the memory of values, allocates them. ERR_BROKEN where memory is short. */
err model_seal(model *m);

/* Sets every value: the layers' initialisation, drawn by (seed, parameter name, index in PyTorch's order). */
void model_init(model *m, uint64_t seed);

#endif
