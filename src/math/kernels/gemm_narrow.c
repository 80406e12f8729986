/* C = A · B for B of NARROW_K rows and one vector of columns, as few channels have them in Winograd's frequencies: all of B is held in
 * registers, and a row of C is one chain of multiply-adds with values of A straight from memory. Chains of different rows know nothing of
 * each other, so the processor keeps several under way. The tiles of gemm.c, a call each, take twice as long here. */
#include "math/kernels/gemm.h"

void MATH(multiply_narrow)(int64_t m, const float *a, int64_t lda, const float *packed, float *c, int64_t ldc) {
    vec b[NARROW_K];
#pragma GCC unroll 16
    for (int k = 0; k < NARROW_K; k++)
        b[k] = vec_load(packed + k * PANEL);
    for (int64_t row = 0; row < m; row++, a += lda, c += ldc) {
        vec sum = vec_set(0);
#pragma GCC unroll 16
        for (int k = 0; k < NARROW_K; k++)
            sum += a[k] * b[k];
        vec_store(c, sum);
    }
}
