#include "detect/join.h"

#include "detect/sync.h"
#include "spec/limits.h"

struct join_side {
    struct sync *sync;
    enum sync_status status;
    uint64_t skipped; /* octets no longer held, those of holes counted */
    uint64_t looked;  /* by searches that have ended */
};

struct join {
    struct mem *mem;
    struct hold *hold;
    uint64_t sync_octets;
    bool persistent;
    struct join_side sides[2];
};

static struct sync *open_sync(const struct join *j, unsigned side)
{
    struct sync_options options = { .start_off = j->hold->base[side],
                                    .octets_max = j->sync_octets };
    return sync_new(j->mem, &options);
}

struct join *join_new(struct mem *mem, struct hold *hold, uint64_t sync_octets, bool persistent)
{
    struct join *j = mem_zalloc(mem, 1, sizeof(*j));
    if (j == NULL) {
        return NULL;
    }
    *j = (struct join){
        .mem = mem, .hold = hold, .sync_octets = sync_octets, .persistent = persistent
    };
    for (unsigned side = 0; side < 2; side++) {
        j->sides[side].sync = open_sync(j, side);
        if (j->sides[side].sync == NULL) {
            join_free(j);
            return NULL;
        }
    }
    return j;
}

void join_free(struct join *j)
{
    if (j == NULL) {
        return;
    }
    sync_free(j->sides[0].sync);
    sync_free(j->sides[1].sync);
    mem_free(j->mem, j);
}

static bool is_likely(enum sync_status status)
{
    return status == SYNC_LIKELY || status == SYNC_FOUND;
}

/* What is likely is found. */
static void confirm(struct join *j)
{
    for (unsigned i = 0; i < 2; i++) {
        j->sides[i].status = sync_confirm(j->sides[i].sync);
    }
}

/* Forgets what is held of a side and begins to search anew behind it. */
static bool search_anew(struct join *j, unsigned side)
{
    struct join_side *s = &j->sides[side];
    size_t held = hold_octets(j->hold, side).len;
    hold_drop(j->hold, side, held);
    s->skipped += held;
    s->looked += sync_looked(s->sync);
    sync_free(s->sync);
    s->sync = open_sync(j, side);
    s->status = SYNC_SEARCHING;
    return s->sync != NULL;
}

/* What the two searches together have come to. */
static enum join_status conclude(struct join *j)
{
    struct join_side *sides = j->sides;
    for (unsigned i = 0; i < 2; i++) {
        sides[i].status = sync_help(sides[i].sync, is_likely(sides[i ^ 1].status));
    }
    bool likely[2] = { is_likely(sides[0].status), is_likely(sides[1].status) };
    if ((likely[0] && likely[1]) || sides[0].status == SYNC_FOUND ||
        sides[1].status == SYNC_FOUND) {
        confirm(j);
        return JOIN_HTTP2;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (sides[i].status != SYNC_GAVE_UP) {
            continue;
        }
        if (!j->persistent && !likely[i ^ 1]) {
            return JOIN_NOTHING;
        }
        if (!search_anew(j, i)) {
            return JOIN_NOMEM;
        }
    }
    return JOIN_SEARCHING;
}

/* Octets too old to be shown go when there are enough of them to be worth it. So many tiny segments
 * that no more can be told apart are begun anew. */
static enum join_status drop_old(struct join *j, unsigned side)
{
    if (hold_full(j->hold)) {
        bool likely = is_likely(j->sides[0].status) || is_likely(j->sides[1].status);
        confirm(j);
        return likely                                   ? JOIN_HTTP2
               : search_anew(j, 0) && search_anew(j, 1) ? JOIN_SEARCHING
                                                        : JOIN_NOMEM;
    }
    size_t held = hold_octets(j->hold, side).len;
    if (held >= 2 * LIMIT_SYNC_REPLAY_OCTETS) {
        size_t old = held - (size_t)LIMIT_SYNC_REPLAY_OCTETS;
        hold_drop(j->hold, side, old);
        j->sides[side].skipped += old;
    }
    return JOIN_SEARCHING;
}

enum join_status join_bytes(struct join *j, unsigned side, bool segment_start)
{
    struct join_side *s = &j->sides[side];
    s->status = sync_look(s->sync, hold_octets(j->hold, side), j->hold->base[side], segment_start);
    enum join_status status = conclude(j);
    return status == JOIN_SEARCHING ? drop_old(j, side) : status;
}

static void end_side(struct join *j, unsigned side)
{
    struct join_side *s = &j->sides[side];
    s->status = sync_end(s->sync, hold_octets(j->hold, side), j->hold->base[side]);
}

enum join_status join_gap(struct join *j, unsigned side, uint64_t len)
{
    struct join_side *s = &j->sides[side];
    end_side(j, side);
    if (s->status == SYNC_FOUND) {
        return conclude(j);
    }
    s->skipped += len;
    return search_anew(j, side) ? conclude(j) : JOIN_NOMEM;
}

enum join_status join_end(struct join *j)
{
    end_side(j, 0);
    end_side(j, 1);
    for (unsigned i = 0; i < 2; i++) {
        if (j->sides[i].status == SYNC_FOUND && j->sides[i ^ 1].status != SYNC_FOUND) {
            (void)sync_help(j->sides[i ^ 1].sync, true);
            end_side(j, i ^ 1);
        }
    }
    return j->sides[0].status == SYNC_FOUND || j->sides[1].status == SYNC_FOUND ? JOIN_HTTP2
                                                                                : JOIN_NOTHING;
}

uint64_t join_looked(const struct join *j)
{
    uint64_t looked = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct join_side *s = &j->sides[i];
        looked += s->looked + (s->sync != NULL ? sync_looked(s->sync) : 0);
    }
    return looked;
}

void join_result(struct join *j, unsigned *client, struct join_point at[2])
{
    unsigned for_side[2] = { 0, 0 };
    for (unsigned i = 0; i < 2; i++) {
        struct join_side *s = &j->sides[i];
        at[i] = (struct join_point){ .lost = s->status != SYNC_FOUND };
        if (!at[i].lost) {
            size_t before = (size_t)(sync_boundary(s->sync) - j->hold->base[i]);
            hold_drop(j->hold, i, before);
            s->skipped += before;
            int sender = sync_sender(s->sync);
            for_side[i] += sender == DIR_C2S;
            for_side[i ^ 1] += sender == DIR_S2C;
        }
        at[i].skipped = s->skipped;
    }
    if (for_side[0] != for_side[1]) {
        *client = for_side[0] > for_side[1] ? 0 : 1;
    }
}
