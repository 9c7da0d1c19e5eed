/* What the receiver decided to send and has not yet "sent" (receive-engine 1.6): nothing leaves
 * here, but some effects wait for the sending: a reset stream closes, acknowledgements stop
 * counting. */
#include "h2/session_int.h"

void h2_act(struct h2_session *session, const struct h2_action *action)
{
    if (session->ev.on_action != NULL) {
        session->ev.on_action(session, action, session->user);
    }
}

static void queue_closing(struct h2_session *session, struct h2_stream *stream, uint32_t code)
{
    stream->state = H2_ST_CLOSING;
    stream->code = code;
    stream->closing_next = NULL;
    session->closing_count++;
    *(session->closing_first == NULL ? &session->closing_first
                                     : &session->closing_last->closing_next) = stream;
    session->closing_last = stream;
}

void h2_outbox_rst(struct h2_session *session, struct h2_stream *stream, uint32_t id, uint32_t code,
                   const char *reason)
{
    struct h2_action action = {
        .type = H2_ACTION_RST_STREAM, .stream_id = id, .error_code = code, .reason = reason
    };
    h2_act(session, &action);
    if (session->observer) {
        return;
    }
    session->queued++;
    if (stream != NULL && stream->state != H2_ST_CLOSING) {
        queue_closing(session, stream, code);
    }
}

void h2_outbox_close_later(struct h2_session *session, struct h2_stream *stream, uint32_t code)
{
    session->queued++;
    if (stream->state != H2_ST_CLOSING) {
        queue_closing(session, stream, code);
    }
}

void h2_outbox_goaway(struct h2_session *session, uint32_t last_id, uint32_t code,
                      const char *reason)
{
    struct h2_action action = {
        .type = H2_ACTION_GOAWAY, .error_code = code, .last_stream_id = last_id, .reason = reason
    };
    h2_act(session, &action);
    if (session->observer) {
        return;
    }
    session->queued++;
    session->goaway_decided = true;
    session->goaway_pending = true;
    session->goaway_behind = session->closing_count;
    session->goaway_last_pending = last_id;
}

void h2_outbox_terminate(struct h2_session *session, uint32_t code, const char *reason)
{
    if (session->terminating) {
        return;
    }
    session->terminating = true;
    /* RFC 9113 6.8: not above what an earlier GOAWAY named. */
    uint32_t last_id = session->last_proc_id < session->goaway_last_sent
                           ? session->last_proc_id
                           : session->goaway_last_sent;
    h2_outbox_goaway(session, last_id, code, reason);
}

void h2_outbox_ack(struct h2_session *session, enum h2_action_type type)
{
    struct h2_action action = { .type = type, .reason = "" };
    h2_act(session, &action);
    if (session->observer && !session->peer_seen) {
        return; /* nobody would count the real ones down */
    }
    session->queued++;
    session->acks_queued++;
}

void h2_outbox_window_update(struct h2_session *session, struct h2_stream *stream,
                             uint32_t increment)
{
    struct h2_action action = { .type = H2_ACTION_WINDOW_UPDATE,
                                .stream_id = stream != NULL ? stream->id : 0,
                                .increment = increment,
                                .reason = "" };
    h2_act(session, &action);
    session->queued++;
}

/* One round: what it leads to may be queued anew. */
static int send_round(struct h2_session *session)
{
    session->queued = 0;
    session->acks_queued = 0;
    if (session->terminating) {
        /* Nothing but the GOAWAY goes out any more, and nobody hears of open streams. */
        session->terminated = true;
        session->goaway_sent = true;
        session->goaway_pending = false;
        return H2_GO;
    }
    /* In the order of decision. */
    for (uint32_t sent = 0;; sent++) {
        bool none = session->closing_first == NULL;
        if (session->goaway_pending && (none || sent >= session->goaway_behind)) {
            session->goaway_pending = false;
            session->goaway_sent = true;
            int rc = h2_streams_close_above(session, session->goaway_last_pending, false, true);
            if (rc != H2_GO) {
                return rc;
            }
        }
        struct h2_stream *stream = session->closing_first;
        if (stream == NULL) {
            break;
        }
        int rc = h2_stream_close(session, stream, stream->code);
        if (rc != H2_GO) {
            return rc;
        }
    }
    session->closing_count = 0;
    return h2_window_updates_sent(session);
}

int h2_outbox_drain(struct h2_session *session)
{
    while (session->queued > 0) {
        int rc = send_round(session);
        if (rc != H2_GO) {
            return rc;
        }
    }
    return H2_GO;
}

int h2_outbox_unit(struct h2_session *session)
{
    if (session->queued == 0 || !session->opt.auto_drain) {
        return H2_GO;
    }
    return h2_outbox_drain(session);
}
