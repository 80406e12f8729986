/* Shapes. Activations are float32 NHWC; the batch is kept apart from the shape of one sample, because a lane's count of samples changes
 * from batch to batch and its shape never does. */
#ifndef SHOAL_TENSOR_SHAPE_H
#define SHOAL_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

/* One sample: height, width, channels. A vector of features is 1 x 1 x c. */
typedef struct shape {
    int64_t h, w, c;
} shape;

/* Elements of one sample. */
int64_t shape_size(shape s);
bool shape_equal(shape a, shape b);

enum { SHAPE_TEXT = 64 };

/* PyTorch's order without the batch: `64 x 56 x 56`, or `1000` for a vector. Into `out`, which is returned. */
char *shape_text(char out[SHAPE_TEXT], shape s);

enum { DIMS_MAX = 4 };

/* The dimensions of a parameter, in PyTorch's order. rank 0 is a scalar. */
typedef struct dims {
    int rank;
    int64_t size[DIMS_MAX];
} dims;

int64_t dims_size(dims d);
bool dims_equal(dims a, dims b);

/* `[64, 3, 7, 7]`; `[]` for a scalar. */
char *dims_text(char out[SHAPE_TEXT], dims d);

#endif
