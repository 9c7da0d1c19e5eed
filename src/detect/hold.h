/* What came on the two sides of a connection and cannot be handed on yet: octets, gaps and ends, in
 * the order in which they came. Bounded by whoever fills it (hold_octets().len) and by the maximum
 * of hold_init. */
#ifndef H2DUMP_DETECT_HOLD_H
#define H2DUMP_DETECT_HOLD_H

#include "base/buf.h"
#include "base/stream.h"

enum held_kind { HELD_BYTES, HELD_GAP, HELD_CLOSE };

struct held {
    enum held_kind kind;
    unsigned side;
    uint64_t len;           /* of bytes or gap */
    enum gap_cause cause;   /* of a gap */
    enum close_cause close; /* of a close */
    struct pos pos, after;  /* of bytes, close; before and after of a gap; packet 0: NULL */
};

struct hold {
    struct buf octets[2]; /* those of its HELD_BYTES, in order */
    uint64_t base[2];     /* octets of that side dropped so far */
    struct buf entries;   /* struct held */
    size_t taken;         /* entries that hold_take has given */
    size_t used[2];       /* octets that hold_take has given */
};

/* An empty hold of at most octets_max octets a side. mem outlives it. */
void hold_init(struct hold *hold, struct mem *mem, size_t octets_max);
void hold_fini(struct hold *hold);

/* Append; false: the maximum is reached, or memory is out. pos, before, after may be NULL where
 * struct stream_sink_ops says so. */
bool hold_bytes(struct hold *hold, unsigned side, struct span octets,
                const struct pos *pos) H2D_MUST_CHECK;
bool hold_gap(struct hold *hold, unsigned side, uint64_t len, enum gap_cause cause,
              const struct pos *before, const struct pos *after) H2D_MUST_CHECK;
bool hold_close(struct hold *hold, unsigned side, enum close_cause cause,
                const struct pos *pos) H2D_MUST_CHECK;

/* True when the next append may fail for want of entries. */
bool hold_full(const struct hold *hold);

/* The octets held of a side, until the next call that changes them. */
struct span hold_octets(const struct hold *hold, unsigned side);

/* Where the first, or the last, octet held of a side was found; NULL when none is held. */
const struct pos *hold_first(const struct hold *hold, unsigned side);
const struct pos *hold_last(const struct hold *hold, unsigned side);

/* Forgets the first n octets held of a side (n at most what is held). */
void hold_drop(struct hold *hold, unsigned side, size_t n);

/* Gives what is held, in order, one a call; octets are for HELD_BYTES. False at the end. */
bool hold_take(struct hold *hold, struct held *held, struct span *octets);

/* NULL for the positions that stand for it. */
static inline const struct pos *held_pos(const struct pos *pos)
{
    return pos->packet != 0 ? pos : NULL;
}

#endif
