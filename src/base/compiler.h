/* What we need of the compiler beyond C11. The only place with extensions. */
#ifndef H2DUMP_BASE_COMPILER_H
#define H2DUMP_BASE_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
#define H2D_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define H2D_MUST_CHECK                 __attribute__((warn_unused_result))
#define H2D_LIKELY(x)                  __builtin_expect(!!(x), 1)
#define H2D_UNLIKELY(x)                __builtin_expect(!!(x), 0)
#define H2D_FALLTHROUGH                __attribute__((fallthrough))
#define H2D_NOINLINE                   __attribute__((noinline))
#define H2D_ALWAYS_INLINE              inline __attribute__((always_inline))
#else
#define H2D_PRINTF(format_at, args_at)
#define H2D_MUST_CHECK
#define H2D_LIKELY(x)   (x)
#define H2D_UNLIKELY(x) (x)
#define H2D_FALLTHROUGH ((void)0)
#define H2D_NOINLINE
#define H2D_ALWAYS_INLINE inline
#endif

#define H2D_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
