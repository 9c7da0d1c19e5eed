/* Takes one layer of compression off a stream: gzip or zstd, members or frames one behind another,
 * what is there of a cut one. Knows no file: octets in, octets out. */
#ifndef H2DUMP_INPUT_UNPACK_H
#define H2DUMP_INPUT_UNPACK_H

#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"

struct unpacker;

/* How octets are compressed, as their beginning tells. */
enum packing {
    PACKING_NONE,
    PACKING_GZIP, /* RFC 1952 */
    PACKING_ZSTD, /* RFC 8878; also when it begins with a skippable frame */
};

/* What the first octets (four are enough) say. */
enum packing packing_of(struct span head);

/* Whether this build can take it off. */
bool packing_is_known(enum packing packing);

/* NULL: memory is out, or the packing is not known to this build. zstd's own memory is not of mem,
 * but bounded by its largest window, 2^27 octets. */
struct unpacker *unpack_new(struct mem *mem, enum packing packing) H2D_MUST_CHECK;
void unpack_free(struct unpacker *unpacker);

/* Takes octets from *in (which then begins behind them) and puts up to room of what they mean into
 * out. The number put; 0: *in is used up. Negative: RC_NOMEM, or RC_DAMAGED with *why; what came
 * out before stands. */
long unpack_some(struct unpacker *unpacker, struct span *in, uint8_t *out, size_t room,
                 char why[160]) H2D_MUST_CHECK;

/* Whether the packed stream may end here: between two members. */
bool unpack_may_end(const struct unpacker *unpacker);

/* "zlib", "zstd" and the version it runs with; NULL: not built in. */
const char *unpack_library(enum packing packing, const char **version);

#endif
