#include "encoder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

static struct {
    uint32_t bits; /* right-aligned */
    unsigned count;
} huffman[256];

static unsigned bit_at(const uint8_t *p, size_t i)
{
    return p[i / 8] >> (7 - i % 8) & 1;
}

/* The code of one symbol: the encoder is given the symbol and then many '0', whose code is five
 * zero bits; the padding is ones. */
static void huffman_read_code(nghttp2_hd_deflater *deflater, unsigned symbol)
{
    enum { ZEROS = 100 };
    uint8_t value[ZEROS + 1], out[512];
    memset(value, '0', sizeof value);
    value[0] = (uint8_t)symbol;
    uint8_t name[] = "x-q";
    nghttp2_nv nv = { name, value, 3, sizeof value, NGHTTP2_NV_FLAG_NO_INDEX };
    ssize_t len = nghttp2_hd_deflate_hd(deflater, out, sizeof out, &nv, 1);
    assert(len > 10);
    size_t at = 1;
    at += 1 + (size_t)(out[at] & 0x7f);
    assert((out[at] & 0x80) && (out[at] & 0x7f) < 0x7f);
    const uint8_t *bits = out + at + 1;
    size_t total = 8 * (size_t)(len - (ssize_t)at - 1);
    while (bit_at(bits, total - 1) == 1) {
        total--;
    }
    huffman[symbol].count = (unsigned)(total - 5 * ZEROS);
    huffman[symbol].bits = 0;
    for (unsigned i = 0; i < huffman[symbol].count; i++) {
        huffman[symbol].bits = huffman[symbol].bits << 1 | bit_at(bits, i);
    }
}

void encoder_prepare(void)
{
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, 4096) != 0) {
        abort();
    }
    for (unsigned symbol = 0; symbol < 256; symbol++) {
        huffman_read_code(deflater, symbol);
    }
    nghttp2_hd_deflate_del(deflater);
}

void encoder_init(struct encoder *encoder)
{
    memset(encoder, 0, sizeof *encoder);
    encoder->max = encoder->limit = encoder->smallest = 4096;
}

static void put_integer(struct octets *out, unsigned first, unsigned prefix, uint32_t value)
{
    uint32_t top = (1u << prefix) - 1;
    if (value < top) {
        octets_u8(out, first | value);
        return;
    }
    octets_u8(out, first | top);
    for (value -= top; value >= 0x80; value >>= 7) {
        octets_u8(out, (value & 0x7f) | 0x80);
    }
    octets_u8(out, value);
}

/* Appends the code of each octet; padding is what the last octet is filled with. */
static void huffman_encode(struct octets *out, const char *text, size_t len, bool ones)
{
    uint64_t acc = 0;
    unsigned n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned c = (uint8_t)text[i];
        acc = acc << huffman[c].count | huffman[c].bits;
        n += huffman[c].count;
        for (; n >= 8; n -= 8) {
            octets_u8(out, (unsigned)(acc >> (n - 8) & 0xff));
        }
    }
    if (n > 0) {
        unsigned fill = ones ? (1u << (8 - n)) - 1 : 0;
        octets_u8(out, (unsigned)((acc << (8 - n)) & 0xff) | fill);
    }
}

static void put_string(struct octets *out, const char *text, size_t len, bool huff,
                       enum encoder_fault fault)
{
    struct octets coded = { 0 };
    if (!huff) {
        put_integer(out, 0, 7, (uint32_t)len);
        octets_put(out, text, len);
        return;
    }
    huffman_encode(&coded, text, len, fault != ENCODER_HUFFMAN_PADDING_ZEROS);
    if (fault == ENCODER_HUFFMAN_PADDING_LONG) {
        octets_u8(&coded, 0xff);
    } else if (fault == ENCODER_HUFFMAN_EOS) {
        octets_u32(&coded, 0xffffffff);
    }
    put_integer(out, 0x80, 7, (uint32_t)coded.len);
    octets_put(out, coded.ptr, coded.len);
    free(coded.ptr);
}

static const struct field *entry(const struct encoder *e, size_t newest_first)
{
    return &e->entries[(e->first + e->count - 1 - newest_first) % ENCODER_ENTRIES];
}

static uint32_t field_octets(const struct field *f)
{
    return 32u + f->name_len + f->value_len;
}

static void evict_to(struct encoder *e, uint32_t octets)
{
    while (e->octets > octets) {
        e->octets -= field_octets(&e->entries[e->first]);
        e->first = (e->first + 1) % ENCODER_ENTRIES;
        e->count--;
    }
}

static void insert(struct encoder *e, const struct field *f)
{
    uint32_t octets = field_octets(f);
    evict_to(e, octets > e->max ? 0 : e->max - octets);
    if (octets <= e->max) {
        assert(e->count < ENCODER_ENTRIES);
        e->entries[(e->first + e->count++) % ENCODER_ENTRIES] = *f;
        e->octets += octets;
    }
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Index of the field, or of one with its name (*whole false), or 0. */
static uint32_t look_up(const struct encoder *e, const struct field *f, bool *whole)
{
    uint32_t by_name = 0;
    for (uint32_t i = 1; i <= HPACK_STATIC_COUNT + e->count; i++) {
        struct hpack_static_row row;
        if (i <= HPACK_STATIC_COUNT) {
            row = *spec_hpack_static(i);
        } else {
            const struct field *d = entry(e, i - HPACK_STATIC_COUNT - 1);
            row = (struct hpack_static_row){ d->name, d->value, d->name_len, d->value_len };
        }
        if (same(row.name, row.name_len, f->name, f->name_len)) {
            if (same(row.value, row.value_len, f->value, f->value_len)) {
                *whole = true;
                return i;
            }
            by_name = by_name != 0 ? by_name : i;
        }
    }
    *whole = false;
    return by_name;
}

static void put_field(struct encoder *e, struct rng *rng, const struct field *f,
                      enum encoder_fault fault, struct octets *out)
{
    bool whole;
    uint32_t index = look_up(e, f, &whole);
    bool strings = fault >= ENCODER_HUFFMAN_PADDING_ZEROS && fault <= ENCODER_HUFFMAN_EOS;
    if (whole && !strings && !rng_once_in(rng, 6)) {
        put_integer(out, 0x80, 7, index);
        return;
    }
    unsigned kind = rng_below(rng, 8);
    bool indexing = kind < 5, huff = strings || rng_below(rng, 2) == 0;
    if (rng_once_in(rng, 5)) {
        index = 0;
    }
    if (indexing) {
        put_integer(out, 0x40, 6, index);
    } else {
        put_integer(out, kind == 5 ? 0x10 : 0, 4, index);
    }
    if (index == 0) {
        put_string(out, f->name, f->name_len, rng_below(rng, 2) == 0, ENCODER_SOUND);
    }
    put_string(out, f->value, f->value_len, huff, fault);
    if (indexing) {
        insert(e, f);
    }
}

static void put_update(struct encoder *e, struct octets *out, uint32_t size)
{
    put_integer(out, 0x20, 5, size);
    if (size <= e->limit) {
        e->max = size;
        evict_to(e, size);
    }
}

static void put_updates(struct encoder *e, struct rng *rng, enum encoder_fault fault,
                        struct octets *out)
{
    if (fault == ENCODER_UPDATE_FORGOTTEN) {
        return;
    }
    if (fault == ENCODER_UPDATE_HIGH) {
        put_update(e, out, e->limit + 1 + rng_below(rng, 100));
    }
    if (e->update_due || rng_once_in(rng, 30) || fault == ENCODER_UPDATE_ONLY) {
        if (e->smallest < e->limit || rng_once_in(rng, 3)) {
            put_update(e, out, e->smallest);
        }
        if (!e->update_due || rng_below(rng, 2) == 0 || e->smallest == e->limit) {
            uint32_t top = e->limit < 6000 ? e->limit : 6000;
            put_update(e, out, rng_below(rng, 3) == 0 ? rng_below(rng, top + 1) : top);
        }
        e->update_due = false;
        e->smallest = e->limit;
    }
}

void encoder_set_limit(struct encoder *e, uint32_t limit)
{
    e->limit = limit;
    if (limit < e->smallest) {
        e->smallest = limit;
    }
    if (limit < e->max) {
        e->update_due = true;
    }
}

static void put_fault(struct encoder *e, struct rng *rng, enum encoder_fault fault,
                      struct octets *out)
{
    static const uint8_t too_long[] = { 0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
    static const uint8_t too_big[] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0x1f };
    static const uint8_t wide[] = { 0x0f, 0x80, 0x80, 0x80, 0x00, 0x01, 'v' }; /* index 15 */
    uint8_t garbage[12];
    switch (fault) {
    case ENCODER_INDEX_ZERO:
        octets_u8(out, 0x80);
        break;
    case ENCODER_INDEX_HIGH:
        put_integer(out, rng_below(rng, 2) == 0 ? 0x80 : 0x40, rng_below(rng, 2) == 0 ? 7 : 6,
                    (uint32_t)(HPACK_STATIC_COUNT + e->count + 1 + rng_below(rng, 3)));
        break;
    case ENCODER_INTEGER_LONG:
        octets_put(out, rng_below(rng, 2) == 0 ? too_long : too_big, sizeof too_big);
        break;
    case ENCODER_INTEGER_WIDE:
        octets_put(out, wide, sizeof wide);
        break;
    case ENCODER_UPDATE_LATE:
        put_update(e, out, e->max);
        break;
    case ENCODER_STRING_HUGE:
        octets_u8(out, 0x10);
        put_integer(out, rng_below(rng, 2) == 0 ? 0x80 : 0, 7, 65535 + rng_below(rng, 3));
        break;
    case ENCODER_GARBAGE:
        for (size_t i = 0; i < sizeof garbage; i++) {
            garbage[i] = (uint8_t)rng_next(rng);
        }
        octets_put(out, garbage, 1 + rng_below(rng, sizeof garbage));
        break;
    default:
        break;
    }
}

void encoder_block(struct encoder *e, struct rng *rng, const struct field_list *list,
                   enum encoder_fault fault, struct octets *out)
{
    size_t start = out->len;
    size_t at = list->count == 0 ? 0 : rng_below(rng, (uint32_t)list->count);
    put_updates(e, rng, fault, out);
    if (fault == ENCODER_UPDATE_ONLY) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        put_field(e, rng, &list->fields[i], i == at ? fault : ENCODER_SOUND, out);
        if (i == at) {
            put_fault(e, rng, fault, out);
        }
    }
    if (fault == ENCODER_TRUNCATED && out->len > start) {
        out->len -= 1 + rng_below(rng, (uint32_t)(out->len - start));
    }
}
