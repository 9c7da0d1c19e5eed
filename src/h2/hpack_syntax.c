#include "h2/hpack_syntax.h"

#include "h2/hpack.h"
#include "h2/message.h"

#define NUMBER_MAX        (1U << 31)
#define INDEX_MAX         (HPACK_STATIC_COUNT + 2048)
#define NAME_OCTETS       1024 /* no name that is longer is plausible */
#define CONTINUATIONS_MAX 5

/* An integer with that many bits in its first octet; a bad cursor when there is none. */
static uint32_t take_int(struct cur *at, unsigned bits)
{
    uint32_t full = (1U << bits) - 1;
    uint64_t value = cur_u8(at) & full;
    if (value < full) {
        return (uint32_t)value;
    }
    for (unsigned i = 0; i < CONTINUATIONS_MAX; i++) {
        uint8_t octet = cur_u8(at);
        value += (uint64_t)(octet & 0x7f) << (7 * i);
        if ((octet & 0x80) == 0) {
            at->bad |= value > NUMBER_MAX;
            return value > NUMBER_MAX ? 0 : (uint32_t)value;
        }
    }
    at->bad = true;
    return 0;
}

static struct span take_string(struct cur *at, bool *huffman)
{
    *huffman = (cur_peek(at) & 0x80) != 0;
    uint32_t len = take_int(at, 7);
    return cur_take(at, len);
}

/* A literal name: there is one, of lower-case token octets (a colon may lead). */
static bool take_name(struct cur *at)
{
    bool huffman;
    struct span name = take_string(at, &huffman);
    uint8_t octets[HPACK_HUFF_ROOM(NAME_OCTETS)];
    if (!cur_ok(at) || name.len == 0 || name.len > NAME_OCTETS) {
        return false;
    }
    if (huffman) {
        size_t len;
        if (hpack_huff_decode(name, octets, &len) != CHECK_COUNT) {
            return false;
        }
        name = span_of(octets, len);
    }
    return name.len > 0 && !(name.len == 1 && name.ptr[0] == ':') &&
           message_octet_facts(name, span_empty()) == 0;
}

static bool take_value(struct cur *at)
{
    bool huffman;
    struct span value = take_string(at, &huffman);
    return cur_ok(at) && (!huffman || hpack_huff_check(value) == CHECK_COUNT);
}

static bool take_literal(struct cur *at, unsigned bits)
{
    uint32_t index = take_int(at, bits);
    if (!cur_ok(at) || index > INDEX_MAX || (index == 0 && !take_name(at))) {
        return false;
    }
    return take_value(at);
}

bool hpack_syntax_plausible(struct span block)
{
    struct cur at = cur_of(block);
    bool fields = false;
    while (cur_left(&at) > 0) {
        uint8_t first = cur_peek(&at);
        if ((first & 0xe0) == 0x20) {
            (void)take_int(&at, 5);
            if (fields || !cur_ok(&at)) {
                return false;
            }
            continue;
        }
        fields = true;
        if (first & 0x80) {
            uint32_t index = take_int(&at, 7);
            if (index == 0 || index > INDEX_MAX) {
                return false;
            }
        } else if (!take_literal(&at, first & 0x40 ? 6 : 4)) {
            return false;
        }
    }
    return fields && cur_done(&at);
}
