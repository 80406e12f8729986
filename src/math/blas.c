/* Matrix products through OpenBLAS. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/internal.h"

/* OpenBLAS picks its kernels when it is loaded. A version that is older than the processor falls back to the oldest x86-64 kernels there
 * are (Prescott: SSE3), at an eighth of the speed. These two, which every build with several kernel sets exports, let it pick again. */
void gotoblas_dynamic_init(void) __attribute__((weak));
void gotoblas_dynamic_quit(void) __attribute__((weak));

#if defined(__x86_64__)
static const char *best_kernels(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell" : NULL;
}

static void choose_kernels(void) {
    static const char variable[] = "OPENBLAS_CORETYPE";
    const char *best = best_kernels();
    if (!best || getenv(variable) || strcmp(openblas_get_corename(), "Prescott") != 0 || !gotoblas_dynamic_init || !gotoblas_dynamic_quit)
        return;
    setenv(variable, best, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv(variable);
}
#else
static void choose_kernels(void) {
}
#endif

void blas_init(void) {
    choose_kernels();
    openblas_set_num_threads(1);
}

const char *math_blas(void) {
    static char text[96];
    char version[32] = "";
    sscanf(openblas_get_config(), "OpenBLAS %31s", version);
    snprintf(text, sizeof text, "OpenBLAS %s, %s kernels", version, openblas_get_corename());
    return text;
}

void math_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
               float *c, int64_t ldc) {
    if (k == 0 && beta == 0) { /* an empty sum, which BLAS need not write */
        for (int64_t i = 0; i < m; i++)
            memset(c + i * ldc, 0, (size_t)n * sizeof *c);
        return;
    }
    if (m == 0 || n == 0 || k == 0)
        return;
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1, a,
                (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
