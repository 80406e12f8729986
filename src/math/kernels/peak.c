/* As fast as this core can multiply and add: sums that stay in registers, enough of them side by side to hide the latency (two units of
 * four to five cycles each). What `shoal bench --layers` holds the layers against. */
#include "math/kernels/kernels.h"

enum { SUMS = 10 };

double MATH(peak)(int64_t rounds, float *value) {
    vec sum[SUMS], term = vec_set(*value), half = vec_set(0.5f);
    for (int i = 0; i < SUMS; i++)
        sum[i] = term * (float)i;
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < SUMS; i++)
            sum[i] = sum[i] * half + term;
    for (int i = 1; i < SUMS; i++)
        sum[0] += sum[i];
    *value = sum[0][0];
    return 2.0 * VECTOR * SUMS * (double)rounds;
}
