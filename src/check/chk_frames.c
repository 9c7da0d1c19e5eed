/* What single frames say of themselves: settings, error codes, deprecated priorities, ORIGIN
 * (checks.md 4.6, 4.11, 4.12). */
#include "check/check_int.h"

#define STREAM_ID_MAX 0x7fffffffU
/* Streams at a time, where nobody says more precisely. */
#define CONCURRENCY_USUAL 100U

static bool stands_before(const struct h2_setting *raw, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (raw[k].id == raw[i].id) {
            return true;
        }
    }
    return false;
}

/* RFC 9113 6.5.2, 6.5.3; RFC 9218 2.1. */
static void look_at_settings(const struct at_frame *at)
{
    struct check_side *side = &at->conn->sides[at->dir];
    const struct h2_setting *raw = at->frame->payload.settings.raw;
    size_t count = at->frame->payload.settings.raw_count;
    bool priorities = false;
    for (size_t i = 0; i < count && i < SETTINGS_LOOKED_AT; i++) {
        bool about_priorities = raw[i].id == H2_SETTING_NO_RFC7540_PRIORITIES;
        if (spec_setting_name(raw[i].id) == NULL) {
            check_tell(at, CHECK_SETTINGS_UNKNOWN_ID, CONFIDENCE_CERTAIN,
                       "setting 0x%04x is not registered", raw[i].id);
        }
        if (stands_before(raw, i)) {
            check_tell(at, CHECK_SETTINGS_DUPLICATE_ID, CONFIDENCE_CERTAIN,
                       "setting 0x%04x stands twice in one frame", raw[i].id);
        }
        /* A value of 1 is a change of the first SETTINGS' 0: the engine says so. */
        if (about_priorities && raw[i].value == 0 && side->settings_seen &&
            !side->priorities_said && !at->conn->lossy) {
            check_tell(at, CHECK_SETTINGS_NO_RFC7540_LATE, CONFIDENCE_CERTAIN,
                       "NO_RFC7540_PRIORITIES stands in a later SETTINGS, not in the first");
        }
        priorities |= about_priorities;
        if (raw[i].id == H2_SETTING_MAX_CONCURRENT_STREAMS) {
            side->concurrency_said = true;
            side->concurrency = raw[i].value;
            side->concurrency_at = check_place(at->frame);
        }
    }
    side->priorities_said |= priorities;
    side->settings_seen = true;
}

static void look_at_code(const struct at_frame *at, uint32_t code)
{
    if (spec_error_name(code) == NULL) {
        check_tell(at, CHECK_ERROR_CODE_UNKNOWN, CONFIDENCE_CERTAIN,
                   "error code 0x%x is not registered", code);
    }
}

/* RFC 9113 6.8: the end that is announced lets an error follow, and tells a client what to try
 * again elsewhere. */
static void look_at_goaway(const struct at_frame *at)
{
    const struct check_side *side = &at->conn->sides[at->dir];
    uint32_t code = at->frame->payload.goaway.error_code;
    uint32_t last = at->frame->payload.goaway.last_stream_id;
    look_at_code(at, code);
    if (at->frame->hd.stream_id != 0) {
        return;
    }
    if (at->dir == DIR_S2C && code == H2_NO_ERROR && !side->goaway && last != STREAM_ID_MAX &&
        !at->conn->lossy) {
        check_tell(at, CHECK_GOAWAY_GRACE_FIRST, CONFIDENCE_CERTAIN,
                   "GOAWAY of NO_ERROR, with no GOAWAY of stream 2147483647 before it");
    }
    if (side->answered > last) {
        check_tell(at, CHECK_GOAWAY_LAST_ID_TOO_LOW, CONFIDENCE_CERTAIN,
                   "last stream %u, but stream %u had a response", last, side->answered);
    }
    if (side->goaway && side->goaway_code != H2_NO_ERROR && side->goaway_code != code) {
        check_tell(at, CHECK_ERROR_MULTIPLE_CONNECTION, CONFIDENCE_CERTAIN,
                   "GOAWAY with error code 0x%x after one with 0x%x", code, side->goaway_code);
    }
}

static void look_at_priority(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    if (!conn->priority_told) {
        conn->priority_told = true;
        check_tell(at, CHECK_PRIORITY_DEPRECATED, CONFIDENCE_CERTAIN,
                   "priorities of RFC 7540, which RFC 9113 deprecates");
    }
    if (conn->opted_out && at->dir == DIR_C2S && !conn->opt_out_told) {
        conn->opt_out_told = true;
        check_tell(at, CHECK_PRIORITY_AFTER_OPT_OUT, CONFIDENCE_CERTAIN,
                   "priorities of RFC 7540, after the server's NO_RFC7540_PRIORITIES was "
                   "acknowledged");
    }
}

/* RFC 8336 2.2: an origin is the authority of a TLS connection. */
static void look_at_origin(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    if (conn->info.transport == TRANSPORT_H2C && at->dir == DIR_S2C && !conn->origin_told) {
        conn->origin_told = true;
        check_tell(at, CHECK_ORIGIN_ON_H2C, CONFIDENCE_CERTAIN, "ORIGIN on a cleartext connection");
    }
}

/* RFC 9113 5.1.1: identifiers are used up once, and then the connection is of no use. */
static void opens(const struct at_frame *at, uint32_t id)
{
    struct check_side *side = &at->conn->sides[at->dir];
    const struct check_side *other = &at->conn->sides[dir_other(at->dir)];
    uint32_t many = other->concurrency_said && other->concurrency < CONCURRENCY_USUAL
                        ? other->concurrency
                        : CONCURRENCY_USUAL;
    side->highest = id > side->highest ? id : side->highest;
    if (H2D_UNLIKELY(id >= STREAM_ID_MAX - 2 * many) && !side->nearly_out) {
        side->nearly_out = true;
        check_tell(at, CHECK_STREAM_ID_EXHAUSTED, CONFIDENCE_CERTAIN,
                   "stream %u: there are %u identifiers left", id, (STREAM_ID_MAX - id) / 2);
    }
}

static void look_at_headers(const struct at_frame *at)
{
    uint32_t id = at->frame->hd.stream_id;
    struct check_side *side = &at->conn->sides[at->dir];
    bool by_client = (id & 1) != 0;
    if (by_client == (at->dir == DIR_C2S)) {
        opens(at, id);
        return;
    }
    side->answered = id > side->answered ? id : side->answered;
    if (side->goaway && id > side->goaway_last) {
        check_tell(at, CHECK_GOAWAY_LAST_ID_TOO_LOW, CONFIDENCE_CERTAIN,
                   "a response on stream %u, after a GOAWAY whose last stream is %u", id,
                   side->goaway_last);
    }
}

void chk_frame(const struct at_frame *at)
{
    const struct h2_frame *frame = at->frame;
    bool ack = (frame->hd.raw_flags & H2_FLAG_ACK) != 0;
    uint8_t type = frame->hd.type;
    if (type == H2_HEADERS && frame->hd.stream_id != 0) {
        look_at_headers(at);
    }
    if (type == H2_PRIORITY ||
        (type == H2_HEADERS && (frame->hd.raw_flags & H2_FLAG_PRIORITY) != 0)) {
        look_at_priority(at);
    } else if (type == H2_ORIGIN) {
        look_at_origin(at);
    } else if (!frame->has_payload) {
        return;
    } else if (type == H2_SETTINGS && !ack) {
        look_at_settings(at);
    } else if (type == H2_RST_STREAM) {
        look_at_code(at, frame->payload.rst_stream.error_code);
    } else if (type == H2_GOAWAY) {
        look_at_goaway(at);
    } else if (type == H2_PUSH_PROMISE && at->dir == DIR_S2C) {
        opens(at, frame->payload.push_promise.promised_stream_id);
    }
}
