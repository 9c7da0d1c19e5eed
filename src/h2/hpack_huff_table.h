/* The Huffman code of HPACK as tables (RFC 7541 appendix B), made by scripts/gen/huffman.py. For
 * hpack_huff.c alone. */
#ifndef H2DUMP_H2_HPACK_HUFF_TABLE_H
#define H2DUMP_H2_HPACK_HUFF_TABLE_H

#include <stdint.h>

#define HPACK_HUFF_BITS         12
#define HPACK_HUFF_LONGS        14
#define HPACK_HUFF_LONG_SYMBOLS 172

/* What the next HPACK_HUFF_BITS bits begin with: up to two whole symbols. count 0: a longer code.
 */
struct hpack_huff_row {
    uint8_t symbols[2];
    uint8_t bits; /* of all count symbols */
    uint8_t count;
};
extern const struct hpack_huff_row hpack_huff_rows[1 << HPACK_HUFF_BITS];

/* Bits of each octet's code. */
extern const uint8_t hpack_huff_lengths[256];

/* The codes longer than a look-up, one row a length, ascending. first and end are codes shifted to
 * the top of 32 bits; the codes of a length are consecutive. EOS lies behind the last end. */
struct hpack_huff_long {
    uint8_t bits;
    uint8_t at; /* of its first symbol in hpack_huff_long_symbols */
    uint32_t first, end;
};
extern const struct hpack_huff_long hpack_huff_longs[HPACK_HUFF_LONGS];
extern const uint8_t hpack_huff_long_symbols[HPACK_HUFF_LONG_SYMBOLS];

#endif
