/* DATA (RFC 9113 6.1): admission by the stream's state, both windows, the body's length; octets are
 * handed on as they come. */
#include "h2/session_int.h"

static int step_data(struct h2_session *session, struct cur *in);
static int step_data_padding(struct h2_session *session, struct cur *in);
static int step_data_pad_length(struct h2_session *session, struct cur *in);
static int step_data_ignored(struct h2_session *session, struct cur *in);
static int data_done(struct h2_session *session);

static const struct h2_state st_data = { "data", true, step_data };
static const struct h2_state st_data_padding = { "data-padding", true, step_data_padding };
static const struct h2_state st_data_pad_length = { "data-pad-length", false,
                                                    step_data_pad_length };
static const struct h2_state st_data_ignored = { "data-ignored", true, step_data_ignored };

/* n octets of payload against both windows. ENDPOINT counts fragment by fragment, as they can be
 * withheld; OBSERVER counted the frame as a whole, which a hole inside does not change. */
static int charge(struct h2_session *session, uint32_t n, uint32_t consumed)
{
    if (session->observer) {
        return H2_GO;
    }
    int rc = h2_window_data_connection(session, n, consumed);
    if (rc == H2_GO && session->target != NULL) {
        const struct h2_frame_hd *hd = &session->cur->hd;
        bool more = session->left + session->pad_left > n || (hd->flags & H2_FLAG_END_STREAM) == 0;
        rc = h2_window_data_stream(session, session->target, n, more, consumed);
    }
    return rc;
}

/* The Pad Length octet, with `rest` octets behind it. The reference takes it as consumed before it
 * takes it as received, which shows in when the stream's credit is due. */
static int charge_pad_length(struct h2_session *session, uint32_t rest)
{
    if (session->observer) {
        return H2_GO;
    }
    int rc = h2_window_data_connection(session, 1, 1);
    if (rc == H2_GO && session->target != NULL) {
        bool more = rest > 0 || (session->cur->hd.flags & H2_FLAG_END_STREAM) == 0;
        h2_window_consume_stream(session, session->target, 1);
        rc = h2_window_data_stream(session, session->target, 1, more, 0);
    }
    return rc;
}

static int charge_whole(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    h2_windows_note(session, session->target, true, -(int64_t)hd->length);
    int rc = h2_window_data_connection(session, hd->length, 0);
    if (rc == H2_GO && session->target != NULL) {
        rc = h2_window_data_stream(session, session->target, hd->length, true, 0);
    }
    return rc;
}

/* A stream without a live object: gone, or never there. */
static int admit_unknown(struct h2_session *session)
{
    uint32_t id = session->cur->hd.stream_id;
    if (h2_stream_is_idle(session, id)) {
        int rc = h2_break(session, H2_RULE_DATA_IDLE, id, "DATA on stream %u, which is idle", id);
        return rc != H2_GO ? rc : h2_stream_adopt(session, id, &session->target);
    }
    return h2_late_frame(session, H2_RULE_DATA_CLOSED, "DATA");
}

/* receive-engine 3.1, in order. Sets target, or dropped. */
static int admit(struct h2_session *session)
{
    uint32_t id = session->cur->hd.stream_id;
    struct h2_stream *stream = h2_stream_live(session, id);
    session->target = stream;
    session->dropped = false;
    if (id == 0) {
        return h2_break(session, H2_RULE_DATA_ZERO, 0, "DATA on stream 0");
    }
    if (stream == NULL) {
        return admit_unknown(session);
    }
    if (stream->state == H2_ST_RESERVED && h2_stream_is_own(session, id)) {
        return h2_break(session, H2_RULE_DATA_RESERVED_LOCAL, id,
                        "DATA on stream %u, which was promised to its sender", id);
    }
    if ((stream->flags & H2_STREAM_RD) != 0) {
        return h2_break(session, H2_RULE_DATA_HALF_CLOSED, id, "DATA on stream %u after END_STREAM",
                        id);
    }
    if (stream->state == H2_ST_CLOSING) {
        session->dropped = h2_ignore(session, "stream was reset");
        return H2_GO;
    }
    if (stream->state == H2_ST_OPENING && h2_stream_is_own(session, id)) {
        return h2_break(session, H2_RULE_DATA_BEFORE_HEADERS, id,
                        "DATA on stream %u before the response's HEADERS", id);
    }
    if (stream->state == H2_ST_RESERVED) {
        return h2_break(session, H2_RULE_DATA_RESERVED, id,
                        "DATA on stream %u, which is promised, before its HEADERS", id);
    }
    return H2_GO;
}

/* The message rules on n octets of body (receive-engine 5.5). */
static int judge(struct h2_session *session, uint32_t n)
{
    struct h2_stream *stream = session->target;
    if (stream == NULL || !session->opt.check_messaging ||
        (stream->flags & (H2_STREAM_SKIP_BODY | H2_STREAM_ADOPTED)) != 0) {
        return H2_GO;
    }
    enum message_kind kind = session->role == H2_ROLE_SERVER ? MESSAGE_REQUEST : MESSAGE_RESPONSE;
    struct message_context context = h2_message_context(session, stream, kind);
    struct message_fault fault;
    if (H2D_LIKELY(message_on_data(&stream->message, &context, n, &fault))) {
        if (stream->message.received == n && n > 0) {
            h2_advise_content(session, stream);
        }
        return H2_GO;
    }
    stream->flags |= H2_STREAM_SKIP_BODY;
    h2_window_consume_connection(session, n);
    return h2_break_message(session, H2_RULE_DATA_LENGTH, stream->id, &fault);
}

/* The frame's data begin. OBSERVER judges them as a whole, as it withholds nothing. */
static int begin_data(struct h2_session *session, uint32_t len)
{
    session->cur->has_payload = true;
    h2_go_stream(session, &st_data, len);
    return session->observer && len > 0 ? judge(session, len) : H2_GO;
}

int h2_recv_data(struct h2_session *session)
{
    struct h2_frame *f = session->cur;
    f->payload.data.pad_octets = 0;
    f->payload.data.data_length = f->hd.length;
    session->pad_left = session->pad_charged = 0;
    int rc = admit(session);
    if (rc != H2_GO) {
        return rc;
    }
    if (session->dropped) {
        session->target = NULL;
        h2_go_stream(session, &st_data_ignored, f->hd.length);
        return H2_GO;
    }
    bool padded = (f->hd.flags & H2_FLAG_PADDED) != 0;
    if (padded && f->hd.length == 0) {
        rc = h2_break(session, H2_RULE_PADDED_EMPTY, f->hd.stream_id,
                      "DATA has PADDED, but no payload");
        padded = false;
    }
    if (rc == H2_GO) {
        rc = h2_begin_frame(session);
    }
    if (rc == H2_GO && session->observer) {
        rc = charge_whole(session);
    }
    if (rc != H2_GO) {
        return rc;
    }
    if (padded) {
        h2_go_gather(session, &st_data_pad_length, 1);
    } else {
        return begin_data(session, f->hd.length);
    }
    return H2_GO;
}

static int step_data_pad_length(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    uint32_t pad = cur_u8(in), rest = f->hd.length - 1;
    session->left = rest;
    int rc = charge_pad_length(session, rest);
    if (rc != H2_GO) {
        return rc;
    }
    if (pad > rest) {
        rc = h2_break(session, H2_RULE_DATA_PADDING, f->hd.stream_id,
                      "Pad Length is %u, but %u octets are left", pad, rest);
        if (rc != H2_GO) {
            return rc;
        }
        pad = 0; /* Lenient: what is there is shown as data. */
    }
    f->payload.data.pad_octets = pad + 1;
    f->payload.data.data_length = rest - pad;
    session->pad_left = pad;
    return begin_data(session, rest - pad);
}

/* The rest of the frame is for nobody; the connection's window still counts it. */
static int ignore_rest(struct h2_session *session, int rc)
{
    if (rc != H2_SILENT) {
        return rc;
    }
    session->target = NULL;
    h2_go_stream(session, &st_data_ignored, session->left + session->pad_left);
    session->pad_left = 0;
    return h2_flood_glitch(session);
}

/* Padding behind a chunk that the application paused at counts as taken with it. */
static int paused(struct h2_session *session, struct cur *in)
{
    if (session->left > 0) {
        return H2_PAUSED;
    }
    uint32_t taken;
    h2_go_stream(session, &st_data_padding, session->pad_left);
    session->pad_left = 0;
    (void)h2_take_padding(session, in, &taken);
    session->pad_charged -= taken;
    return H2_PAUSED;
}

static int step_data(struct h2_session *session, struct cur *in)
{
    struct span data = cur_take(in, num_min_size(session->left, cur_left(in)));
    if (data.len > 0) {
        uint32_t n = (uint32_t)data.len;
        h2_octets(session, data.ptr, data.len);
        /* Padding that is there already counts with the data in front of it. */
        uint32_t pad =
            (uint32_t)num_min_size(session->left == n ? session->pad_left : 0, cur_left(in));
        session->pad_charged = pad;
        int rc = charge(session, n + pad, pad);
        session->left -= n;
        if (rc == H2_GO && !session->observer) {
            rc = judge(session, n);
        }
        if (rc != H2_GO) {
            return ignore_rest(session, rc);
        }
        if (H2D_UNLIKELY(session->target != NULL && session->target->chunk_size != 0)) {
            h2_advise_chunk(session, session->target, data);
        }
        if (session->ev.on_data_chunk_recv != NULL) {
            int result = session->ev.on_data_chunk_recv(session, session->cur, data, session->user);
            if (H2D_UNLIKELY(result == H2_CB_PAUSE)) {
                return paused(session, in);
            }
            if (H2D_UNLIKELY(result < -900)) {
                return H2_ERR_CALLBACK_FAILURE;
            }
        }
    }
    if (session->left > 0) {
        return H2_GO;
    }
    if (session->pad_left == 0) {
        return data_done(session);
    }
    h2_go_stream(session, &st_data_padding, session->pad_left);
    session->pad_left = 0;
    return H2_GO;
}

/* nghttp2 counts these as suspicious (receive-engine 1.4): nothing in them, and no end. */
static bool is_glitch(const struct h2_frame *f)
{
    return (f->hd.flags & H2_FLAG_END_STREAM) == 0 &&
           (f->hd.length == 0 || (f->hd.length == 1 && f->payload.data.pad_octets == 1));
}

static int end_message(struct h2_session *session)
{
    struct h2_stream *stream = session->target;
    struct message_fault fault;
    enum message_kind kind = session->role == H2_ROLE_SERVER ? MESSAGE_REQUEST : MESSAGE_RESPONSE;
    struct message_context context = h2_message_context(session, stream, kind);
    if (!session->opt.check_messaging ||
        (stream->flags & (H2_STREAM_SKIP_BODY | H2_STREAM_ADOPTED)) != 0 ||
        message_on_end_stream(&stream->message, &context, &fault)) {
        return H2_GO;
    }
    return h2_break_message(session, H2_RULE_MESSAGE, stream->id, &fault);
}

static int data_done(struct h2_session *session)
{
    struct h2_frame *f = session->cur;
    bool end = (f->hd.flags & H2_FLAG_END_STREAM) != 0;
    bool told = true;
    int rc = H2_GO;
    if (is_glitch(f)) {
        rc = h2_flood_glitch(session);
    }
    if (rc == H2_GO && end && session->target != NULL) {
        rc = end_message(session);
        if (rc == H2_SILENT) {
            /* The RST_STREAM will close the stream, not the end of both halves. */
            session->target->flags |= H2_STREAM_RD;
            session->target = NULL;
            told = false;
            rc = h2_flood_glitch(session);
        }
    }
    if (rc == H2_GO && told && (session->observer || session->target != NULL)) {
        rc = h2_tell_frame(session);
    }
    if (rc == H2_GO && end && session->target != NULL) {
        rc = h2_stream_ended(session, session->target);
    }
    return rc != H2_GO ? rc : h2_end_frame(session);
}

static int step_data_padding(struct h2_session *session, struct cur *in)
{
    uint32_t taken, all = session->left;
    bool whole = h2_take_padding(session, in, &taken);
    uint32_t charged = taken < session->pad_charged ? taken : session->pad_charged;
    session->pad_charged -= charged;
    session->left = all; /* charge() asks what is left before it */
    int rc = charge(session, taken - charged, taken - charged);
    session->left = all - taken;
    if (rc != H2_GO) {
        return rc;
    }
    return whole ? data_done(session) : H2_GO;
}

static int step_data_ignored(struct h2_session *session, struct cur *in)
{
    struct span octets = cur_take(in, num_min_size(session->left, cur_left(in)));
    h2_octets(session, octets.ptr, octets.len);
    session->left -= (uint32_t)octets.len;
    uint32_t n = (uint32_t)octets.len;
    uint32_t charged = n < session->pad_charged ? n : session->pad_charged;
    session->pad_charged -= charged;
    int rc = h2_window_data_connection(session, n - charged, n - charged);
    if (rc != H2_GO || session->left > 0) {
        return rc;
    }
    return h2_end_frame(session);
}

int h2_data_missing(struct h2_session *session, uint32_t n)
{
    uint32_t data = n < session->left ? n : session->left;
    session->left -= data;
    if (session->target != NULL) {
        session->target->chunk_size = 0; /* what it began with is not known */
    }
    if (session->state == &st_data) {
        session->pad_left -= n - data;
    }
    return H2_GO;
}
