/* Facts about the local endpoint (receive-engine 6.2): tests state them, a connection derives them
 * from what its other session sees. */
#include "h2/session_int.h"

/* A feed that fails ends the session like any other call. */
static int fed(struct h2_session *session, int rc)
{
    return rc < 0 ? h2_session_finish(session, rc) : 0;
}

static uint64_t fact(struct h2_session *session)
{
    session->peer_seen = true;
    return ++session->facts;
}

int h2_feed_settings_sent(struct h2_session *session, const struct h2_setting *entries,
                          size_t count)
{
    (void)fact(session);
    return fed(session, h2_ledger_push(session, entries, count));
}

/* A stream exists now: frames on it were not on an idle one. */
static void permit_stream(struct h2_session *session, uint32_t id)
{
    static const enum check checks[] = { CHECK_STREAM_IDLE_FRAME, CHECK_STREAM_IDLE_SERVER_HEADERS,
                                         CHECK_RST_IDLE, CHECK_PUSH_PARENT_STATE,
                                         CHECK_PRIORITY_UPDATE_IDLE_PUSH };
    for (size_t i = 0; i < H2D_COUNT_OF(checks) && session->suspicions != NULL; i++) {
        h2_suspicions_permit(session, checks[i], id, 1);
    }
}

static unsigned request_flags(struct span method)
{
    if (method.len == 0) {
        return 0;
    }
    return H2_STREAM_REQ_KNOWN | (span_equal(method, span_str("HEAD")) ? H2_STREAM_REQ_HEAD : 0U) |
           (span_equal(method, span_str("CONNECT")) ? H2_STREAM_REQ_CONNECT : 0U);
}

int h2_feed_request_sent(struct h2_session *session, uint32_t stream_id, struct span method,
                         bool has_protocol, bool end_stream)
{
    (void)fact(session);
    (void)has_protocol; /* extended CONNECT's response has CONNECT's rules (RFC 8441 4) */
    unsigned flags = request_flags(method) | (end_stream ? H2_STREAM_WR : 0U);
    permit_stream(session, stream_id);
    if (stream_id > session->last_sent_id) {
        session->last_sent_id = stream_id;
    }
    struct h2_stream *stream = h2_stream_find(session, stream_id);
    if (stream != NULL && stream->state != H2_ST_IDLE) {
        /* Seen from its answer first; or closed by now. */
        stream->flags |= (uint16_t)flags;
        bool over =
            (stream->flags & H2_STREAM_RD) != 0 && end_stream && stream->state != H2_ST_CLOSED;
        return over ? fed(session, h2_stream_close_fed(session, stream, H2_NO_ERROR)) : 0;
    }
    if (stream_id == 0 || !h2_stream_is_own(session, stream_id)) {
        return 0;
    }
    stream = h2_stream_add(session, stream_id, H2_ST_OPENING, flags);
    return fed(session, stream != NULL ? 0 : H2_ERR_NOMEM);
}

int h2_feed_response_sent(struct h2_session *session, uint32_t stream_id)
{
    (void)fact(session);
    struct h2_stream *stream = h2_stream_live(session, stream_id);
    if (stream != NULL &&
        (stream->state == H2_ST_RESERVED && h2_stream_is_own(session, stream_id))) {
        stream->state = H2_ST_OPENED;
    }
    return 0;
}

/* A capture may show the end of an answer before the request: that it came is remembered. */
static int early_answer(struct h2_session *session, uint32_t id)
{
    if (!session->observer || session->peer == NULL || h2_stream_is_own(session, id) ||
        !h2_stream_is_idle(session, id) || h2_stream_find(session, id) != NULL) {
        return 0;
    }
    return h2_stream_add(session, id, H2_ST_IDLE, H2_STREAM_WR) != NULL ? 0 : H2_ERR_NOMEM;
}

int h2_feed_end_stream_sent(struct h2_session *session, uint32_t stream_id)
{
    (void)fact(session);
    struct h2_stream *stream = h2_stream_live(session, stream_id);
    if (stream == NULL) {
        return fed(session, early_answer(session, stream_id));
    }
    stream->flags |= H2_STREAM_WR;
    return (stream->flags & H2_STREAM_RD) != 0 && stream->state != H2_ST_CLOSING
               ? fed(session, h2_stream_close_fed(session, stream, H2_NO_ERROR))
               : 0;
}

int h2_feed_push_sent(struct h2_session *session, uint32_t associated_id, uint32_t promised_id,
                      struct span method)
{
    (void)fact(session);
    (void)associated_id;
    (void)method;
    permit_stream(session, promised_id);
    if (!h2_stream_is_own(session, promised_id)) {
        return 0;
    }
    if (promised_id > session->last_sent_id) {
        session->last_sent_id = promised_id;
    }
    struct h2_stream *stream = h2_stream_find(session, promised_id);
    if (stream != NULL && stream->state != H2_ST_IDLE) {
        return 0;
    }
    stream = h2_stream_add(session, promised_id, H2_ST_RESERVED, H2_STREAM_RD);
    return fed(session, stream != NULL ? 0 : H2_ERR_NOMEM);
}

int h2_feed_rst_sent(struct h2_session *session, uint32_t stream_id, uint32_t error_code)
{
    uint64_t seq = fact(session);
    if (error_code == H2_FLOW_CONTROL_ERROR && session->suspicions != NULL) {
        h2_suspicions_confirm(session, stream_id);
    }
    struct h2_stream *stream = h2_stream_live(session, stream_id);
    if (stream == NULL) {
        return 0;
    }
    if (!session->observer && !session->opt.auto_drain) {
        h2_outbox_close_later(session, stream, error_code);
        return 0;
    }
    stream->flags |= H2_STREAM_RST_BY_LOCAL;
    stream->code = error_code;
    stream->rst_seq = seq;
    return fed(session, h2_stream_close_fed(session, stream, error_code));
}

int h2_feed_goaway_sent(struct h2_session *session, uint32_t last_stream_id, uint32_t error_code)
{
    session->goaway_seq = fact(session);
    if (error_code == H2_FLOW_CONTROL_ERROR && session->suspicions != NULL) {
        h2_suspicions_confirm(session, 0);
    }
    session->goaway_sent = true;
    session->goaway_decided = true;
    session->goaway_last_sent = last_stream_id;
    return fed(session, h2_streams_close_above(session, last_stream_id, false, true));
}

/* What was given back by hand is not due again. */
static void unconsume(int64_t *consumed, uint32_t increment)
{
    *consumed = *consumed > increment ? *consumed - increment : 0;
}

int h2_feed_window_update_sent(struct h2_session *session, uint32_t stream_id, uint32_t increment)
{
    (void)fact(session);
    if (stream_id == 0) {
        h2_window_credit(&session->recv_window, &session->recv_unreturned, increment);
        unconsume(&session->consumed, increment);
        h2_suspicions_permit(session, CHECK_FLOW_CONN_WINDOW_EXCEEDED, 0, increment);
        return 0;
    }
    struct h2_stream *stream = h2_stream_live(session, stream_id);
    if (stream != NULL) {
        h2_window_credit(&stream->recv_extra, &stream->recv_unreturned, increment);
        unconsume(&stream->consumed, increment);
        if (stream->recv_extra > session->recv_extra_max) {
            session->recv_extra_max = stream->recv_extra;
        }
    }
    h2_suspicions_permit(session, CHECK_FLOW_STREAM_WINDOW_EXCEEDED, stream_id, increment);
    return 0;
}

int h2_feed_data_sent(struct h2_session *session, uint32_t stream_id, uint32_t payload_octets)
{
    (void)fact(session);
    session->send_window -= payload_octets;
    struct h2_stream *stream = h2_stream_live(session, stream_id);
    if (stream != NULL) {
        stream->send_extra -= payload_octets;
    }
    if (session->suspicions != NULL) {
        h2_suspicions_permit(session, CHECK_WINDOW_OVERFLOW_CONN, 0, payload_octets);
        h2_suspicions_permit(session, CHECK_WINDOW_OVERFLOW_STREAM, stream_id, payload_octets);
        h2_suspicions_permit(session, CHECK_SETTINGS_WINDOW_OVERFLOW, 0, payload_octets);
    }
    return 0;
}

int h2_feed_ping_sent(struct h2_session *session, const uint8_t opaque[8])
{
    struct h2_ping ping = { .seq = fact(session) };
    memcpy(ping.opaque, opaque, sizeof ping.opaque);
    h2_suspicions_permit(session, CHECK_PING_ACK_PAYLOAD, 0, 1);
    if (session->pings == NULL) {
        session->pings = mem_zalloc(session->mem, H2_PINGS_MAX, sizeof ping);
    }
    if (session->pings == NULL) {
        return fed(session, H2_ERR_NOMEM);
    }
    if (session->pings_len == H2_PINGS_MAX) {
        session->pings_at = (session->pings_at + 1) % H2_PINGS_MAX;
        session->pings_len--;
    }
    session->pings[(session->pings_at + session->pings_len) % H2_PINGS_MAX] = ping;
    session->pings_len++;
    return 0;
}

static int ack_sent(struct h2_session *session)
{
    (void)fact(session);
    if (session->observer && session->acks_queued > 0) {
        session->acks_queued--;
    }
    return 0;
}

int h2_feed_settings_ack_sent(struct h2_session *session)
{
    return ack_sent(session);
}

int h2_feed_ping_ack_sent(struct h2_session *session, const uint8_t opaque[8])
{
    (void)opaque;
    return ack_sent(session);
}

int h2_feed_upgrade(struct h2_session *session, struct span method,
                    const struct h2_setting *settings, size_t count)
{
    (void)fact(session);
    unsigned flags = request_flags(method);
    struct h2_stream *stream;
    if (session->role == H2_ROLE_SERVER) {
        session->last_recv_id = session->last_proc_id = 1;
        h2_ledger_remote_now(session, settings, count);
        stream = h2_stream_add(session, 1, H2_ST_OPENED, H2_STREAM_RD | H2_STREAM_COUNTED);
    } else {
        session->last_sent_id = 1;
        h2_ledger_apply_now(session, settings, count);
        stream = h2_stream_add(session, 1, H2_ST_OPENING, H2_STREAM_WR | flags);
    }
    return fed(session, stream != NULL ? 0 : H2_ERR_NOMEM);
}

/* ---- from one session of a connection to the other ---- */

/* RFC 9113 8.5: from its 2xx on nothing but DATA may go over the stream. */
static void tunnel_opened(struct h2_session *session, uint32_t id)
{
    struct h2_stream *stream = h2_stream_live(session, id);
    if (stream != NULL) {
        stream->flags |= H2_STREAM_TUNNEL;
        session->tunnel_seq = session->facts;
    }
}

static int feed_block(struct h2_session *session, struct h2_session *peer)
{
    const struct h2_block *b = &session->block;
    uint32_t id = b->stream_id;
    struct span method = !b->method_known ? span_empty()
                         : b->head        ? span_str("HEAD")
                         : b->connect     ? span_str("CONNECT")
                                          : span_str("GET");
    if (b->frame.hd.type == H2_PUSH_PROMISE) {
        return b->subject_id != 0 ? h2_feed_push_sent(peer, id, b->subject_id, method) : 0;
    }
    if (session->role == H2_ROLE_SERVER && b->frame.payload.headers.category == H2_CAT_REQUEST) {
        return h2_feed_request_sent(peer, id, method, false, b->end_stream);
    }
    int rc = 0;
    if (session->role == H2_ROLE_CLIENT) {
        rc = h2_feed_response_sent(peer, id);
        if (b->subject != NULL && h2_stream_is_connected(session, b->subject)) {
            tunnel_opened(peer, id);
        }
    }
    return rc == 0 && b->end_stream ? h2_feed_end_stream_sent(peer, id) : rc;
}

static int feed_frame(struct h2_session *session, struct h2_session *peer)
{
    const struct h2_frame *f = session->cur;
    const union h2_payload *p = &f->payload;
    uint32_t id = f->hd.stream_id;
    bool ack = (f->hd.flags & H2_FLAG_ACK) != 0;
    switch (f->hd.type) {
    case H2_DATA: {
        int rc = h2_feed_data_sent(peer, id, f->hd.length);
        bool end = (f->hd.flags & H2_FLAG_END_STREAM) != 0;
        return rc == 0 && end ? h2_feed_end_stream_sent(peer, id) : rc;
    }
    case H2_SETTINGS:
        return ack ? h2_feed_settings_ack_sent(peer)
                   : h2_feed_settings_sent(peer, p->settings.raw, p->settings.raw_count);
    case H2_PING:
        return ack ? h2_feed_ping_ack_sent(peer, p->ping.opaque)
                   : h2_feed_ping_sent(peer, p->ping.opaque);
    case H2_RST_STREAM:
        return h2_feed_rst_sent(peer, id, p->rst_stream.error_code);
    case H2_GOAWAY:
        return h2_feed_goaway_sent(peer, p->goaway.last_stream_id, p->goaway.error_code);
    case H2_WINDOW_UPDATE:
        return h2_feed_window_update_sent(peer, id, p->window_update.increment);
    default:
        return 0;
    }
}

int h2_feed_peer(struct h2_session *session)
{
    struct h2_session *peer = session->peer;
    if (peer->fatal != 0) {
        return 0;
    }
    if (peer->suspicions != NULL) {
        h2_suspicions_ripen(peer, false);
    }
    if (session->unit == &session->block.frame) {
        return session->block.open ? 0 : feed_block(session, peer);
    }
    peer->peer_seen = true;
    return session->cur->has_payload ? feed_frame(session, peer) : 0;
}
