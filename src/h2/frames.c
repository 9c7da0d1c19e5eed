/* The rows of RFC 9113's frame types and the table of all types. Payload decoders are pure: they
 * read what the caller gathered, and say false when it does not fit. Those of the extension types
 * are in frames_ext.c. */
#include "h2/frames.h"

#include "h2/frames_ext.h"

const uint8_t h2_preface[H2_PREFACE_LEN] = { 'P',  'R',  'I', ' ', '*',  ' ',  'H',  'T',
                                             'T',  'P',  '/', '2', '.',  '0',  '\r', '\n',
                                             '\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n' };

/* RFC 9113 6.3  |E| Stream Dependency (31) | Weight (8) | */
static bool priority_decode(struct cur *c, union h2_payload *out)
{
    uint32_t dependency = cur_u32(c);
    out->priority.exclusive = (dependency & 0x80000000U) != 0;
    out->priority.depends_on = dependency & 0x7fffffffU;
    out->priority.weight = (uint16_t)(cur_u8(c) + 1);
    return cur_ok(c);
}

/* RFC 9113 6.4  | Error Code (32) | */
static bool rst_stream_decode(struct cur *c, union h2_payload *out)
{
    out->rst_stream.error_code = cur_u32(c);
    return cur_ok(c);
}

/* RFC 9113 6.7  | Opaque Data (64) | */
static bool ping_decode(struct cur *c, union h2_payload *out)
{
    struct span opaque = cur_take(c, sizeof out->ping.opaque);
    if (!cur_ok(c)) {
        return false;
    }
    memcpy(out->ping.opaque, opaque.ptr, opaque.len);
    return true;
}

/* RFC 9113 6.8  |R| Last-Stream-ID (31) | Error Code (32) | Additional Debug Data (*) | */
static bool goaway_decode(struct cur *c, union h2_payload *out)
{
    out->goaway.last_stream_id = cur_u31(c);
    out->goaway.error_code = cur_u32(c);
    out->goaway.debug_data = cur_rest(c);
    return cur_ok(c);
}

/* RFC 9113 6.9  |R| Window Size Increment (31) | */
static bool window_update_decode(struct cur *c, union h2_payload *out)
{
    out->window_update.increment = cur_u31(c);
    return cur_ok(c);
}

/* SETTINGS has no decoder here: its entries need memory, which the session owns (settings.h). */

#define ES H2_FLAG_END_STREAM
#define EH H2_FLAG_END_HEADERS
#define PA H2_FLAG_PADDED
#define PR H2_FLAG_PRIORITY

/* clang-format off */
static const struct h2_frame_row rows[] = {
    /* type              name               rfc             flags              stream id        min len  max len     decode */
    { H2_DATA,            "DATA",            "RFC 9113 6.1",  ES | PA,           H2_SID_NONZERO,  0,       H2_LEN_ANY, NULL },
    { H2_HEADERS,         "HEADERS",         "RFC 9113 6.2",  ES | EH | PA | PR, H2_SID_NONZERO,  0,       H2_LEN_ANY, NULL },
    { H2_PRIORITY,        "PRIORITY",        "RFC 9113 6.3",  0,                 H2_SID_NONZERO,  5,       5,          priority_decode },
    { H2_RST_STREAM,      "RST_STREAM",      "RFC 9113 6.4",  0,                 H2_SID_NONZERO,  4,       4,          rst_stream_decode },
    { H2_SETTINGS,        "SETTINGS",        "RFC 9113 6.5",  H2_FLAG_ACK,       H2_SID_ZERO,     0,       H2_LEN_ANY, NULL },
    { H2_PUSH_PROMISE,    "PUSH_PROMISE",    "RFC 9113 6.6",  EH | PA,           H2_SID_NONZERO,  4,       H2_LEN_ANY, NULL },
    { H2_PING,            "PING",            "RFC 9113 6.7",  H2_FLAG_ACK,       H2_SID_ZERO,     8,       8,          ping_decode },
    { H2_GOAWAY,          "GOAWAY",          "RFC 9113 6.8",  0,                 H2_SID_ZERO,     8,       H2_LEN_ANY, goaway_decode },
    { H2_WINDOW_UPDATE,   "WINDOW_UPDATE",   "RFC 9113 6.9",  0,                 H2_SID_EITHER,   4,       4,          window_update_decode },
    { H2_CONTINUATION,    "CONTINUATION",    "RFC 9113 6.10", EH,                H2_SID_NONZERO,  0,       H2_LEN_ANY, NULL },
    { H2_ALTSVC,          "ALTSVC",          "RFC 7838 4",    0,                 H2_SID_EITHER,   2,       H2_LEN_ANY, h2_altsvc_decode },
    { H2_ORIGIN,          "ORIGIN",          "RFC 8336 2",    0,                 H2_SID_ZERO,     0,       H2_LEN_ANY, h2_origin_decode },
    { H2_PRIORITY_UPDATE, "PRIORITY_UPDATE", "RFC 9218 7.1",  0,                 H2_SID_ZERO,     4,       H2_LEN_ANY, h2_priority_update_decode },
};

/* Row number + 1 of a type; 0: none. */
static const uint8_t row_of[] = {
    [H2_DATA] = 1,       [H2_HEADERS] = 2, [H2_PRIORITY] = 3,     [H2_RST_STREAM] = 4, [H2_SETTINGS] = 5,
    [H2_PUSH_PROMISE] = 6, [H2_PING] = 7,  [H2_GOAWAY] = 8,       [H2_WINDOW_UPDATE] = 9, [H2_CONTINUATION] = 10,
    [H2_ALTSVC] = 11,    [H2_ORIGIN] = 12, [H2_PRIORITY_UPDATE] = 13,
};

struct flag_row {
    uint8_t type, flag;
    const char *name;
};

static const struct flag_row flag_rows[] = {
    { H2_DATA,         ES,          "END_STREAM" },
    { H2_DATA,         PA,          "PADDED" },
    { H2_HEADERS,      ES,          "END_STREAM" },
    { H2_HEADERS,      EH,          "END_HEADERS" },
    { H2_HEADERS,      PA,          "PADDED" },
    { H2_HEADERS,      PR,          "PRIORITY" },
    { H2_SETTINGS,     H2_FLAG_ACK, "ACK" },
    { H2_PUSH_PROMISE, EH,          "END_HEADERS" },
    { H2_PUSH_PROMISE, PA,          "PADDED" },
    { H2_PING,         H2_FLAG_ACK, "ACK" },
    { H2_CONTINUATION, EH,          "END_HEADERS" },
};
/* clang-format on */

const struct h2_frame_row *h2_frame_row(uint8_t type)
{
    return type < H2D_COUNT_OF(row_of) && row_of[type] != 0 ? &rows[row_of[type] - 1] : NULL;
}

const char *h2_frame_name(uint8_t type)
{
    const struct h2_frame_row *row = h2_frame_row(type);
    return row != NULL ? row->name : NULL;
}

const char *h2_flag_name(uint8_t type, uint8_t flag)
{
    for (size_t i = 0; i < H2D_COUNT_OF(flag_rows); i++) {
        if (flag_rows[i].type == type && flag_rows[i].flag == flag) {
            return flag_rows[i].name;
        }
    }
    return NULL;
}

/* RFC 9113 4.1  | Length (24) | Type (8) | Flags (8) |R| Stream Identifier (31) | */
struct h2_frame_hd h2_frame_hd_decode(const uint8_t octets[H2_FRAME_HEADER_LEN])
{
    uint32_t id = num_be32(octets + 5);
    struct h2_frame_hd hd = {
        .length = num_be24(octets),
        .type = octets[3],
        .flags = octets[4],
        .raw_flags = octets[4],
        .reserved = (id & 0x80000000U) != 0,
        .stream_id = id & 0x7fffffffU,
    };
    /* nghttp2 keeps what CONTINUATION came with (receive-engine 2.1). */
    if (hd.type < H2D_COUNT_OF(row_of) && row_of[hd.type] != 0 && hd.type != H2_CONTINUATION) {
        hd.flags &= rows[row_of[hd.type] - 1].flags;
    }
    return hd;
}
