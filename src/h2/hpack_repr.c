#include "h2/hpack_repr.h"

#include "spec/limits.h"

#define CONTINUATION_SHIFT 28 /* of the fifth continuation octet, the last we read */

static enum hpack_parsed fail(struct hpack_parse *parse, enum check check)
{
    parse->error = check;
    return HPACK_PARSED_ERROR;
}

static enum hpack_parsed lack(struct hpack_parse *parse, size_t need, bool in_string)
{
    parse->need = need;
    parse->in_string = in_string;
    return HPACK_PARSED_SHORT;
}

/* An integer (RFC 7541 5.1) whose first octet, taken already, has all bits set. Strict: what it has
 * come to so far must not pass max either. */
static H2D_NOINLINE enum hpack_parsed take_long_int(struct hpack_parse *parse, uint64_t value,
                                                    uint32_t max, enum check over, uint32_t *out)
{
    unsigned shift = 0;
    bool more = true;
    while (more) {
        if (!parse->lenient && value > max) {
            return fail(parse, over);
        }
        if (cur_left(&parse->at) == 0) {
            return lack(parse, 1, false);
        }
        uint8_t octet = cur_u8(&parse->at);
        if (shift > CONTINUATION_SHIFT) {
            return fail(parse, CHECK_HPACK_INTEGER_OVERFLOW);
        }
        value += (uint64_t)(octet & 0x7f) << shift;
        if (value > UINT32_MAX) {
            return fail(parse, CHECK_HPACK_INTEGER_OVERFLOW);
        }
        shift += 7;
        more = (octet & 0x80) != 0;
        parse->overlong |= octet == 0 && shift > 7;
    }
    *out = (uint32_t)value;
    return value <= max ? HPACK_PARSED : fail(parse, over);
}

/* An integer with that many bits in its first octet, which is there. Nearly all end in it. */
static H2D_ALWAYS_INLINE enum hpack_parsed take_int(struct hpack_parse *parse, unsigned bits,
                                                    uint32_t max, enum check over, uint32_t *out)
{
    uint32_t full = (1U << bits) - 1;
    uint32_t value = cur_u8(&parse->at) & full;
    if (value == full) {
        return take_long_int(parse, value, max, over, out);
    }
    *out = value;
    return value <= max ? HPACK_PARSED : fail(parse, over);
}

/* A string literal (RFC 7541 5.2). */
static enum hpack_parsed take_string(struct hpack_parse *parse, struct hpack_literal *out)
{
    if (cur_left(&parse->at) == 0) {
        return lack(parse, 1, false);
    }
    out->huffman = (cur_peek(&parse->at) & 0x80) != 0;
    uint32_t max = parse->lenient ? UINT32_MAX : (uint32_t)LIMIT_HPACK_STRING_OCTETS;
    enum hpack_parsed parsed = take_int(parse, 7, max, CHECK_LIMIT_HPACK_STRING, &out->len);
    if (parsed != HPACK_PARSED) {
        return parsed;
    }
    if (H2D_UNLIKELY(out->len > LIMIT_HPACK_STRING_OCTETS)) {
        out->skipped = true;
        if (parse->skips > 0) {
            parse->skips--;
            return HPACK_PARSED;
        }
        parse->need = out->len;
        return HPACK_PARSED_LONG;
    }
    if (out->len > cur_left(&parse->at)) {
        return lack(parse, out->len - cur_left(&parse->at), true);
    }
    out->wire = cur_take(&parse->at, out->len);
    out->slack = cur_left(&parse->at);
    return HPACK_PARSED;
}

static enum hpack_parsed take_literal(struct hpack_parse *parse, unsigned bits,
                                      struct hpack_piece *repr)
{
    enum hpack_parsed parsed =
        take_int(parse, bits, parse->index_end, CHECK_HPACK_INDEX_OUT_OF_RANGE, &repr->number);
    if (parsed == HPACK_PARSED && repr->number == 0) {
        parsed = take_string(parse, &repr->name);
    }
    return parsed == HPACK_PARSED ? take_string(parse, &repr->value) : parsed;
}

/* Part by part, because a compiler zeroes a struct of this size by a string instruction. */
static void literal_init(struct hpack_literal *literal)
{
    literal->wire = span_empty();
    literal->slack = 0;
    literal->len = 0;
    literal->huffman = literal->skipped = false;
}

enum hpack_parsed hpack_parse_repr(struct hpack_parse *parse, struct hpack_piece *repr)
{
    uint8_t first = cur_peek(&parse->at);
    repr->number = 0;
    literal_init(&repr->name);
    literal_init(&repr->value);
    if ((first & 0xe0) == 0x20) {
        repr->kind = HPACK_SIZE_UPDATE;
        return parse->field_seen ? fail(parse, CHECK_HPACK_TABLE_UPDATE_LATE)
                                 : take_int(parse, 5, parse->size_max,
                                            CHECK_HPACK_TABLE_UPDATE_TOO_LARGE, &repr->number);
    }
    if (parse->update_due) {
        if (!parse->lenient) {
            return fail(parse, CHECK_HPACK_TABLE_UPDATE_MISSING);
        }
        parse->update_missed = true;
    }
    if (first == 0x80) {
        return fail(parse, CHECK_HPACK_INDEX_ZERO);
    }
    if (first & 0x80) {
        repr->kind = HPACK_INDEXED;
        return take_int(parse, 7, parse->index_end, CHECK_HPACK_INDEX_OUT_OF_RANGE, &repr->number);
    }
    if (first & 0x40) {
        repr->kind = HPACK_LITERAL_INDEXED;
        return take_literal(parse, 6, repr);
    }
    repr->kind = first & 0x10 ? HPACK_LITERAL_NEVER : HPACK_LITERAL;
    return take_literal(parse, 4, repr);
}
