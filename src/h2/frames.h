/* Frame types: what a frame looks like and how its payload is read, as rows of one table (RFC 9113
 * 6, RFC 7838 4, RFC 8336 2, RFC 9218 7). Pure: payload in, struct out; knows no session, no
 * stream, no rule beyond its own lengths. */
#ifndef H2DUMP_H2_FRAMES_H
#define H2DUMP_H2_FRAMES_H

#include "base/cursor.h"
#include "base/stream.h"
#include "spec/spec.h"

#define H2_FRAME_HEADER_LEN 9
#define H2_PREFACE_LEN      24

/* The 24 octets a client begins with (RFC 9113 3.4). */
extern const uint8_t h2_preface[H2_PREFACE_LEN];

/* RFC 9113 4.1. */
struct h2_frame_hd {
    uint32_t length; /* of the payload; for the frame_recv of a block in several frames: the sum */
    uint8_t type;    /* enum h2_frame_type, or any other number */
    uint8_t flags; /* those that the type defines (CONTINUATION and unknown types: all), as nghttp2
                      masks them */
    uint8_t raw_flags;  /* the octet on the wire */
    bool reserved;      /* the reserved bit was set */
    uint32_t stream_id; /* 31 bits */
};

struct h2_priority {
    bool exclusive;
    uint32_t depends_on;
    uint16_t weight; /* 1 … 256 */
};

struct h2_setting {
    uint16_t id;
    uint32_t value;
};

/* What a HEADERS, a PUSH_PROMISE's block, is to its receiver (nghttp2's headers category). */
enum h2_headers_category {
    H2_CAT_REQUEST,
    H2_CAT_RESPONSE,
    H2_CAT_PUSH_RESPONSE,
    H2_CAT_HEADERS,
    H2_CAT_NONE, /* PUSH_PROMISE, or a block that is not reported */
};

/* Decoded payloads; which arm holds follows from hd.type. Spans live as long as the frame. */
union h2_payload {
    struct {
        uint32_t pad_octets;  /* Pad Length field and padding; 0: not padded (nghttp2's padlen) */
        uint32_t data_length; /* without pad_octets, also where octets are missing */
    } data;
    struct {
        uint32_t pad_octets;
        bool has_priority;
        struct h2_priority priority;
        enum h2_headers_category category;
    } headers;
    struct h2_priority priority;
    struct {
        uint32_t error_code;
    } rst_stream;
    struct {
        const struct h2_setting
            *entries; /* as nghttp2 delivers them: repeats of a known id collapsed */
        size_t count;
        const struct h2_setting *raw; /* as on the wire */
        size_t raw_count;
    } settings;
    struct {
        uint32_t pad_octets;
        uint32_t promised_stream_id;
    } push_promise;
    struct {
        uint8_t opaque[8];
    } ping;
    struct {
        uint32_t last_stream_id;
        uint32_t error_code;
        struct span debug_data; /* at most LIMIT_CONTROL_OCTETS - 8 of it */
    } goaway;
    struct {
        uint32_t increment;
    } window_update;
    struct {
        struct span origin;
        struct span field_value;
    } altsvc;
    struct {
        struct span entries; /* the payload; walk it with h2_origin_next() */
        size_t count;
    } origin;
    struct {
        uint32_t prioritized_stream_id;
        struct span field_value;
    } priority_update;
};

/* Where a frame's octets were found. */
struct h2_where {
    uint64_t offset;        /* of its first octet, in octets given to the session (gaps counted) */
    struct pos first, last; /* of its first and its last octet so far */
};

/* Windows around a frame, for those who want to see them (OBSERVER only). */
struct h2_windows {
    bool known;
    int64_t stream_before, stream_after; /* meaningless on stream 0 */
    int64_t connection_before, connection_after;
};

/* One frame as listeners get it. Lives until the callback returns. */
struct h2_frame {
    struct h2_frame_hd hd;
    union h2_payload payload; /* filled as far as read; all of it from frame_recv,
                                 invalid_frame_recv, end_frame on */
    bool has_payload;         /* the payload could be decoded */
    struct h2_where where;
    uint64_t missing;    /* payload octets that the capture lacks */
    uint64_t block_off;  /* field block octets before this frame's fragment (CONTINUATION); 0 */
    const char *discard; /* why a receiver would have ignored it; NULL */
    struct h2_windows windows;
};

/* Whether a type asks for stream 0 or forbids it. */
enum h2_sid_rule {
    H2_SID_ZERO,
    H2_SID_NONZERO,
    H2_SID_EITHER,
};

#define H2_LEN_ANY UINT32_MAX

/* One frame type. */
struct h2_frame_row {
    uint8_t type;
    const char *name; /* "HEADERS" */
    const char *rfc;  /* "RFC 9113 6.2" */
    uint8_t flags;    /* those the type defines */
    enum h2_sid_rule sid;
    uint32_t len_min; /* shortest payload without PADDED and PRIORITY */
    uint32_t len_max; /* H2_LEN_ANY: no bound of its own */
    /* Reads a whole payload; false when it does not fit. NULL for types that are streamed (DATA,
     * HEADERS, PUSH_PROMISE, CONTINUATION). */
    bool (*decode)(struct cur *c, union h2_payload *out);
};

/* The row of a type; NULL for a type without one. */
const struct h2_frame_row *h2_frame_row(uint8_t type);

/* "HEADERS", or NULL. */
const char *h2_frame_name(uint8_t type);

/* "END_STREAM" for one flag bit of a type, or NULL when the type does not define it. */
const char *h2_flag_name(uint8_t type, uint8_t flag);

/* Reads the 9 octets of a frame header. flags is masked by type (enabled extension types: none
 * kept; other unknown types: all kept). */
struct h2_frame_hd h2_frame_hd_decode(const uint8_t octets[H2_FRAME_HEADER_LEN]);

/* The next entry of an ORIGIN payload, empty ones included; false at the end, and then cur_done()
 * tells whether the payload was whole (RFC 8336 2.1). */
bool h2_origin_next(struct cur *c, struct span *origin);

#endif
