/* HPACK decoding (RFC 7541) for one direction: representations in, fields out, one at a time,
 * however the block is cut into chunks. Owns the dynamic table. Knows no frames, streams or message
 * rules. Only h2/ includes this.
 *
 * Two manners, one decoder: strict (ENDPOINT) stops for good at the first error; lenient (OBSERVER)
 * has the same errors but can lose() certainty and go on (receive-engine 6.5; capture-layer 5):
 * entries are counted from the newest, those inserted since the loss are exact, older ones are
 * unknown with a stable identity. */
#ifndef H2DUMP_H2_HPACK_H
#define H2DUMP_H2_HPACK_H

#include "base/buf.h"
#include "base/mem.h"
#include "h2/header.h"
#include "h2/message.h"
#include "spec/connection.h"

struct hpack_decoder;

enum hpack_status {
    HPACK_FIELD, /* *out is a field, or a size update (repr HPACK_SIZE_UPDATE) */
    HPACK_MORE,  /* all octets used, the block goes on in the next chunk */
    HPACK_END,   /* the block is complete */
    HPACK_ERROR, /* hpack_error() says which; strict: the decoder is bad for good */
    HPACK_NOMEM,
};

/* A decoder with the initial limit of 4096 octets; lenient as above, and then keeping at most
 * `keep` octets of its table. Allocates the table lazily. NULL: memory is out. */
struct hpack_decoder *hpack_decoder_new(struct mem *mem, bool lenient,
                                        uint32_t keep) H2D_MUST_CHECK;
void hpack_decoder_free(struct hpack_decoder *decoder);

/* The SETTINGS_HEADER_TABLE_SIZE values of one acknowledged SETTINGS frame have come into force:
 * the smallest and the last (RFC 7541 4.2; receive-engine 4.4). */
void hpack_decoder_set_limit(struct hpack_decoder *decoder, uint32_t smallest, uint32_t last);
/* The limit is not known (mid-stream): accept any size update. */
void hpack_decoder_set_limit_unknown(struct hpack_decoder *decoder);
/* lenient: whatever limit is in force, it is no larger than limit; says nothing about updates. */
void hpack_decoder_bound(struct hpack_decoder *decoder, uint32_t limit);
/* lenient: limits were lost; what they said about the table's size does not count any more. */
void hpack_decoder_unbound(struct hpack_decoder *decoder);
/* lenient: the largest size that the table can have after a loss (S_hi); HPACK_SIZE_ANY. */
void hpack_decoder_set_ceiling(struct hpack_decoder *decoder, uint32_t ceiling);
#define HPACK_SIZE_ANY UINT32_MAX

/* A field block begins. */
void hpack_begin_block(struct hpack_decoder *decoder);

/* Decodes the next representation. chunk: what is left of the current fragment; it is advanced.
 * last: the fragment is the block's last. Call until HPACK_MORE (then with the next chunk) or
 * HPACK_END. The header's spans live until the next call. Octets of an incomplete representation
 * are kept inside. */
enum hpack_status hpack_decode(struct hpack_decoder *decoder, struct cur *chunk, bool last,
                               struct h2_header *out);

/* What is summed up of a block's fields. */
struct hpack_taken {
    uint64_t octets; /* of names and values */
    uint32_t names;  /* the known names (names.h) that stood in it, a bit each */
    uint32_t twice;  /* those that stood more than once */
    uint32_t stop;   /* those that somebody wants to see */
};

/* Takes fields that nobody wants to see off the chunk: those at its front that are an index in one
 * octet of an entry that is here, and ordinary to the message (message.h). Returns how many, and
 * adds them to the sums. */
size_t hpack_take_ordinary(struct hpack_decoder *decoder, struct cur *chunk,
                           struct h2_message *message, enum message_kind kind,
                           struct hpack_taken *sums);

/* The value of the block's :authority, where it was so taken and is an entry still; until the next
 * call that changes the table. */
bool hpack_authority(const struct hpack_decoder *decoder, struct span *value);

/* Of a representation of n octets that came in several chunks: its octets, until the next call;
 * empty when they were too many to be kept together. */
struct span hpack_carried(const struct hpack_decoder *decoder, uint32_t n);

/* After HPACK_ERROR: the check (CHECK_HPACK_INDEX_ZERO, …) and the block offset of the
 * representation at fault; its octets as far as they were read, until the next call. */
enum check hpack_error(const struct hpack_decoder *decoder, uint64_t *block_off,
                       struct span *octets);

/* lenient: what was in the table is no longer certain (an undecodable or missing block). Begins a
 * new loss, unless nothing was decoded since the last. */
void hpack_decoder_lose(struct hpack_decoder *decoder);
/* lenient: the table was never seen (mid-stream start): entries are "pre:j". */
void hpack_decoder_join(struct hpack_decoder *decoder);
/* The table has been followed from its beginning, without a loss: what is not in it cannot be. */
bool hpack_decoder_is_sure(const struct hpack_decoder *decoder);
/* How much of the table is known. *assumed: HPACK_LEVEL_ASSUMED: the size that was assumed. */
enum hpack_level hpack_decoder_level(const struct hpack_decoder *decoder, uint32_t *assumed);
/* False when certainly none of the next four has anything to say and the level is full. */
bool hpack_decoder_has_news(const struct hpack_decoder *decoder);
/* lenient: a reference meant nothing that could be in the table, so the state was wrong and was
 * lost; taken and cleared. *index: what it was. */
bool hpack_decoder_contradicted(struct hpack_decoder *decoder, uint32_t *index);
/* Takes (and clears) CHECK_LIMIT_HPACK_STRING or CHECK_LIMIT_HPACK_TABLE when such a limit acted
 * since the last call; CHECK_COUNT otherwise. */
enum check hpack_decoder_limit_hit(struct hpack_decoder *decoder);
/* Takes (and clears) something that is legal but not wanted: CHECK_HPACK_INTEGER_OVERLONG,
 * CHECK_HPACK_TABLE_UPDATE_MIN_UNSIGNALLED; CHECK_COUNT when there is no more. */
enum check hpack_decoder_remark(struct hpack_decoder *decoder);
/* First block after a reduction did not begin with an update (lenient only;
 * CHECK_HPACK_TABLE_UPDATE_MISSING): taken and cleared. In strict manner this is an HPACK_ERROR. */
bool hpack_decoder_update_missing(struct hpack_decoder *decoder);

/* Octets and entries of the dynamic table that are kept, and how many older entries there may be,
 * for tests. */
uint32_t hpack_table_octets(const struct hpack_decoder *decoder);
uint32_t hpack_table_entries(const struct hpack_decoder *decoder);
uint32_t hpack_table_older(const struct hpack_decoder *decoder);

/* Huffman (RFC 7541 5.2): decodes in into out, which has room for HPACK_HUFF_ROOM(in.len) octets
 * (no code has less than 5 bits; stores go in pairs). Returns CHECK_COUNT and sets *out_len, or the
 * check that failed. */
#define HPACK_HUFF_ROOM(len) (2 * (len) + 2)
enum check hpack_huff_decode(struct span in, uint8_t *out, size_t *out_len);
/* The same where slack octets behind in may be looked at, too: what they are does not matter, but
 * with some the end of the string need not be copied. */
enum check hpack_huff_decode_within(struct span in, size_t slack, uint8_t *out, size_t *out_len);
/* The same without the octets. */
enum check hpack_huff_check(struct span in);

#endif
