/* The decoder's inside, for hpack.c, which decodes, and hpack_state.c, which says how far its table
 * can be trusted. */
#ifndef H2DUMP_H2_HPACK_INT_H
#define H2DUMP_H2_HPACK_INT_H

#include "h2/hpack.h"
#include "h2/hpack_table.h"

struct hpack_decoder {
    struct mem *mem;
    struct hpack_table table;
    bool lenient;
    bool plain;      /* nothing but the next octet decides: no carry, no skip, no pending duty, and
                        a reference proves nothing about the table's size */
    bool failed;     /* for good when strict, else for the rest of the block */
    bool field_seen; /* in this block */
    bool limit_known;
    bool update_due; /* the block must begin with a size update */
    bool sure;       /* followed from its beginning without a loss */
    bool handed_out; /* an identity was shown since the join or loss */
    bool doubtful; /* lenient: an update that was due has not come (receive-engine 6.4, rule 11) */
    bool min_unsignalled, overlong; /* to be remarked on */
    bool update_missing, string_limit_hit, table_limit_hit;
    uint32_t contradiction; /* the index that was none; 0: none */
    uint32_t ceiling;       /* of the table's size after a loss */
    uint32_t limit;         /* SETTINGS_HEADER_TABLE_SIZE in force */
    uint32_t min_limit; /* what the first update must not exceed; UINT32_MAX: limit alone counts */
    uint64_t authority; /* number of the entry that was this block's; 0: none */
    uint64_t block_off; /* of the representation at hand */
    struct buf carry;   /* its first octets, when they came in an earlier chunk */
    uint32_t skip_left; /* octets of a string beyond the limit, still to pass over */
    uint64_t skipped;   /* such octets of this representation so far, */
    unsigned skips;     /* in this many strings */
    enum check error;
    struct span fault; /* octets of the representation it was in, as far as they were read */
};

static inline void hpack_find_plain(struct hpack_decoder *decoder)
{
    decoder->plain = !decoder->failed && !decoder->update_due && decoder->carry.len == 0 &&
                     decoder->skip_left == 0 && decoder->skips == 0 && !decoder->doubtful &&
                     hpack_table_max_known(&decoder->table);
}

/* No size update is due any more. */
void hpack_forget_duty(struct hpack_decoder *decoder);
/* A reference to dynamic position p, where there can be nothing: whatever was assumed is wrong, and
 * all is lost (capture-layer 5.3, step 5). Not while the decoder is sure. */
void hpack_contradict(struct hpack_decoder *decoder, uint32_t p);

#endif
