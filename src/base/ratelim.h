/* A token bucket over time that is given to it, in whole seconds (receive-engine rule F6, F7; RFC
 * 9113 10.5). Starts full. Reads no clock. */
#ifndef H2DUMP_BASE_RATELIM_H
#define H2DUMP_BASE_RATELIM_H

#include <stdbool.h>
#include <stdint.h>

struct ratelim {
    uint64_t burst;     /* the most tokens it holds */
    uint64_t rate;      /* tokens added a second */
    uint64_t tokens;    /* tokens held */
    uint64_t updated_s; /* when it was last refilled, seconds */
};

/* A full bucket at second now_s. */
void ratelim_init(struct ratelim *lim, uint64_t burst, uint64_t rate, uint64_t now_s);

/* Refills for the seconds passed since the last call; a clock that went backwards counts as one
 * second. */
void ratelim_update(struct ratelim *lim, uint64_t now_s);

/* Takes n tokens; false (and nothing taken) when there are fewer. */
bool ratelim_drain(struct ratelim *lim, uint64_t n);

#endif
