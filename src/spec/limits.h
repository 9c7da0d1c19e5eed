/* The bounds of the program as constants: LIMIT_FLOWS and so on, from limits.def. */
#ifndef H2DUMP_SPEC_LIMITS_H
#define H2DUMP_SPEC_LIMITS_H

#include <stdint.h>

#define LIMIT(name, value, unit, text)                                                             \
    static const uint64_t LIMIT_##name __attribute__((unused)) = (value);
#include "spec/limits.def"
#undef LIMIT

#endif
