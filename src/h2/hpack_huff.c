/* Huffman decoding (RFC 7541 5.2): up to two symbols a look-up of 12 bits, four look-ups a refill
 * of a 64-bit register; the few codes that are longer go by their length. The tail is filled with
 * ones: what cannot be read without the filler is the padding. Besides base/cursor.h the only
 * place that advances a pointer into untrusted octets: each load of eight is guarded by what is
 * left. */
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

/* The last octets: symbols by pairs while a look-up's bits are all there, then a symbol a time with
 * bits beyond the string's end read as ones. step 0: all symbols go to the same two octets, for who
 * only asks whether the string is valid. */
static enum check decode_tail(struct bits bits, const uint8_t *pos, const uint8_t *end,
                              uint8_t **out, unsigned step)
{
    uint8_t *to = *out;
    for (;;) {
        while (bits.valid <= 56 && pos < end) {
            bits.value |= (uint64_t)*pos++ << (56 - bits.valid);
            bits.valid += 8;
        }
        while (bits.valid >= HPACK_HUFF_BITS) {
            const struct hpack_huff_row *row = &hpack_huff_rows[bits.value >> ROW_SHIFT];
            if (row->count == 0) {
                break;
            }
            memcpy(to, row->symbols, 2);
            to += row->count * step;
            bits_drop(&bits, row->bits);
        }
        if (bits.valid < LONG_BITS_MAX && pos < end) {
            continue;
        }
        if (bits.valid <= PADDING_MAX &&
            (bits.valid == 0 || ~bits.value >> (64 - bits.valid) == 0)) {
            break; /* nothing but padding is left, as at the end of every good string */
        }
        uint64_t filled = bits.valid < 64 ? bits.value | (UINT64_MAX >> bits.valid) : bits.value;
        const struct hpack_huff_row *row = &hpack_huff_rows[filled >> ROW_SHIFT];
        uint8_t symbol = row->symbols[0];
        unsigned length = row->count > 0 ? hpack_huff_lengths[symbol]
                                         : long_symbol((uint32_t)(filled >> 32), &symbol);
        if (length == 0 && bits.valid >= LONG_BITS_MAX) {
            return CHECK_HPACK_HUFFMAN_EOS;
        }
        if (length == 0 || length > bits.valid) {
            break;
        }
        *to = symbol;
        to += step;
        bits_drop(&bits, length);
    }
    *out = to;
    if (bits.valid > 0 && bits.value >> (64 - bits.valid) != UINT64_MAX >> (64 - bits.valid)) {
        return CHECK_HPACK_HUFFMAN_PADDING_BITS;
    }
    return bits.valid > PADDING_MAX ? CHECK_HPACK_HUFFMAN_PADDING_LONG : CHECK_COUNT;
}

enum check hpack_huff_decode(struct span in, uint8_t *out, size_t *out_len)
{
    const uint8_t *pos = in.ptr;
    const uint8_t *end = in.ptr + in.len;
    uint8_t *to = out;
    struct bits bits = { 0, 0 };
    while (end - pos >= 8) {
        /* Octets that are only partly taken are read again: the same bits in the same place. */
        bits.value |= num_be64(pos) >> bits.valid;
        pos += (63 - bits.valid) >> 3;
        bits.valid |= 56;
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
                return CHECK_HPACK_HUFFMAN_EOS;
            }
            to++;
            bits_drop(&bits, length);
        }
    }
    /* Only the valid bits: the tail adds octet by octet. */
    bits.value = bits.valid == 0 ? 0 : bits.value & ~(UINT64_MAX >> bits.valid);
    enum check check = decode_tail(bits, pos, end, &to, 1);
    *out_len = (size_t)(to - out);
    return check;
}

enum check hpack_huff_check(struct span in)
{
    uint8_t octets[2];
    uint8_t *to = octets;
    return decode_tail((struct bits){ 0, 0 }, in.ptr, in.ptr + in.len, &to, 0);
}
