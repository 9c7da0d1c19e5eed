/* What single frames say of themselves: settings, error codes, deprecated priorities, ORIGIN
 * (checks.md 4.6, 4.11, 4.12). */
#include "check/check_int.h"

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
static void look_at_settings(struct check_conn *conn, enum dir dir, const struct h2_frame *frame)
{
    struct check_side *side = &conn->sides[dir];
    const struct h2_setting *raw = frame->payload.settings.raw;
    size_t count = frame->payload.settings.raw_count;
    bool priorities = false;
    for (size_t i = 0; i < count && i < SETTINGS_LOOKED_AT; i++) {
        bool about_priorities = raw[i].id == H2_SETTING_NO_RFC7540_PRIORITIES;
        if (spec_setting_name(raw[i].id) == NULL) {
            check_tell(conn, dir, CHECK_SETTINGS_UNKNOWN_ID, CONFIDENCE_CERTAIN, frame,
                       "setting 0x%04x is not registered", raw[i].id);
        }
        if (stands_before(raw, i)) {
            check_tell(conn, dir, CHECK_SETTINGS_DUPLICATE_ID, CONFIDENCE_CERTAIN, frame,
                       "setting 0x%04x stands twice in one frame", raw[i].id);
        }
        /* A value of 1 is a change of the first SETTINGS' 0: the engine says so. */
        if (about_priorities && raw[i].value == 0 && side->settings_seen &&
            !side->priorities_said && !conn->begun_late) {
            check_tell(conn, dir, CHECK_SETTINGS_NO_RFC7540_LATE, CONFIDENCE_CERTAIN, frame,
                       "NO_RFC7540_PRIORITIES stands in a later SETTINGS, not in the first");
        }
        priorities |= about_priorities;
    }
    side->priorities_said |= priorities;
    side->settings_seen = true;
}

static void look_at_code(struct check_conn *conn, enum dir dir, const struct h2_frame *frame,
                         uint32_t code)
{
    if (spec_error_name(code) == NULL) {
        check_tell(conn, dir, CHECK_ERROR_CODE_UNKNOWN, CONFIDENCE_CERTAIN, frame,
                   "error code 0x%x is not registered", code);
    }
}

/* RFC 9113 6.8 lets an error follow a graceful NO_ERROR. */
static void look_at_goaway(struct check_conn *conn, enum dir dir, const struct h2_frame *frame)
{
    const struct check_side *side = &conn->sides[dir];
    uint32_t code = frame->payload.goaway.error_code;
    look_at_code(conn, dir, frame, code);
    if (side->goaway && side->goaway_code != H2_NO_ERROR && side->goaway_code != code) {
        check_tell(conn, dir, CHECK_ERROR_MULTIPLE_CONNECTION, CONFIDENCE_CERTAIN, frame,
                   "GOAWAY with error code 0x%x after one with 0x%x", code, side->goaway_code);
    }
}

static void look_at_priority(struct check_conn *conn, enum dir dir, const struct h2_frame *frame)
{
    if (!conn->priority_told) {
        conn->priority_told = true;
        check_tell(conn, dir, CHECK_PRIORITY_DEPRECATED, CONFIDENCE_CERTAIN, frame,
                   "priorities of RFC 7540, which RFC 9113 deprecates");
    }
}

/* RFC 8336 2.2: an origin is the authority of a TLS connection. */
static void look_at_origin(struct check_conn *conn, enum dir dir, const struct h2_frame *frame)
{
    if (conn->info.transport == TRANSPORT_H2C && dir == DIR_S2C && !conn->origin_told) {
        conn->origin_told = true;
        check_tell(conn, dir, CHECK_ORIGIN_ON_H2C, CONFIDENCE_CERTAIN, frame,
                   "ORIGIN on a cleartext connection");
    }
}

void chk_frame(struct check_conn *conn, enum dir dir, const struct h2_frame *frame)
{
    bool ack = (frame->hd.raw_flags & H2_FLAG_ACK) != 0;
    uint8_t type = frame->hd.type;
    if (type == H2_PRIORITY ||
        (type == H2_HEADERS && (frame->hd.raw_flags & H2_FLAG_PRIORITY) != 0)) {
        look_at_priority(conn, dir, frame);
    } else if (type == H2_ORIGIN) {
        look_at_origin(conn, dir, frame);
    } else if (!frame->has_payload) {
        return;
    } else if (type == H2_SETTINGS && !ack) {
        look_at_settings(conn, dir, frame);
    } else if (type == H2_RST_STREAM) {
        look_at_code(conn, dir, frame, frame->payload.rst_stream.error_code);
    } else if (type == H2_GOAWAY) {
        look_at_goaway(conn, dir, frame);
    }
}
