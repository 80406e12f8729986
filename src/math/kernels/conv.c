/* Which algorithm computes a convolution: a matter of its shape, so that every rank, thread and run chooses alike. */
#include "math/kernels/kernels.h"

/* The last one serves everything. */
static const conv_algorithm *const algorithms[] = {
    &MATH(conv_samples_winograd),  &MATH(conv_samples),   &MATH(conv_first),  &MATH(conv_depthwise), &MATH(conv_winograd),
    &MATH(conv_winograd_accurate), &MATH(conv_pointwise), &MATH(conv_col2im), &MATH(conv_im2col),
};

static const conv_algorithm *algorithm_of(const math_conv *g, math_direction d) {
    int i = 0;
    while (!algorithms[i]->serves(g, d))
        i++;
    return algorithms[i];
}

const char *MATH(conv_name)(const math_conv *g, math_direction d) {
    return algorithm_of(g, d)->name;
}

size_t MATH(conv_scratch)(const math_conv *g, int levels) {
    size_t most = 0;
    for (math_direction d = MATH_FORWARD; d <= MATH_BACKWARD_WEIGHT; d++) {
        size_t bytes = algorithm_of(g, d)->scratch(g, d, levels);
        most = bytes > most ? bytes : most;
    }
    return most;
}

size_t MATH(conv_prepared)(const math_conv *g, math_direction d) {
    const conv_algorithm *a = algorithm_of(g, d);
    return a->prepared ? a->prepared(g, d) : 0;
}

int MATH(conv_one_part)(const math_conv *g, math_direction d) {
    (void)g;
    (void)d;
    return 1;
}

int MATH(conv_prepare_parts)(const math_conv *g, math_direction d) {
    return algorithm_of(g, d)->prepare_parts(g, d);
}

void MATH(conv_prepare)(const math_conv *g, math_direction d, const float *w, int part, void *prepared) {
    algorithm_of(g, d)->prepare(g, d, w, part, prepared);
}

void MATH(conv_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y, void *scratch) {
    algorithm_of(g, MATH_FORWARD)->forward(g, n, x, prepared, bias, y, scratch);
}

void MATH(conv_backward_data)(const math_conv *g, int64_t n, const float *dy, const void *prepared, float *dx, bool add, void *scratch) {
    algorithm_of(g, MATH_BACKWARD_DATA)->backward_data(g, n, dy, prepared, dx, add, scratch);
}

int MATH(conv_weight_parts)(const math_conv *g) {
    return algorithm_of(g, MATH_BACKWARD_WEIGHT)->weight_parts(g);
}

void MATH(conv_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, int part, float *dw,
                                void *scratch) {
    algorithm_of(g, MATH_BACKWARD_WEIGHT)->backward_weight(g, lanes, x, dy, part, dw, scratch);
}

bool MATH(conv_pools)(const math_conv *g) {
    for (math_direction d = MATH_FORWARD; d <= MATH_BACKWARD_WEIGHT; d++)
        if (!algorithm_of(g, d)->pooled_forward)
            return false;
    return g->oh % 2 == 0 && g->ow % 2 == 0;
}

void MATH(conv_pooled_forward)(const math_conv *g, int64_t n, const float *x, const void *prepared, const float *bias, float *y,
                               uint8_t *index, void *scratch) {
    algorithm_of(g, MATH_FORWARD)->pooled_forward(g, n, x, prepared, bias, y, index, scratch);
}

void MATH(conv_pooled_backward_data)(const math_conv *g, int64_t n, const float *dy, const uint8_t *index, const void *prepared, float *dx,
                                     bool add, void *scratch) {
    algorithm_of(g, MATH_BACKWARD_DATA)->pooled_backward_data(g, n, dy, index, prepared, dx, add, scratch);
}

void MATH(conv_pooled_backward_weight)(const math_conv *g, const math_lanes *lanes, const float *x, const float *dy, const uint8_t *index,
                                       float *dw, float *db, void *scratch) {
    algorithm_of(g, MATH_BACKWARD_WEIGHT)->pooled_backward_weight(g, lanes, x, dy, index, dw, db, scratch);
}
