/* PUSH_PROMISE (RFC 9113 6.6, 8.4): the promise is checked against the stream it stands on and the
 * stream it reserves; its block is the promised request. */
#include "h2/session_int.h"

struct promise {
    struct h2_stream *stream; /* the promised one; NULL: none */
    bool ignored;
};

/* The stream that the promise stands on, as far as octets of this direction tell. */
static int check_parent_id(struct h2_session *session, uint32_t id)
{
    if (id == 0) {
        return h2_break(session, H2_RULE_PUSH_ZERO, 0, "PUSH_PROMISE on stream 0");
    }
    if (session->role == H2_ROLE_SERVER) {
        return h2_break(session, H2_RULE_PUSH_BY_CLIENT, id, "a client sent PUSH_PROMISE");
    }
    const struct h2_ledger *l = &session->ledger;
    uint32_t allowed =
        session->observer ? l->widest[H2_SETTING_ENABLE_PUSH] : l->acked[H2_SETTING_ENABLE_PUSH];
    if (allowed == 0) {
        int rc = h2_break(session, H2_RULE_PUSH_OFF, id,
                          "PUSH_PROMISE although the client disabled push");
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (!h2_stream_is_own(session, id)) {
        return h2_break(session, H2_RULE_PUSH_PARENT_PARITY, id,
                        "PUSH_PROMISE on stream %u, which no client opened", id);
    }
    return H2_GO;
}

static int check_promised_id(struct h2_session *session, uint32_t id, uint32_t promised)
{
    if (promised == 0 || (promised & 1) != 0) {
        return h2_break(session, H2_RULE_PUSH_ID, id,
                        "PUSH_PROMISE promises stream %u, not an even one", promised);
    }
    if (promised <= session->last_recv_id) {
        return h2_break(session, H2_RULE_PUSH_ID_ORDER, id,
                        "PUSH_PROMISE promises stream %u after stream %u", promised,
                        session->last_recv_id);
    }
    return H2_GO;
}

/* The promise will not be taken: it is cancelled (receive-engine 3.7). */
static bool is_cancelled(struct h2_session *session, const struct h2_stream *parent)
{
    bool gone = parent == NULL || parent->state == H2_ST_CLOSING;
    bool off = session->ledger.pending[H2_SETTING_ENABLE_PUSH] == 0;
    bool many = h2_flood_reserved(session);
    return gone || off || many;
}

/* The server had ended the stream; in OBSERVER also when it is closed by now, unless by a reset. */
static bool ended(const struct h2_session *session, uint32_t id, const struct h2_stream *parent)
{
    if (parent == NULL && session->observer) {
        parent = h2_stream_find(session, id);
    }
    return parent != NULL && (parent->flags & H2_STREAM_RD) != 0 &&
           (parent->flags & (H2_STREAM_RST_BY_LOCAL | H2_STREAM_RST_BY_PEER)) == 0;
}

static int reserve(struct h2_session *session, uint32_t promised, struct promise *p)
{
    struct h2_stream *known = h2_stream_find(session, promised);
    if (session->observer && (promised == 0 || h2_stream_is_own(session, promised) ||
                              (known != NULL && known->state != H2_ST_IDLE))) {
        return H2_GO; /* reported above; there is nothing to reserve */
    }
    session->last_proc_id = promised;
    p->stream =
        h2_stream_add(session, promised, H2_ST_RESERVED, H2_STREAM_WR | H2_STREAM_RESERVED_REMOTE);
    return p->stream != NULL ? H2_GO : H2_ERR_NOMEM;
}

/* receive-engine 3.7, in order. H2_SILENT: cancelled. */
static int admit(struct h2_session *session, struct promise *p)
{
    const struct h2_frame *f = session->cur;
    uint32_t id = f->hd.stream_id, promised = f->payload.push_promise.promised_stream_id;
    int rc = check_parent_id(session, id);
    if (rc != H2_GO || session->role == H2_ROLE_SERVER || id == 0) {
        return rc; /* OBSERVER goes on with the block; there is nothing to reserve */
    }
    h2_late_opening(session, promised);
    if (session->goaway_sent) {
        p->ignored = h2_ignore(session, "after GOAWAY");
        if (p->ignored) {
            return H2_GO;
        }
    }
    rc = check_promised_id(session, id, promised);
    if (rc != H2_GO) {
        return rc;
    }
    struct h2_stream *parent = h2_stream_live(session, id);
    if (parent == NULL && h2_stream_is_own(session, id) && h2_stream_is_idle(session, id)) {
        rc = h2_break(session, H2_RULE_PUSH_PARENT_IDLE, id,
                      "PUSH_PROMISE on stream %u, which is idle", id);
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (parent != NULL && h2_stream_is_connected(session, parent)) {
        rc = h2_break(session, H2_RULE_CONNECT_FRAME, id,
                      "PUSH_PROMISE on stream %u, which is a tunnel (CONNECT)", id);
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (promised > session->last_recv_id && !h2_stream_is_own(session, promised)) {
        session->last_recv_id = promised;
    }
    if (is_cancelled(session, parent)) {
        rc = h2_break(session, H2_RULE_PUSH_CANCELLED, promised, "promise cancelled");
        if (rc != H2_GO) {
            return rc;
        }
        (void)h2_ignore(session, parent == NULL ? h2_stream_why_gone(session, id)
                                                : "the promise would be cancelled");
    }
    if (ended(session, id, parent)) {
        rc = h2_break(session, H2_RULE_PUSH_PARENT_CLOSED, id,
                      "PUSH_PROMISE on stream %u after END_STREAM", id);
        if (rc != H2_GO) {
            return rc;
        }
    }
    return reserve(session, promised, p);
}

/* Behind Pad Length: |R| Promised Stream ID (31) | */
static int step_push_prefix(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    uint32_t pad_octets = f->payload.push_promise.pad_octets;
    uint32_t pad = pad_octets > 0 ? pad_octets - 1 : 0;
    uint32_t rest = f->hd.length - session->need - (pad_octets > 0);
    if (pad_octets + 4 > f->hd.length) {
        int rc = h2_break(session, H2_RULE_PUSH_PADDING, f->hd.stream_id,
                          "Pad Length %u leaves no room for the promised stream in %u octets", pad,
                          f->hd.length);
        return rc != H2_GO ? rc : h2_block_unreadable(session, rest);
    }
    uint32_t promised = cur_u32(in);
    f->payload.push_promise.promised_stream_id = promised & 0x7fffffffU;
    f->has_payload = true;
    if ((promised & 0x80000000U) != 0) {
        h2_remark(session, CHECK_FRAME_RESERVED_BIT, CONFIDENCE_CERTAIN, f->hd.stream_id,
                  "the reserved bit of the promised stream identifier is set");
    }
    struct promise p = { NULL, false };
    int rc = admit(session, &p);
    bool cancelled = rc == H2_SILENT;
    if (rc != H2_GO && !cancelled) {
        return rc;
    }
    rc = h2_block_begin(session, p.stream, promised & 0x7fffffffU, MESSAGE_REQUEST,
                        !cancelled && !p.ignored);
    if (rc == H2_GO) {
        h2_block_fragment(session, rest - pad, pad, (f->hd.flags & H2_FLAG_END_HEADERS) != 0);
    }
    return rc;
}

static const struct h2_state st_push_prefix = { "push-promise", false, step_push_prefix };

static int step_push_pad_length(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    uint32_t pad = cur_u8(in), left = f->hd.length - 1;
    f->payload.push_promise.pad_octets = pad + 1;
    if (pad > left) {
        int rc = h2_break(session, H2_RULE_PUSH_PADDING, f->hd.stream_id,
                          "Pad Length %u does not fit a payload of %u octets", pad, f->hd.length);
        return rc != H2_GO ? rc : h2_block_unreadable(session, left);
    }
    h2_go_gather(session, &st_push_prefix, left < 4 ? left : 4);
    return H2_GO;
}

static const struct h2_state st_push_pad_length = { "push-promise-pad-length", false,
                                                    step_push_pad_length };

int h2_recv_push_promise(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    bool padded = (hd->flags & H2_FLAG_PADDED) != 0;
    int rc = H2_GO;
    session->cur->payload.push_promise.promised_stream_id = 0;
    session->cur->payload.push_promise.pad_octets = 0;
    if (padded && hd->length == 0) {
        rc = h2_break(session, H2_RULE_PADDED_EMPTY, hd->stream_id,
                      "PUSH_PROMISE has PADDED, but no payload");
        return rc != H2_GO ? rc : h2_block_unreadable(session, 0);
    }
    if (!padded && hd->length < 4) {
        rc = h2_break(session, H2_RULE_TOO_SHORT, hd->stream_id,
                      "PUSH_PROMISE has a payload of %u octets", hd->length);
        return rc != H2_GO ? rc : h2_block_unreadable(session, hd->length);
    }
    rc = h2_begin_frame(session);
    if (rc == H2_GO) {
        h2_go_gather(session, padded ? &st_push_pad_length : &st_push_prefix, padded ? 1 : 4);
    }
    return rc;
}
