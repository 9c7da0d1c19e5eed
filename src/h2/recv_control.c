/* PRIORITY, RST_STREAM, PING, GOAWAY and WINDOW_UPDATE (RFC 9113 6.3, 6.4, 6.7 to 6.9): short
 * payloads, gathered whole, read by the rows of frames.c. */
#include "h2/session_int.h"

/* Reads the payload into the frame; the caller knows that it fits. */
static void decode(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    struct cur payload = { in->pos, in->pos + session->need, false };
    cur_skip(in, session->need);
    f->has_payload = h2_frame_row(f->hd.type)->decode(&payload, &f->payload);
}

/* Types of one length: another one is an error, and then nothing is read. */
static int fixed_length(struct h2_session *session, enum h2_rule rule, const struct h2_state *state)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    const struct h2_frame_row *row = h2_frame_row(hd->type);
    if (H2D_UNLIKELY(hd->length != row->len_min)) {
        int rc =
            h2_break(session, rule, hd->stream_id, "%s has a payload of %u octets; it must be %u",
                     row->name, hd->length, row->len_min);
        return rc != H2_GO ? rc : h2_skip_payload(session);
    }
    int rc = h2_begin_frame(session);
    return rc != H2_GO ? rc : h2_gather_payload(session, state);
}

/* ---- PRIORITY ---- */

static int step_priority(struct h2_session *session, struct cur *in)
{
    decode(session, in);
    if (!session->observer) {
        return h2_end_frame(session); /* nghttp2 reads it and says nothing */
    }
    const struct h2_frame *f = session->cur;
    uint32_t id = f->hd.stream_id;
    int rc = H2_GO;
    if (id == 0) {
        rc = h2_break(session, H2_RULE_PRIORITY_ZERO, 0, "PRIORITY on stream 0");
    } else if (f->payload.priority.depends_on == id) {
        rc = h2_break(session, H2_RULE_PRIORITY_SELF, id, "stream %u depends on itself", id);
    }
    return rc != H2_GO ? rc : h2_finish_frame(session);
}

static const struct h2_state st_priority = { "priority", false, step_priority };

int h2_recv_priority(struct h2_session *session)
{
    if (session->cur->hd.length == 5) {
        int rc = h2_flood_glitch(session);
        if (rc != H2_GO) {
            return rc;
        }
    }
    return fixed_length(session, H2_RULE_PRIORITY_LEN, &st_priority);
}

/* ---- RST_STREAM ---- */

static int step_rst_stream(struct h2_session *session, struct cur *in)
{
    decode(session, in);
    const struct h2_frame *f = session->cur;
    uint32_t id = f->hd.stream_id, code = f->payload.rst_stream.error_code;
    struct h2_stream *stream = h2_stream_live(session, id);
    int rc = H2_GO;
    if (id == 0) {
        rc = h2_break(session, H2_RULE_RST_ZERO, 0, "RST_STREAM on stream 0");
    } else if (stream == NULL && h2_stream_is_idle(session, id)) {
        rc = h2_break(session, H2_RULE_RST_ON_IDLE, id, "RST_STREAM on stream %u, which is idle",
                      id);
    } else if (stream == NULL) {
        (void)h2_ignore(session, h2_stream_why_gone(session, id));
        h2_late_reset(session, id);
    } else if (code == H2_REFUSED_STREAM && stream->message.status != 0) {
        h2_remark(session, CHECK_MSG_REFUSED_AFTER_RESPONSE, CONFIDENCE_CERTAIN, id,
                  "REFUSED_STREAM on stream %u behind a response of status %u", id,
                  stream->message.status);
    }
    if (rc == H2_GO) {
        rc = h2_tell_frame(session);
    }
    if (rc == H2_GO && stream != NULL) {
        stream->flags |= H2_STREAM_RST_BY_PEER;
        rc = h2_stream_close(session, stream, code);
    }
    if (rc == H2_GO) {
        rc = h2_flood_reset(session);
    }
    return rc != H2_GO ? rc : h2_end_frame(session);
}

static const struct h2_state st_rst_stream = { "rst-stream", false, step_rst_stream };

int h2_recv_rst_stream(struct h2_session *session)
{
    return fixed_length(session, H2_RULE_RST_LEN, &st_rst_stream);
}

/* ---- PING ---- */

/* The PING that an ACK answers, and with it everything that the peer read before
 * (receive-engine 6.4, rule 4). */
static int match_ping(struct h2_session *session, const uint8_t opaque[8])
{
    for (uint32_t i = 0; i < session->pings_len; i++) {
        uint32_t at = (session->pings_at + i) % H2_PINGS_MAX;
        if (memcmp(session->pings[at].opaque, opaque, 8) == 0) {
            if (session->pings[at].seq > session->proved) {
                session->proved = session->pings[at].seq;
            }
            session->pings_at = (at + 1) % H2_PINGS_MAX;
            session->pings_len -= i + 1;
            return H2_GO;
        }
    }
    return h2_break(session, H2_RULE_PING_UNMATCHED, 0, "PING ACK that matches no PING");
}

static int step_ping(struct h2_session *session, struct cur *in)
{
    decode(session, in);
    const struct h2_frame *f = session->cur;
    int rc = H2_GO;
    if (f->hd.stream_id != 0) {
        rc = h2_break(session, H2_RULE_PING_NONZERO, f->hd.stream_id, "PING on stream %u",
                      f->hd.stream_id);
    }
    if (rc == H2_GO && (f->hd.flags & H2_FLAG_ACK) != 0) {
        if (session->observer) {
            rc = match_ping(session, f->payload.ping.opaque);
        }
    } else if (rc == H2_GO && session->opt.auto_ping_ack && !session->terminating) {
        rc = h2_flood_ping(session);
        if (rc == H2_GO) {
            h2_outbox_ack(session, H2_ACTION_PING_ACK);
        }
    }
    return rc != H2_GO ? rc : h2_finish_frame(session);
}

static const struct h2_state st_ping = { "ping", false, step_ping };

int h2_recv_ping(struct h2_session *session)
{
    return fixed_length(session, H2_RULE_PING_LEN, &st_ping);
}

/* ---- GOAWAY ---- */

static int check_goaway(struct h2_session *session)
{
    const struct h2_frame *f = session->cur;
    uint32_t last = f->payload.goaway.last_stream_id;
    if (f->hd.stream_id != 0) {
        return h2_break(session, H2_RULE_GOAWAY_NONZERO, f->hd.stream_id, "GOAWAY on stream %u",
                        f->hd.stream_id);
    }
    bool notice = session->observer && last == 0x7fffffffU; /* RFC 9113 6.8: either side may */
    if (last != 0 && !h2_stream_is_own(session, last) && !notice) {
        int rc = h2_break(session, H2_RULE_GOAWAY_PARITY, 0,
                          "GOAWAY names stream %u, which its receiver cannot have opened", last);
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (last > session->goaway_last_recv) {
        return h2_break(session, H2_RULE_GOAWAY_RAISED, 0,
                        "GOAWAY names stream %u, an earlier one named %u", last,
                        session->goaway_last_recv);
    }
    return H2_GO;
}

static int step_goaway(struct h2_session *session, struct cur *in)
{
    const uint8_t *payload = in->pos;
    decode(session, in);
    if ((payload[0] & 0x80) != 0) {
        h2_remark(session, CHECK_FRAME_RESERVED_BIT, CONFIDENCE_CERTAIN, 0,
                  "the reserved bit of the last stream identifier is set");
    }
    uint32_t last = session->cur->payload.goaway.last_stream_id;
    int rc = check_goaway(session);
    if (rc != H2_GO) {
        return rc;
    }
    session->goaway_recv = true;
    if (last < session->goaway_last_recv) {
        session->goaway_last_recv = last;
    }
    uint32_t over = session->over;
    rc = h2_tell_frame(session);
    if (rc == H2_GO) {
        rc = h2_streams_close_above(session, last, true, false);
    }
    if (rc == H2_GO && over > 0) {
        h2_go_skip(session, over, false);
        return H2_GO;
    }
    return rc != H2_GO ? rc : h2_end_frame(session);
}

static const struct h2_state st_goaway = { "goaway", false, step_goaway };

int h2_recv_goaway(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    if (hd->length < 8) {
        int rc = h2_break(session, H2_RULE_TOO_SHORT, 0,
                          "GOAWAY has a payload of %u octets; it must be 8 or more", hd->length);
        return rc != H2_GO ? rc : h2_skip_payload(session);
    }
    int rc = h2_begin_frame(session);
    return rc != H2_GO ? rc : h2_gather_payload(session, &st_goaway);
}

/* ---- WINDOW_UPDATE ---- */

#define WINDOW_MAX INT64_C(0x7fffffff)

static int connection_update(struct h2_session *session, uint32_t increment)
{
    if (increment == 0) {
        return h2_break(session, H2_RULE_WINDOW_ZERO_CONNECTION, 0,
                        "WINDOW_UPDATE of the connection has increment 0");
    }
    h2_windows_note(session, NULL, false, increment);
    session->send_window += increment;
    if (session->send_window > WINDOW_MAX) {
        return h2_break_limit(
            session, H2_RULE_WINDOW_OVER_CONNECTION, 0, session->send_window - WINDOW_MAX,
            "WINDOW_UPDATE lifts the connection's window to %lld", (long long)session->send_window);
    }
    return H2_GO;
}

static int zero_increment(struct h2_session *session, uint32_t id)
{
    return h2_break(session, H2_RULE_WINDOW_ZERO_STREAM, id,
                    "WINDOW_UPDATE of stream %u has increment 0", id);
}

static int stream_update(struct h2_session *session, struct h2_stream *stream, uint32_t increment)
{
    uint32_t id = stream->id;
    if (stream->state == H2_ST_RESERVED && !h2_stream_is_own(session, id)) {
        int rc = h2_break(session, H2_RULE_WINDOW_RESERVED, id,
                          "WINDOW_UPDATE on stream %u, which its sender promised", id);
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (increment == 0) {
        return zero_increment(session, id);
    }
    h2_windows_note(session, stream, false, increment);
    stream->send_extra += increment;
    if (stream->send_extra > session->send_extra_max) {
        session->send_extra_max = stream->send_extra;
    }
    int64_t window = h2_window_send(session, stream);
    if (window > WINDOW_MAX && (stream->flags & H2_STREAM_ADOPTED) == 0) {
        return h2_break_limit(session, H2_RULE_WINDOW_OVER_STREAM, id, window - WINDOW_MAX,
                              "WINDOW_UPDATE lifts the window of stream %u to %lld", id,
                              (long long)window);
    }
    return H2_GO;
}

static int step_window_update(struct h2_session *session, struct cur *in)
{
    bool reserved = (in->pos[0] & 0x80) != 0;
    decode(session, in);
    uint32_t id = session->cur->hd.stream_id;
    uint32_t increment = session->cur->payload.window_update.increment;
    if (H2D_UNLIKELY(reserved)) {
        h2_remark(session, CHECK_FRAME_RESERVED_BIT, CONFIDENCE_CERTAIN, id,
                  "the reserved bit of the increment is set");
    }
    struct h2_stream *stream = h2_stream_live(session, id);
    int rc = H2_GO;
    if (id == 0) {
        rc = connection_update(session, increment);
    } else if (stream != NULL) {
        rc = stream_update(session, stream, increment);
    } else if (h2_stream_is_idle(session, id)) {
        rc = h2_break(session, H2_RULE_WINDOW_IDLE, id, "WINDOW_UPDATE on stream %u, which is idle",
                      id);
        if (rc == H2_GO && session->observer) {
            rc = h2_stream_adopt(session, id, &stream);
        }
        if (rc == H2_GO && increment == 0) {
            rc = zero_increment(session, id);
        }
    } else if (h2_ignore(session, h2_stream_why_gone(session, id))) {
        return h2_end_frame(session);
    } else if (increment == 0) {
        rc = zero_increment(session, id);
    }
    return rc != H2_GO ? rc : h2_finish_frame(session);
}

static const struct h2_state st_window_update = { "window-update", false, step_window_update };

int h2_recv_window_update(struct h2_session *session)
{
    return fixed_length(session, H2_RULE_WINDOW_LEN, &st_window_update);
}
