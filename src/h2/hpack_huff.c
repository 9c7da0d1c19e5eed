/* Huffman decoding (RFC 7541 5.2): up to two symbols a look-up of 12 bits, four look-ups a refill
 * of a 64-bit register; the few codes that are longer go by their length. At the tail look-ups run
 * into what lies behind the string: what cannot be read without that is the padding. Besides
 * base/cursor.h the only place that advances a pointer into untrusted octets: each load of eight is
 * guarded by what is left. */
#include <string.h>

#include "h2/hpack.h"
#include "h2/hpack_huff_table.h"

#define ROW_SHIFT     (64 - HPACK_HUFF_BITS)
#define LONG_BITS_MAX 30
#define PADDING_MAX   7

/* Bits not yet decoded, from the top; valid of them count. */
struct bits {
    uint64_t value;
    unsigned valid;
};

static void bits_drop(struct bits *bits, unsigned n)
{
    bits->value <<= n;
    bits->valid -= n;
}

/* The symbol of the long code on top; the bits it has, 0 for EOS. */
static unsigned long_symbol(uint32_t top, uint8_t *symbol)
{
    for (size_t i = 0; i < HPACK_HUFF_LONGS; i++) {
        const struct hpack_huff_long *row = &hpack_huff_longs[i];
        if (top < row->end) {
            *symbol = hpack_huff_long_symbols[row->at + ((top - row->first) >> (32 - row->bits))];
            return row->bits;
        }
    }
    return 0;
}

/* Octets from where the tail begins that a refill may look at: what lies behind the string only
 * ever completes codes that are then too long for it. */
#define TAIL_MAX  7
#define TAIL_ROOM (TAIL_MAX + 17)

static void bits_refill(struct bits *bits, const uint8_t **pos)
{
    /* Octets that are only partly taken are read again: the same bits in the same place. */
    bits->value |= num_be64(*pos) >> bits->valid;
    *pos += (63 - bits->valid) >> 3;
    bits->valid |= 56;
}

/* What is left when no symbol fits any more: left bits from the top, which must be the first ones
 * of EOS (RFC 7541 5.2). */
static enum check judge_padding(uint64_t value, unsigned left)
{
    if (left > 0 && value >> (64 - left) != UINT64_MAX >> (64 - left)) {
        return CHECK_HPACK_HUFFMAN_PADDING_BITS;
    }
    return left > PADDING_MAX ? CHECK_HPACK_HUFFMAN_PADDING_LONG : CHECK_COUNT;
}

/* The last octets, at most TAIL_MAX of them, behind the bits that are in the register. step 0: all
 * symbols go to the same octets, for who only asks whether the string is valid. */
static enum check decode_tail(struct bits bits, const uint8_t *pos, size_t octets, size_t slack,
                              uint8_t **out, unsigned step)
{
    uint8_t tail[TAIL_ROOM];
    uint8_t *to = *out;
    unsigned left = bits.valid + 8 * (unsigned)octets; /* bits that belong to the string */
    if (slack < TAIL_ROOM) {
        memset(tail, 0xff, sizeof tail);
        memcpy(tail, pos, octets);
        pos = tail;
    }
    for (;;) {
        bits_refill(&bits, &pos);
        const struct hpack_huff_row *row = &hpack_huff_rows[bits.value >> ROW_SHIFT];
        for (unsigned i = 0; i < 3 && row->count > 0 && row->bits <= left; i++) {
            memcpy(to, row->symbols, 2);
            to += row->count * step;
            bits_drop(&bits, row->bits);
            left -= row->bits;
            row = &hpack_huff_rows[bits.value >> ROW_SHIFT];
        }
        if (left <= PADDING_MAX && judge_padding(bits.value, left) == CHECK_COUNT) {
            break; /* as at the end of every good string */
        }
        bits_refill(&bits, &pos);
        uint8_t symbol = row->symbols[0];
        unsigned length = row->count > 0 ? hpack_huff_lengths[symbol]
                                         : long_symbol((uint32_t)(bits.value >> 32), &symbol);
        if (length == 0 && left >= LONG_BITS_MAX) {
            return CHECK_HPACK_HUFFMAN_EOS;
        }
        if (length == 0 || length > left) {
            break;
        }
        *to = symbol;
        to += step;
        bits_drop(&bits, length);
        left -= length;
    }
    *out = to;
    return judge_padding(bits.value, left);
}

/* All but the tail: leaves what is in the register, and where the rest begins. False: EOS. */
static bool decode_body(struct bits *at, const uint8_t **from, const uint8_t *end, uint8_t **out)
{
    struct bits bits = { 0, 0 };
    const uint8_t *pos = *from;
    uint8_t *to = *out;
    while (end - pos >= 8) {
        bits_refill(&bits, &pos);
        unsigned i = 0;
        for (; i < 4; i++) {
            const struct hpack_huff_row *row = &hpack_huff_rows[bits.value >> ROW_SHIFT];
            if (H2D_UNLIKELY(row->count == 0)) {
                break;
            }
            memcpy(to, row->symbols, 2);
            to += row->count;
            bits_drop(&bits, row->bits);
        }
        if (H2D_UNLIKELY(i < 4 && bits.valid >= LONG_BITS_MAX)) {
            unsigned length = long_symbol((uint32_t)(bits.value >> 32), to);
            if (length == 0) {
                return false;
            }
            to++;
            bits_drop(&bits, length);
        }
    }
    *at = bits;
    *from = pos;
    *out = to;
    return true;
}

enum check hpack_huff_decode_within(struct span in, size_t slack, uint8_t *out, size_t *out_len)
{
    const uint8_t *pos = in.ptr;
    const uint8_t *end = in.ptr + in.len;
    uint8_t *to = out;
    struct bits bits;
    if (!decode_body(&bits, &pos, end, &to)) {
        return CHECK_HPACK_HUFFMAN_EOS;
    }
    enum check check = decode_tail(bits, pos, (size_t)(end - pos), slack, &to, 1);
    *out_len = (size_t)(to - out);
    return check;
}

enum check hpack_huff_decode(struct span in, uint8_t *out, size_t *out_len)
{
    return hpack_huff_decode_within(in, 0, out, out_len);
}

enum check hpack_huff_check(struct span in)
{
    struct bits bits = { 0, 0 };
    const uint8_t *end = in.ptr + in.len;
    const uint8_t *pos = in.ptr;
    while (end - pos >= 8) {
        uint8_t symbol;
        bits_refill(&bits, &pos);
        const struct hpack_huff_row *row = &hpack_huff_rows[bits.value >> ROW_SHIFT];
        unsigned length =
            row->count > 0 ? row->bits : long_symbol((uint32_t)(bits.value >> 32), &symbol);
        if (length == 0) {
            return CHECK_HPACK_HUFFMAN_EOS;
        }
        bits_drop(&bits, length);
    }
    uint8_t pair[2];
    uint8_t *to = pair;
    return decode_tail(bits, pos, (size_t)(end - pos), 0, &to, 0);
}
