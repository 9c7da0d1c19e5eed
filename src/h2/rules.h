/* The rules that the engine checks, as an enum; rules.def has their rows, policy.c acts on them. */
#ifndef H2DUMP_H2_RULES_H
#define H2DUMP_H2_RULES_H

enum h2_rule {
#define RULE(name, check, lib, code, how, evidence) H2_RULE_##name,
#include "h2/rules.def"
#undef RULE
    H2_RULE_COUNT
};

#endif
