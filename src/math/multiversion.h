/* Function multiversioning: MULTIVERSION before a function's definition builds it for AVX-512, for AVX2 and for the baseline, and the
 * dynamic linker picks one at start. What such a function calls must be INLINE, or it stays at the baseline. */
#ifndef SHOAL_MATH_MULTIVERSION_H
#define SHOAL_MATH_MULTIVERSION_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MATH_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MATH_SANITIZED
#endif

/* The choice needs ifuncs (glibc on Linux), which start before the sanitizers do. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(MATH_SANITIZED) && (defined(__clang__) || __GNUC__ >= 12)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif

#define INLINE static inline __attribute__((always_inline))

#endif
