/* Flow-control windows (RFC 9113 5.2, 6.9), of the connection and of each stream, both ways. A
 * stream's window is the INITIAL_WINDOW_SIZE in force plus its own difference, so that a changed
 * setting moves all windows at once (6.9.2) without a walk. Windows are int64_t: they may be
 * negative, and untrusted increments cannot overflow them. */
#include "h2/session_int.h"

#define WINDOW_MAX INT64_C(0x7fffffff)

static int64_t recv_initial(const struct h2_session *session)
{
    /* What the sender may use already, though its ACK has not come, is not held against it. */
    const struct h2_ledger *l = &session->ledger;
    return session->observer ? l->widest[H2_SETTING_INITIAL_WINDOW_SIZE]
                             : l->acked[H2_SETTING_INITIAL_WINDOW_SIZE];
}

static int64_t recv_limit(const struct h2_session *session, const struct h2_stream *stream)
{
    return stream != NULL ? recv_initial(session) + stream->recv_extra : session->recv_window;
}

int64_t h2_window_recv(const struct h2_session *session, const struct h2_stream *stream)
{
    return recv_limit(session, stream) -
           (stream != NULL ? stream->recv_unreturned : session->recv_unreturned);
}

int64_t h2_window_send(const struct h2_session *session, const struct h2_stream *stream)
{
    return stream != NULL ? (int64_t)session->ledger.remote[H2_SETTING_INITIAL_WINDOW_SIZE] +
                                stream->send_extra
                          : session->send_window;
}

/* Whether the reference would give credit back: half of the window was used. */
static bool update_due(const struct h2_session *session, int64_t limit, int64_t back)
{
    return !session->observer && back > 0 && back >= limit / 2;
}

/* What may be given back: without automatic updates, what the application is done with, and never
 * more than what came in. */
static int64_t to_give_back(const struct h2_session *session, int64_t unreturned, int64_t consumed)
{
    return session->opt.auto_window_update || unreturned < consumed ? unreturned : consumed;
}

static void update_connection(struct h2_session *session)
{
    int64_t back = to_give_back(session, session->recv_unreturned, session->consumed);
    if (!session->wu_queued && update_due(session, session->recv_window, back)) {
        session->recv_unreturned -= back;
        session->consumed -= back;
        session->wu_queued = true;
        h2_outbox_window_update(session, NULL, (uint32_t)back);
    }
}

static void update_stream(struct h2_session *session, struct h2_stream *stream)
{
    int64_t back = to_give_back(session, stream->recv_unreturned, stream->consumed);
    if ((stream->flags & H2_STREAM_WU_QUEUED) == 0 &&
        update_due(session, recv_limit(session, stream), back)) {
        stream->recv_unreturned -= back;
        stream->consumed -= back;
        stream->flags |= H2_STREAM_WU_QUEUED;
        session->wu_streams++;
        h2_outbox_window_update(session, stream, (uint32_t)back);
    }
}

int h2_window_data_connection(struct h2_session *session, uint32_t n, uint32_t consumed)
{
    if (n == 0) {
        return H2_GO;
    }
    int64_t over = session->recv_unreturned + n - session->recv_window;
    if (H2D_UNLIKELY(over > 0)) {
        int rc = h2_break_limit(session, H2_RULE_FLOW_CONNECTION, 0, over,
                                "DATA passes the connection's window of %lld octets by %lld",
                                (long long)(n - over), (long long)over);
        if (rc != H2_GO) {
            return rc;
        }
    }
    session->recv_unreturned += n;
    session->consumed += consumed;
    if (session->opt.auto_window_update || consumed > 0) {
        update_connection(session);
    }
    return H2_GO;
}

int h2_window_data_stream(struct h2_session *session, struct h2_stream *stream, uint32_t n,
                          bool more, uint32_t consumed)
{
    if (n == 0) {
        return H2_GO;
    }
    int64_t over = stream->recv_unreturned + n - recv_limit(session, stream);
    if (H2D_UNLIKELY(over > 0) && (stream->flags & H2_STREAM_ADOPTED) == 0) {
        int rc = h2_break_limit(session, H2_RULE_FLOW_STREAM, stream->id, over,
                                "DATA passes the window of stream %u, %lld octets, by %lld",
                                stream->id, (long long)(n - over), (long long)over);
        if (rc != H2_GO) {
            return rc;
        }
    }
    stream->recv_unreturned += n;
    stream->consumed += consumed;
    if (session->opt.auto_window_update ? more : consumed > 0) {
        update_stream(session, stream);
    }
    return H2_GO;
}

void h2_window_consume_connection(struct h2_session *session, uint32_t n)
{
    session->consumed += n;
    if (!session->opt.auto_window_update) {
        update_connection(session);
    }
}

void h2_window_consume_stream(struct h2_session *session, struct h2_stream *stream, uint32_t n)
{
    stream->consumed += n;
    if (!session->opt.auto_window_update) {
        update_stream(session, stream);
    }
}

void h2_window_credit(int64_t *extra, int64_t *unreturned, uint32_t increment)
{
    *unreturned -= increment;
    if (*unreturned < 0) {
        *extra -= *unreturned;
        *unreturned = 0;
    }
}

int h2_window_updates_sent(struct h2_session *session)
{
    session->wu_queued = false;
    update_connection(session);
    if (session->wu_streams == 0) {
        return H2_GO;
    }
    session->wu_streams = 0;
    for (struct h2_stream *stream = session->streams.first; stream != NULL; stream = stream->next) {
        if ((stream->flags & H2_STREAM_WU_QUEUED) != 0) {
            stream->flags = (uint16_t)(stream->flags & ~H2_STREAM_WU_QUEUED);
            update_stream(session, stream);
        }
    }
    return H2_GO;
}

/* Whether value leaves all windows at or below 2^31-1. *extra_max is an upper bound of the streams'
 * differences; only when it says no the streams are walked, and it is made exact again. */
static bool initial_fits(struct h2_session *session, uint32_t value, bool sending)
{
    int64_t *extra_max = sending ? &session->send_extra_max : &session->recv_extra_max;
    if (value + *extra_max <= WINDOW_MAX) {
        return true;
    }
    *extra_max = 0;
    for (struct h2_stream *stream = session->streams.first; stream != NULL; stream = stream->next) {
        int64_t extra = sending ? stream->send_extra : stream->recv_extra;
        *extra_max = extra > *extra_max ? extra : *extra_max;
    }
    return value + *extra_max <= WINDOW_MAX;
}

bool h2_window_set_remote_initial(struct h2_session *session, uint32_t value)
{
    bool fits = initial_fits(session, value, true);
    session->ledger.remote[H2_SETTING_INITIAL_WINDOW_SIZE] = value;
    return fits;
}

bool h2_window_set_local_initial(struct h2_session *session, uint32_t value)
{
    bool fits = initial_fits(session, value, false);
    session->ledger.acked[H2_SETTING_INITIAL_WINDOW_SIZE] = value;
    if (!session->observer) {
        /* Half of a smaller window may be used already. */
        for (struct h2_stream *stream = session->streams.first; stream != NULL && fits;
             stream = stream->next) {
            update_stream(session, stream);
        }
    }
    return fits;
}

void h2_windows_note(struct h2_session *session, const struct h2_stream *stream, bool receiving,
                     int64_t delta)
{
    struct h2_windows *w = &session->cur->windows;
    const struct h2_session *peer = session->peer;
    w->known = session->peer_seen && !session->tainted && !session->holed &&
               (peer == NULL || (!peer->tainted && !peer->holed));
    if (!w->known) {
        return;
    }
    w->connection_before =
        receiving ? h2_window_recv(session, NULL) : h2_window_send(session, NULL);
    w->connection_after = w->connection_before;
    w->stream_before = 0;
    if (stream != NULL) {
        w->stream_before =
            receiving ? h2_window_recv(session, stream) : h2_window_send(session, stream);
    }
    w->stream_after = w->stream_before;
    if (receiving || stream == NULL) {
        w->connection_after += delta;
    }
    if (stream != NULL) {
        w->stream_after += delta;
    }
}
