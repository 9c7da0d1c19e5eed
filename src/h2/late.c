/* OBSERVER's way with streams whose state is not what it should be: frames after the end are named,
 * and judged only where the octets prove something; streams whose opening was not seen are adopted
 * (receive-engine 6.4, 6.5, 6.7). */
#include "h2/session_int.h"

uint64_t h2_session_told(const struct h2_session *session)
{
    return session->peer != NULL ? session->peer->facts : 0;
}

uint64_t h2_session_facts(const struct h2_session *session)
{
    return session->facts;
}

bool h2_session_had_seen(const struct h2_session *session, uint64_t fact)
{
    const struct h2_session *peer = session->peer;
    return fact != 0 && session->proved > fact && !session->tainted && !session->gapped &&
           (peer == NULL || (!peer->tainted && !peer->gapped));
}

/* After the peer's RST_STREAM a sender may go on until it has read it; an ACK of something sent
 * later proves that it has. */
static void judge_after_peer_reset(struct h2_session *session, const struct h2_stream *tombstone,
                                   const char *what)
{
    if (h2_session_had_seen(session, tombstone->rst_seq)) {
        h2_remark(session, CHECK_STREAM_FRAME_AFTER_PEER_RST, CONFIDENCE_LIKELY, tombstone->id,
                  "%s on stream %u, whose sender had seen the peer's RST_STREAM", what,
                  tombstone->id);
    }
}

int h2_late_frame(struct h2_session *session, enum h2_rule closed, const char *what)
{
    uint32_t id = session->cur->hd.stream_id;
    session->dropped = h2_ignore(session, session->observer ? h2_stream_why_gone(session, id) : "");
    if (session->dropped) {
        return H2_GO;
    }
    const struct h2_stream *tombstone = h2_stream_find(session, id);
    if (tombstone == NULL || tombstone->state != H2_ST_CLOSED) {
        return session->tainted && id != 0 ? h2_stream_adopt(session, id, &session->target) : H2_GO;
    }
    if ((tombstone->flags & H2_STREAM_RST_BY_PEER) != 0) {
        return h2_break(session, H2_RULE_AFTER_OWN_RST, id,
                        "%s on stream %u, which its sender had reset", what, id);
    }
    if ((tombstone->flags & H2_STREAM_RST_BY_LOCAL) != 0) {
        judge_after_peer_reset(session, tombstone, what);
        return H2_GO;
    }
    if ((tombstone->flags & H2_STREAM_RD) != 0) {
        return h2_break(session, closed, id, "%s on stream %u, which both sides had ended", what,
                        id);
    }
    return H2_GO;
}

void h2_late_reset(struct h2_session *session, uint32_t id)
{
    const struct h2_stream *tombstone = session->observer ? h2_stream_find(session, id) : NULL;
    if (tombstone == NULL || tombstone->state != H2_ST_CLOSED) {
        return;
    }
    if ((tombstone->flags & H2_STREAM_RST_BY_PEER) != 0) {
        h2_remark(session, CHECK_RST_REPEATED, CONFIDENCE_CERTAIN, id,
                  "RST_STREAM on stream %u, which its sender had reset", id);
    } else if (h2_session_had_seen(session, tombstone->rst_seq)) {
        h2_remark(session, CHECK_RST_ANSWERS_RST, CONFIDENCE_LIKELY, id,
                  "RST_STREAM on stream %u, whose sender had seen the peer's RST_STREAM", id);
    }
}

void h2_late_opening(struct h2_session *session, uint32_t id)
{
    if (session->observer && h2_session_had_seen(session, session->goaway_seq)) {
        h2_remark(session, CHECK_GOAWAY_NEW_STREAM, CONFIDENCE_LIKELY, id,
                  "stream %u is new, and its sender had seen the peer's GOAWAY", id);
    }
}

bool h2_both_sides_known(const struct h2_session *session)
{
    const struct h2_session *peer = session->peer;
    if (session->tainted || session->gapped || session->peer_never || session->upgraded) {
        return false;
    }
    /* Of a side that is silent so far nothing is missing, unless it should have opened a stream. */
    bool silent = !session->peer_seen && h2_stream_is_own(session, session->cur->hd.stream_id);
    return peer == NULL || (!silent && !peer->tainted && !peer->gapped);
}

bool h2_roles_bear(const struct h2_session *session, enum check check)
{
    if (session->report->roles == H2_ROLES_KNOWN) {
        return true;
    }
    enum check_by by = spec_check(check)->by;
    return by != BY_CLIENT && by != BY_SERVER && check != CHECK_STREAM_ID_PARITY &&
           check != CHECK_GOAWAY_LAST_ID_PARITY && check != CHECK_PUSH_PROMISED_ID_INVALID;
}

void h2_stream_doubt(struct h2_stream *stream)
{
    stream->flags |= H2_STREAM_ADOPTED | H2_STREAM_SKIP_BODY;
}

int h2_stream_adopt(struct h2_session *session, uint32_t id, struct h2_stream **stream)
{
    uint32_t *last =
        h2_stream_is_own(session, id) ? &session->last_sent_id : &session->last_recv_id;
    *last = id > *last ? id : *last;
    *stream = h2_stream_live(session, id);
    if (*stream == NULL) {
        *stream = h2_stream_add(session, id, H2_ST_OPENED, H2_STREAM_ADOPTED);
    }
    return *stream != NULL ? H2_GO : H2_ERR_NOMEM;
}
