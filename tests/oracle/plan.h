/* What a callback returns, by the script's plans: the same on both sides. */
#ifndef H2DUMP_TESTS_ORACLE_PLAN_H
#define H2DUMP_TESTS_ORACLE_PLAN_H

#include "script.h"

struct plan_state {
    uint32_t calls[PLAN_KINDS];
    bool paused;
};

static inline int plan_result(const struct script *script, struct plan_state *state,
                              enum plan_kind kind)
{
    uint32_t ordinal = ++state->calls[kind];
    for (size_t i = 0; i < SCRIPT_PLANS; i++) {
        const struct plan *plan = &script->plans[i];
        if (plan->ordinal == ordinal && plan->kind == kind) {
            state->paused = state->paused || plan->result == H2_CB_PAUSE;
            return plan->result;
        }
    }
    return 0;
}

/* Octets as a number that adds up when they come in pieces. */
static inline int64_t plan_sum(const uint8_t *octets, size_t len)
{
    int64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += (octets[i] + 1) * (octets[i] + 3);
    }
    return sum;
}

#endif
