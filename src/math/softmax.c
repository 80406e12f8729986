/* Softmax cross-entropy with label smoothing (Szegedy et al.: Rethinking the Inception architecture, CVPR 2016), in double:
 *     log p_k = x_k − max x − log Σ_j exp(x_j − max x)        loss = −(1 − s) · log p_label − s / K · Σ_k log p_k */
#include <math.h>

#include "math/math.h"

double math_softmax_loss(int64_t k, const float *x, int64_t label, double smoothing, float *p) {
    double most = -INFINITY, sum = 0, sum_x = 0;
    for (int64_t i = 0; i < k; i++)
        most = x[i] > most ? x[i] : most; /* NaN and infinity reach the sum, and so the loss */
    for (int64_t i = 0; i < k; i++) {
        sum += exp(x[i] - most);
        sum_x += x[i] - most;
    }
    double log_sum = log(sum);
    for (int64_t i = 0; p && i < k; i++)
        p[i] = (float)exp(x[i] - most - log_sum);
    double loss = (1 - smoothing) * (log_sum - (x[label] - most));
    return smoothing > 0 ? loss + smoothing / (double)k * ((double)k * log_sum - sum_x) : loss;
}

int64_t math_rank(int64_t k, const float *x, int64_t label) {
    int64_t rank = 0;
    for (int64_t i = 0; i < k; i++)
        rank += x[i] > x[label] || (x[i] == x[label] && i < label);
    return rank;
}
