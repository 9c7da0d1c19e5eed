/* HEADERS (RFC 9113 6.2): which stream it opens, answers or ends, and who may not; then its block.
 */
#include "h2/session_int.h"

/* What admission found. */
struct admission {
    struct h2_stream *stream; /* NULL: none to judge by */
    enum h2_headers_category category;
    bool ignored; /* decoded for HPACK only */
};

static int ignored(struct h2_session *session, struct admission *a, const char *why)
{
    a->ignored = h2_ignore(session, why);
    return H2_GO;
}

static int opened(struct h2_session *session, uint32_t id, unsigned flags, struct admission *a)
{
    a->stream = h2_stream_add(session, id, H2_ST_OPENED, flags);
    return a->stream != NULL ? H2_GO : H2_ERR_NOMEM;
}

/* Streams the peer may have open: exceeding what it acknowledged is an error, what is only
 * announced yet is refused (receive-engine 3.3). H2_SILENT: refused. */
static int check_concurrency(struct h2_session *session, uint32_t id, bool pending)
{
    const struct h2_ledger *l = &session->ledger;
    if (pending) {
        if (session->incoming < l->pending[H2_SETTING_MAX_CONCURRENT_STREAMS]) {
            return H2_GO;
        }
        return h2_break(session, H2_RULE_HEADERS_REFUSED, id, "stream %u is refused", id);
    }
    uint32_t max = session->observer ? l->widest[H2_SETTING_MAX_CONCURRENT_STREAMS]
                                     : l->acked[H2_SETTING_MAX_CONCURRENT_STREAMS];
    if (session->incoming < max) {
        return H2_GO;
    }
    return h2_break_limit(session, H2_RULE_HEADERS_CONCURRENCY, id,
                          (int64_t)session->incoming + 1 - max,
                          "stream %u is open stream number %u; the receiver allows %u", id,
                          session->incoming + 1, max);
}

/* Where a receiver that has sent GOAWAY takes no new streams. */
static bool after_goaway(const struct h2_session *session, uint32_t id)
{
    return session->goaway_sent && (!session->observer || id > session->goaway_last_sent);
}

static int check_self_dependency(struct h2_session *session)
{
    const struct h2_frame *f = session->cur;
    if (!f->payload.headers.has_priority ||
        f->payload.headers.priority.depends_on != f->hd.stream_id) {
        return H2_GO;
    }
    return h2_break(session, H2_RULE_HEADERS_SELF_DEPENDENCY, f->hd.stream_id,
                    "stream %u depends on itself", f->hd.stream_id);
}

/* Server role, a new odd id. */
static int admit_request(struct h2_session *session, uint32_t id, struct admission *a)
{
    a->category = H2_CAT_REQUEST;
    session->last_recv_id = id;
    if (H2D_UNLIKELY(session->goaway_seq != 0)) {
        h2_late_opening(session, id);
    }
    int rc = check_concurrency(session, id, false);
    if (rc == H2_GO && after_goaway(session, id)) {
        rc = ignored(session, a, "after GOAWAY");
        if (a->ignored) {
            return rc;
        }
    }
    if (rc == H2_GO) {
        rc = check_self_dependency(session);
    }
    if (rc == H2_GO) {
        rc = check_concurrency(session, id, true);
    }
    if (rc != H2_GO) {
        return rc;
    }
    session->last_proc_id = id;
    return opened(session, id, H2_STREAM_COUNTED, a);
}

/* An id at or below the highest seen, without a live stream: late, or skipped, or from before. */
static int admit_old(struct h2_session *session, uint32_t id, struct admission *a)
{
    a->category = H2_CAT_HEADERS;
    if (!session->observer) {
        return ignored(session, a, "");
    }
    const struct h2_stream *tombstone = h2_stream_find(session, id);
    if (tombstone == NULL && (session->tainted || id > session->forgotten_id[id & 1])) {
        int rc =
            h2_stream_is_own(session, id)
                ? h2_break(session, H2_RULE_HEADERS_IDLE, id,
                           "HEADERS on stream %u, which was never requested", id)
                : h2_break(session, H2_RULE_HEADERS_SKIPPED, id,
                           "HEADERS opens stream %u after stream %u", id, session->last_recv_id);
        a->category = session->role == H2_ROLE_SERVER ? H2_CAT_REQUEST : H2_CAT_RESPONSE;
        if (rc == H2_GO && !session->tainted) {
            (void)ignored(session, a, "skipped id");
        }
        return rc != H2_GO
                   ? rc
                   : opened(session, id,
                            H2_STREAM_COUNTED | (session->tainted ? H2_STREAM_ADOPTED : 0), a);
    }
    return h2_late_frame(session, H2_RULE_HEADERS_CLOSED, "HEADERS");
}

static int admit_new(struct h2_session *session, uint32_t id, struct admission *a)
{
    bool server = session->role == H2_ROLE_SERVER;
    if (server && !h2_stream_is_own(session, id) && id > session->last_recv_id) {
        return admit_request(session, id, a);
    }
    if (server && h2_stream_is_own(session, id)) {
        if (h2_stream_find(session, id) != NULL) {
            a->category = H2_CAT_HEADERS;
            int rc = h2_break(session, H2_RULE_HEADERS_RESERVED_LOCAL, id,
                              "HEADERS on stream %u, which was promised to its sender", id);
            return rc;
        }
        int rc = h2_break(session, H2_RULE_HEADERS_PARITY, id,
                          "a client opens stream %u, which is even", id);
        a->category = H2_CAT_REQUEST;
        return rc != H2_GO ? rc : h2_stream_adopt(session, id, &a->stream);
    }
    if (!server && h2_stream_is_idle(session, id)) {
        int rc =
            h2_break(session, H2_RULE_HEADERS_IDLE, id, "HEADERS on stream %u, which was never %s",
                     id, h2_stream_is_own(session, id) ? "requested" : "promised");
        a->category = H2_CAT_RESPONSE;
        return rc != H2_GO ? rc : h2_stream_adopt(session, id, &a->stream);
    }
    return admit_old(session, id, a);
}

/* Client role: the response on a promised stream. */
static int admit_push_response(struct h2_session *session, struct admission *a)
{
    struct h2_stream *stream = a->stream;
    a->category = H2_CAT_PUSH_RESPONSE;
    int rc = check_concurrency(session, stream->id, false);
    if (rc == H2_GO && session->goaway_sent) {
        rc = ignored(session, a, "after GOAWAY");
        if (a->ignored) {
            return rc;
        }
    }
    if (rc == H2_GO) {
        rc = check_concurrency(session, stream->id, true);
    }
    if (rc == H2_GO) {
        stream->state = H2_ST_OPENED;
        h2_stream_count(session, stream);
    }
    return rc;
}

/* RFC 9113 8.5. A client must have read that the tunnel is one. */
static int check_tunnel(struct h2_session *session, const struct h2_stream *stream)
{
    if (h2_stream_is_connected(session, stream)) {
        return h2_break(session, H2_RULE_CONNECT_FRAME, stream->id,
                        "HEADERS on stream %u, which is a tunnel (CONNECT)", stream->id);
    }
    if ((stream->flags & H2_STREAM_TUNNEL) != 0 &&
        h2_session_had_seen(session, session->tunnel_seq)) {
        h2_remark(session, CHECK_CONNECT_FRAME_TYPE, CONFIDENCE_LIKELY, stream->id,
                  "HEADERS on stream %u, which its sender knew to be a tunnel (CONNECT)",
                  stream->id);
    }
    return H2_GO;
}

static int admit_live(struct h2_session *session, struct admission *a)
{
    struct h2_stream *stream = a->stream;
    uint32_t id = stream->id;
    a->category = H2_CAT_HEADERS;
    if (stream->state == H2_ST_RESERVED && h2_stream_is_own(session, id)) {
        a->stream = NULL;
        return h2_break(session, H2_RULE_HEADERS_RESERVED_LOCAL, id,
                        "HEADERS on stream %u, which was promised to its sender", id);
    }
    if (stream->state == H2_ST_RESERVED) {
        return admit_push_response(session, a);
    }
    if ((stream->flags & H2_STREAM_RD) != 0) {
        a->stream = NULL;
        return h2_break(session, H2_RULE_HEADERS_HALF_CLOSED, id,
                        "HEADERS on stream %u after END_STREAM", id);
    }
    if (stream->state == H2_ST_CLOSING) {
        return ignored(session, a, "stream was reset");
    }
    if (H2D_UNLIKELY((stream->flags & (H2_STREAM_REQ_CONNECT | H2_STREAM_TUNNEL)) != 0)) {
        int rc = check_tunnel(session, stream);
        if (rc != H2_GO) {
            return rc;
        }
    }
    bool adopted = (stream->flags & H2_STREAM_ADOPTED) != 0;
    if (session->role == H2_ROLE_CLIENT &&
        (stream->state == H2_ST_OPENING || (adopted && stream->message.seen == 0))) {
        a->category = H2_CAT_RESPONSE;
        stream->state = H2_ST_OPENED;
    } else if (adopted && stream->message.seen == 0) {
        a->category = H2_CAT_REQUEST;
    }
    return H2_GO;
}

static int admit(struct h2_session *session, struct admission *a)
{
    uint32_t id = session->cur->hd.stream_id;
    if (id == 0) {
        a->category = H2_CAT_HEADERS;
        return h2_break(session, H2_RULE_HEADERS_ZERO, 0, "HEADERS on stream 0");
    }
    a->stream = h2_stream_live(session, id);
    return a->stream != NULL ? admit_live(session, a) : admit_new(session, id, a);
}

static enum message_kind kind_of(const struct h2_session *session, const struct admission *a)
{
    switch (a->category) {
    case H2_CAT_REQUEST:
        return MESSAGE_REQUEST;
    case H2_CAT_RESPONSE:
    case H2_CAT_PUSH_RESPONSE:
        return MESSAGE_RESPONSE;
    default:
        break;
    }
    bool interim = session->role == H2_ROLE_CLIENT && a->stream != NULL &&
                   !message_final_status_seen(&a->stream->message);
    return interim ? MESSAGE_RESPONSE : MESSAGE_TRAILERS;
}

/* The fields behind Pad Length are in: |E| Stream Dependency (31) | Weight (8) |. */
static int step_headers_prefix(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    uint32_t pad_octets = f->payload.headers.pad_octets;
    uint32_t pad = pad_octets > 0 ? pad_octets - 1 : 0;
    uint32_t taken = session->need + (pad_octets > 0), rest = f->hd.length - taken;
    bool priority = (f->hd.flags & H2_FLAG_PRIORITY) != 0;
    bool fits = pad_octets + (priority ? 5U : 0U) <= f->hd.length;
    int rc = H2_GO;
    if (!fits) {
        rc = h2_break(session, H2_RULE_HEADERS_PADDING, f->hd.stream_id,
                      "Pad Length %u%s does not fit a payload of %u octets", pad,
                      priority ? " and the priority fields" : "", f->hd.length);
        /* Nobody knows where the block ends: it is not looked for. */
        return rc != H2_GO ? rc : h2_block_unreadable(session, rest);
    }
    if (priority) {
        uint32_t dependency = cur_u32(in);
        f->payload.headers.has_priority = true;
        f->payload.headers.priority.exclusive = (dependency & 0x80000000U) != 0;
        f->payload.headers.priority.depends_on = dependency & 0x7fffffffU;
        f->payload.headers.priority.weight = (uint16_t)(cur_u8(in) + 1);
    }
    f->has_payload = true;
    struct admission a = { .category = H2_CAT_NONE };
    rc = admit(session, &a);
    bool refused = rc == H2_SILENT;
    if (rc != H2_GO && !refused) {
        return rc;
    }
    bool report = !refused && !a.ignored;
    f->payload.headers.category = a.category;
    rc = report ? H2_GO : h2_flood_glitch(session);
    if (rc == H2_GO) {
        rc = h2_block_begin(session, refused ? NULL : a.stream, f->hd.stream_id,
                            kind_of(session, &a), report);
    }
    if (rc == H2_GO) {
        h2_block_fragment(session, rest - pad, pad, (f->hd.flags & H2_FLAG_END_HEADERS) != 0);
    }
    return rc;
}

static const struct h2_state st_headers_prefix = { "headers", false, step_headers_prefix };

/* The priority fields are next, as far as the payload has them. */
static int headers_prefix(struct h2_session *session, uint32_t left)
{
    uint32_t need = (session->cur->hd.flags & H2_FLAG_PRIORITY) != 0 ? 5 : 0;
    need = need < left ? need : left;
    if (need == 0) {
        struct cur none = cur_of(span_empty());
        session->need = 0;
        return step_headers_prefix(session, &none);
    }
    h2_go_gather(session, &st_headers_prefix, need);
    return H2_GO;
}

static int step_headers_pad_length(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    uint32_t pad = cur_u8(in);
    f->payload.headers.pad_octets = pad + 1;
    if (pad >= f->hd.length) {
        int rc = h2_break(session, H2_RULE_HEADERS_PADDING, f->hd.stream_id,
                          "Pad Length %u does not fit a payload of %u octets", pad, f->hd.length);
        return rc != H2_GO ? rc : h2_block_unreadable(session, f->hd.length - 1);
    }
    return headers_prefix(session, f->hd.length - 1);
}

static const struct h2_state st_headers_pad_length = { "headers-pad-length", false,
                                                       step_headers_pad_length };

int h2_recv_headers(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    union h2_payload *p = &session->cur->payload;
    bool padded = (hd->flags & H2_FLAG_PADDED) != 0;
    bool priority = (hd->flags & H2_FLAG_PRIORITY) != 0;
    p->headers.pad_octets = 0;
    p->headers.has_priority = false;
    p->headers.category = H2_CAT_NONE;
    int rc = H2_GO;
    if (padded && hd->length == 0) {
        rc = h2_break(session, H2_RULE_PADDED_EMPTY, hd->stream_id,
                      "HEADERS has PADDED, but no payload");
    } else if (!padded && priority && hd->length < 5) {
        rc = h2_break(session, H2_RULE_TOO_SHORT, hd->stream_id,
                      "HEADERS has PRIORITY, but a payload of %u octets", hd->length);
        return rc != H2_GO ? rc : h2_block_unreadable(session, hd->length);
    }
    if (rc == H2_GO) {
        rc = h2_begin_frame(session);
    }
    if (rc != H2_GO) {
        return rc;
    }
    if (padded && hd->length > 0) {
        h2_go_gather(session, &st_headers_pad_length, 1);
        return H2_GO;
    }
    return headers_prefix(session, hd->length);
}

/* ---- CONTINUATION ---- */

int h2_recv_continuation(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    struct h2_frame *f = session->cur;
    if (session->unit == f) {
        int rc = H2_GO;
        if (!session->intruder && !session->resumed) {
            rc = h2_break(
                session,
                f->hd.stream_id == 0 ? H2_RULE_CONTINUATION_ZERO : H2_RULE_CONTINUATION_STRAY,
                f->hd.stream_id, "CONTINUATION on stream %u, where no field block is open",
                f->hd.stream_id);
        }
        if (rc != H2_GO) {
            return rc;
        }
        h2_block_lose(session);
        return h2_skip_payload(session);
    }
    int rc = h2_flood_continuation(session);
    if (rc == H2_GO && session->observer) {
        uint32_t max = session->ledger.widest[H2_SETTING_MAX_FRAME_SIZE];
        if (f->hd.length > max) {
            rc = h2_break_limit(
                session, H2_RULE_CONTINUATION_SIZE, f->hd.stream_id, (int64_t)f->hd.length - max,
                "CONTINUATION of %u octets; the receiver allows %u", f->hd.length, max);
        }
    }
    if (rc == H2_GO && b->report) {
        rc = h2_begin_frame(session);
    }
    if (rc != H2_GO) {
        return rc;
    }
    f->block_off = b->octets;
    f->has_payload = true;
    b->frame.hd.length += f->hd.length;
    b->frame.hd.flags |= f->hd.flags & H2_FLAG_END_HEADERS;
    h2_block_fragment(session, f->hd.length, 0, (f->hd.flags & H2_FLAG_END_HEADERS) != 0);
    return H2_GO;
}
