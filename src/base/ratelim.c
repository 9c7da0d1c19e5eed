#include "base/ratelim.h"

void ratelim_init(struct ratelim *lim, uint64_t burst, uint64_t rate, uint64_t now_s)
{
    *lim = (struct ratelim){ .burst = burst, .rate = rate, .tokens = burst, .updated_s = now_s };
}

void ratelim_update(struct ratelim *lim, uint64_t now_s)
{
    if (now_s == lim->updated_s) {
        return;
    }
    uint64_t passed_s = now_s > lim->updated_s ? now_s - lim->updated_s : 1;
    uint64_t room = lim->burst - lim->tokens;
    lim->updated_s = now_s;
    if (lim->rate != 0 && passed_s > room / lim->rate) {
        lim->tokens = lim->burst;
    } else {
        lim->tokens += lim->rate * passed_s;
    }
}

bool ratelim_drain(struct ratelim *lim, uint64_t n)
{
    if (lim->tokens < n) {
        return false;
    }
    lim->tokens -= n;
    return true;
}
