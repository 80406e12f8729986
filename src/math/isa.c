/* The choice of kernels. */
#include <stdlib.h>
#include <string.h>

#include "math/math.h"

extern const math_kernels math_kernels_generic;
#if defined(__x86_64__)
extern const math_kernels math_kernels_avx2, math_kernels_avx512;
#endif

const math_kernels *math = &math_kernels_generic;

static bool always(void) {
    return true;
}

#if defined(__x86_64__)
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

/* The best first. */
static const struct {
    const math_kernels *kernels;
    bool (*is_there)(void);
} choices[] = {
#if defined(__x86_64__)
    {&math_kernels_avx512, has_avx512},
    {&math_kernels_avx2, has_avx2},
#endif
    {&math_kernels_generic, always},
};

enum { N_CHOICES = sizeof choices / sizeof *choices };

static err choose_named(const char *name) {
    for (int i = 0; i < N_CHOICES; i++) {
        if (strcmp(name, choices[i].kernels->isa) != 0)
            continue;
        if (!choices[i].is_there())
            return fail(ERR_USAGE, "SHOAL_ISA=%s: this processor does not have it", name);
        math = choices[i].kernels;
        return OK;
    }
    return fail(ERR_USAGE, "SHOAL_ISA=%s is not known here; use %s or leave it unset", name,
                N_CHOICES > 1 ? "generic, avx2, avx512" : "generic");
}

static void choose_best(void) {
    int i = 0;
    while (!choices[i].is_there())
        i++;
    math = choices[i].kernels;
}

err math_init(void) {
    const char *name = getenv("SHOAL_ISA");
    if (name && *name)
        return choose_named(name);
    choose_best();
    return OK;
}
