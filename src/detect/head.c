#include "detect/head.h"

#include <string.h>

#include "h2/hpack_syntax.h"

/* What is asked of a type beyond its row in h2/frames.h: only what real senders write. */
struct head_row {
    uint8_t type;
    uint8_t flags; /* those that may be set */
    enum h2_sid_rule sid;
    uint32_t len_min, len_max;
};

#define SETTINGS_OCTETS_MAX 384

static const struct head_row rows[] = {
    // clang-format off
    { H2_DATA,            0x09, H2_SID_NONZERO, 0, H2_LEN_ANY },
    { H2_HEADERS,         0x2d, H2_SID_NONZERO, 1, H2_LEN_ANY },
    { H2_PRIORITY,        0x00, H2_SID_NONZERO, 5, 5 },
    { H2_RST_STREAM,      0x00, H2_SID_NONZERO, 4, 4 },
    { H2_SETTINGS,        0x01, H2_SID_ZERO,    0, SETTINGS_OCTETS_MAX },
    { H2_PUSH_PROMISE,    0x0c, H2_SID_NONZERO, 4, H2_LEN_ANY },
    { H2_PING,            0x01, H2_SID_ZERO,    8, 8 },
    { H2_GOAWAY,          0x00, H2_SID_ZERO,    8, H2_LEN_ANY },
    { H2_WINDOW_UPDATE,   0x00, H2_SID_EITHER,  4, 4 },
    { H2_CONTINUATION,    0x04, H2_SID_NONZERO, 0, H2_LEN_ANY },
    { H2_ALTSVC,          0x00, H2_SID_EITHER,  2, H2_LEN_ANY },
    { H2_ORIGIN,          0x00, H2_SID_ZERO,    0, H2_LEN_ANY },
    { H2_PRIORITY_UPDATE, 0x00, H2_SID_ZERO,    4, H2_LEN_ANY },
    // clang-format on
};

static const struct head_row *row_of(uint8_t type)
{
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

bool head_plausible(const uint8_t octets[H2_FRAME_HEADER_LEN], uint32_t length_max,
                    struct h2_frame_hd *hd)
{
    const struct head_row *row = octets[3] <= H2_PRIORITY_UPDATE ? row_of(octets[3]) : NULL;
    if (row == NULL || (octets[5] & 0x80) != 0 || (octets[4] & ~row->flags) != 0) {
        return false;
    }
    hd->length = num_be24(octets);
    hd->type = octets[3];
    hd->flags = hd->raw_flags = octets[4];
    hd->reserved = false;
    hd->stream_id = num_be32(octets + 5);
    if (hd->length > length_max || hd->length < row->len_min || hd->length > row->len_max) {
        return false;
    }
    if ((row->sid == H2_SID_ZERO) != (hd->stream_id == 0) && row->sid != H2_SID_EITHER) {
        return false;
    }
    switch (hd->type) {
    case H2_SETTINGS:
        return hd->length % 6 == 0 && (hd->length == 0 || (hd->flags & H2_FLAG_ACK) == 0);
    case H2_DATA: /* an empty one is only sent to end the stream */
        return hd->length > 0 || (hd->flags & H2_FLAG_END_STREAM) != 0;
    default:
        return true;
    }
}

bool head_may_follow(const uint8_t octets[H2_FRAME_HEADER_LEN], uint32_t length_max,
                     struct h2_frame_hd *hd)
{
    if (head_plausible(octets, length_max, hd)) {
        return true;
    }
    *hd = h2_frame_hd_decode(octets);
    return h2_frame_row(hd->type) == NULL && hd->length <= length_max && !hd->reserved;
}

/* The field block of a HEADERS or PUSH_PROMISE, between the fixed fields and the padding. */
static bool take_block(const struct h2_frame_hd *hd, struct span payload, struct span *block)
{
    struct cur c = cur_of(payload);
    size_t padding = (hd->flags & H2_FLAG_PADDED) != 0 ? cur_u8(&c) : 0;
    cur_skip(&c, hd->type == H2_PUSH_PROMISE ? 4 : (hd->flags & H2_FLAG_PRIORITY) != 0 ? 5 : 0);
    if (!cur_ok(&c) || padding > cur_left(&c)) {
        return false;
    }
    *block = cur_take(&c, cur_left(&c) - padding);
    return true;
}

static enum head_verdict judge_block(const struct h2_frame_hd *hd, struct span payload)
{
    struct span block;
    if (!take_block(hd, payload, &block)) {
        return HEAD_FALSE;
    }
    if ((hd->flags & H2_FLAG_END_HEADERS) == 0) {
        return HEAD_WEAK; /* the rest of the block is in CONTINUATION frames */
    }
    if (!hpack_syntax_plausible(block)) {
        return HEAD_FALSE;
    }
    return hd->type == H2_HEADERS ? HEAD_STRONG : HEAD_WEAK;
}

static enum head_verdict judge_settings(struct cur *c)
{
    if (cur_left(c) == 0) {
        return HEAD_WEAK;
    }
    while (cur_left(c) > 0) {
        uint16_t id = cur_u16(c);
        (void)cur_u32(c);
        if (id < 1 || id > 16) {
            return HEAD_FALSE;
        }
    }
    return HEAD_STRONG;
}

static enum head_verdict strong_if(bool good)
{
    return good ? HEAD_STRONG : HEAD_FALSE;
}

enum head_verdict head_judge(const struct h2_frame_hd *hd, struct span payload)
{
    struct cur c = cur_of(payload);
    switch (hd->type) {
    case H2_HEADERS:
    case H2_PUSH_PROMISE:
        return judge_block(hd, payload);
    case H2_RST_STREAM:
        return strong_if(cur_u32(&c) <= H2_HTTP_1_1_REQUIRED);
    case H2_GOAWAY:
        (void)cur_u32(&c);
        return strong_if(cur_u32(&c) <= H2_HTTP_1_1_REQUIRED && cur_ok(&c));
    case H2_WINDOW_UPDATE: {
        uint32_t increment = cur_u32(&c);
        return strong_if(increment > 0 && increment <= 0x7fffffffU);
    }
    case H2_SETTINGS:
        return judge_settings(&c);
    case H2_DATA:
        return (hd->flags & H2_FLAG_PADDED) != 0 && cur_peek(&c) >= hd->length ? HEAD_FALSE
                                                                               : HEAD_WEAK;
    default:
        return HEAD_WEAK;
    }
}

/* ---- who sends it ---- */

/* The first field that tells. Indices of RFC 7541 A: 1 to 7 are a request's pseudo-header fields,
 * 8 to 14 a response's. Fields whose index is dynamic tell nothing here; a literal name ends the
 * search. */
static int sender_of_block(struct span block)
{
    static const char status[] = "\x07:status";
    struct cur c = cur_of(block);
    while (cur_left(&c) > 0) {
        uint8_t first = cur_u8(&c);
        unsigned index = (first & 0x80) != 0   ? first & 0x7fU
                         : (first & 0x40) != 0 ? first & 0x3fU
                                               : first & 0x0fU;
        if ((first & 0xe0) == 0x20) { /* a size update */
            while ((first & 0x1f) == 0x1f && (cur_u8(&c) & 0x80) != 0) {
            }
            continue;
        }
        if (index >= 1 && index <= 14) {
            return index <= 7 ? DIR_C2S : DIR_S2C;
        }
        if (index == 0 && cur_left(&c) > sizeof(status) && cur_peek(&c) < 0x80 && c.pos[1] == ':') {
            return memcmp(c.pos, status, sizeof(status) - 1) == 0 ? DIR_S2C : DIR_C2S;
        }
        if ((first & 0x80) == 0) {
            return -1;
        }
        while (index == 0x7f && (cur_u8(&c) & 0x80) != 0) {
        }
    }
    return -1;
}

int head_sender(const struct h2_frame_hd *hd, struct span payload)
{
    struct span block;
    if (hd->type == H2_PUSH_PROMISE) {
        return DIR_S2C;
    }
    if (hd->type != H2_HEADERS) {
        return -1;
    }
    int sender = take_block(hd, payload, &block) ? sender_of_block(block) : -1;
    return sender < 0 && hd->stream_id % 2 == 0 ? DIR_S2C : sender;
}

bool head_is_grpc(const struct h2_frame_hd *hd, struct span payload)
{
    struct cur c = cur_of(payload);
    if (hd->type != H2_DATA || (hd->flags & H2_FLAG_PADDED) != 0 || payload.len == 0) {
        return false;
    }
    while (cur_left(&c) > 0) {
        uint8_t compressed = cur_u8(&c);
        uint32_t len = cur_u32(&c);
        if (compressed > 1 || len == 0) {
            return false;
        }
        cur_skip(&c, len);
    }
    return cur_done(&c);
}
