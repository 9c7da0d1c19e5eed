/* Extension types: ALTSVC (RFC 7838), ORIGIN (RFC 8336), PRIORITY_UPDATE (RFC 9218), types that a
 * user registered, and those that nobody knows (RFC 9113 5.5). OBSERVER reads all registered ones.
 */
#include "h2/session_int.h"

/* Nobody asked for this type: an endpoint passes it over in silence. True: it is passed over. */
static bool unwanted(struct h2_session *session, bool enabled, int *rc)
{
    if (enabled || session->observer) {
        return false;
    }
    *rc = h2_flood_glitch(session);
    if (*rc == H2_GO) {
        h2_go_skip(session, session->cur->hd.length, false);
    }
    return true;
}

static void decode(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    struct cur payload = { in->pos, in->pos + session->need, false };
    cur_skip(in, session->need);
    f->has_payload = h2_frame_row(f->hd.type)->decode(&payload, &f->payload);
}

static int too_short(struct h2_session *session, enum h2_rule rule)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    int rc = h2_break(session, rule, hd->stream_id, "%s has a payload of %u octets",
                      h2_frame_name(hd->type), hd->length);
    return rc != H2_GO ? rc : h2_skip_payload(session);
}

/* ---- ALTSVC ---- */

static int step_altsvc(struct h2_session *session, struct cur *in)
{
    decode(session, in);
    const struct h2_frame *f = session->cur;
    uint32_t id = f->hd.stream_id;
    int rc = H2_GO;
    if (!f->has_payload) {
        rc = h2_break(session, H2_RULE_ALTSVC_OVERRUN, id,
                      "the origin passes the end of the payload");
    } else if (id == 0 && f->payload.altsvc.origin.len == 0) {
        rc = h2_break(session, H2_RULE_ALTSVC_NO_ORIGIN, 0, "ALTSVC on stream 0 without an origin");
    } else if (id != 0 && f->payload.altsvc.origin.len > 0) {
        rc = h2_break(session, H2_RULE_ALTSVC_HAS_ORIGIN, id, "ALTSVC on stream %u with an origin",
                      id);
    } else {
        const struct h2_stream *stream = h2_stream_live(session, id);
        bool gone = id != 0 && (stream == NULL || stream->state == H2_ST_CLOSING);
        if (gone && h2_ignore(session, "stream is not open")) {
            return h2_end_frame(session);
        }
        if (f->payload.altsvc.field_value.len == 0) {
            rc = h2_break(session, H2_RULE_ALTSVC_NO_VALUE, id, "ALTSVC without a value");
        }
    }
    if (rc == H2_SILENT) {
        return h2_end_frame(session);
    }
    return rc != H2_GO ? rc : h2_finish_frame(session);
}

static const struct h2_state st_altsvc = { "altsvc", false, step_altsvc };

int h2_recv_altsvc(struct h2_session *session)
{
    int rc = H2_GO;
    bool client = session->role == H2_ROLE_CLIENT;
    if (unwanted(session, session->opt.enable_altsvc && client, &rc)) {
        return rc;
    }
    if (!client) {
        h2_remark(session, CHECK_ALTSVC_FROM_CLIENT, CONFIDENCE_CERTAIN, session->cur->hd.stream_id,
                  "a client sent ALTSVC");
        rc = h2_flood_glitch(session);
    }
    if (rc == H2_GO && session->cur->hd.length < 2) {
        return too_short(session, H2_RULE_ALTSVC_SHORT);
    }
    if (rc == H2_GO) {
        rc = h2_begin_frame(session);
    }
    return rc != H2_GO ? rc : h2_gather_payload(session, &st_altsvc);
}

/* ---- ORIGIN ---- */

static int step_origin(struct h2_session *session, struct cur *in)
{
    decode(session, in);
    const struct h2_frame *f = session->cur;
    if (f->has_payload) {
        return h2_finish_frame(session);
    }
    h2_remark(session, CHECK_ORIGIN_MALFORMED, CONFIDENCE_CERTAIN, f->hd.stream_id,
              "an entry passes the end of the payload");
    return session->observer ? h2_finish_frame(session) : h2_end_frame(session);
}

static const struct h2_state st_origin = { "origin", false, step_origin };

int h2_recv_origin(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    bool client = session->role == H2_ROLE_CLIENT;
    int rc = H2_GO;
    if (unwanted(session,
                 session->opt.enable_origin && client && hd->stream_id == 0 &&
                     (hd->raw_flags & 0xf0) == 0,
                 &rc)) {
        return rc;
    }
    if (!client) {
        h2_remark(session, CHECK_ORIGIN_FROM_CLIENT, CONFIDENCE_CERTAIN, hd->stream_id,
                  "a client sent ORIGIN");
    }
    if (hd->stream_id != 0) {
        h2_remark(session, CHECK_ORIGIN_STREAM_NONZERO, CONFIDENCE_CERTAIN, hd->stream_id,
                  "ORIGIN on stream %u", hd->stream_id);
    }
    if ((hd->raw_flags & 0x0f) != 0) {
        h2_remark(session, CHECK_ORIGIN_FLAGS, CONFIDENCE_CERTAIN, hd->stream_id,
                  "ORIGIN with flags 0x%02x", hd->raw_flags);
    }
    rc = h2_begin_frame(session);
    return rc != H2_GO ? rc : h2_gather_payload(session, &st_origin);
}

/* ---- PRIORITY_UPDATE ---- */

/* More of it is not a priority (nghttp2 reads no more, either). */
#define PRIORITY_UPDATE_OCTETS_MAX 32

/* RFC 9218 7.1: a request that has not come yet may be prioritized, as many as may be opened. */
static int remember_idle(struct h2_session *session, uint32_t id)
{
    const struct h2_ledger *l = &session->ledger;
    uint32_t max = session->observer ? l->widest[H2_SETTING_MAX_CONCURRENT_STREAMS]
                                     : l->acked[H2_SETTING_MAX_CONCURRENT_STREAMS];
    uint32_t count = session->idle_count + session->incoming;
    if (count >= max) {
        h2_flood_tell(session, 9, count + UINT64_C(1));
        int rc = h2_break_limit(session, H2_RULE_PRIO_UPDATE_COUNT, id, (int64_t)count + 1 - max,
                                "PRIORITY_UPDATE for stream %u, while %u are idle or open of %u",
                                id, count, max);
        return rc;
    }
    session->flood_told[9] = false;
    if (session->observer && session->idle_count >= LIMIT_STREAMS_OPEN) {
        return H2_GO;
    }
    return h2_stream_add(session, id, H2_ST_IDLE, 0) != NULL ? H2_GO : H2_ERR_NOMEM;
}

static int prioritize(struct h2_session *session)
{
    const struct h2_frame *f = session->cur;
    uint32_t id = f->payload.priority_update.prioritized_stream_id;
    if (f->hd.stream_id != 0) {
        return h2_break(session, H2_RULE_PRIO_UPDATE_NONZERO, f->hd.stream_id,
                        "PRIORITY_UPDATE on stream %u", f->hd.stream_id);
    }
    if (id == 0) {
        return h2_break(session, H2_RULE_PRIO_UPDATE_ZERO, 0, "PRIORITY_UPDATE for stream 0");
    }
    struct h2_stream *stream = h2_stream_find(session, id);
    if (stream == NULL && h2_stream_is_idle(session, id)) {
        int rc = h2_stream_is_own(session, id)
                     ? h2_break(session, H2_RULE_PRIO_UPDATE_PUSH, id,
                                "PRIORITY_UPDATE for stream %u, which was never promised", id)
                     : remember_idle(session, id);
        if (rc != H2_GO) {
            return rc;
        }
        stream = h2_stream_find(session, id);
    }
    struct h2_stream nobody = { .urgency = 0 };
    stream = stream != NULL ? stream : &nobody;
    if (!h2_priority_parse(f->payload.priority_update.field_value, &stream->urgency,
                           &stream->incremental) &&
        session->over == 0) {
        h2_remark(session, CHECK_PRIORITY_UPDATE_VALUE, CONFIDENCE_CERTAIN, id,
                  "the priority of stream %u is no dictionary with u from 0 to 7", id);
    }
    return H2_GO;
}

static int step_priority_update(struct h2_session *session, struct cur *in)
{
    decode(session, in);
    int rc = session->role == H2_ROLE_SERVER ? prioritize(session) : H2_GO;
    return rc != H2_GO ? rc : h2_finish_frame(session);
}

static const struct h2_state st_priority_update = { "priority-update", false,
                                                    step_priority_update };

int h2_recv_priority_update(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    int rc = H2_GO;
    if (unwanted(session, session->opt.enable_priority_update, &rc)) {
        return rc;
    }
    if (session->role == H2_ROLE_CLIENT) {
        rc = h2_break(session, H2_RULE_PRIO_UPDATE_SERVER, hd->stream_id,
                      "a server sent PRIORITY_UPDATE");
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (hd->length < 4) {
        return too_short(session, H2_RULE_TOO_SHORT);
    }
    rc = h2_flood_glitch(session);
    if (rc != H2_GO) {
        return rc;
    }
    if (hd->length > PRIORITY_UPDATE_OCTETS_MAX &&
        h2_ignore(session, "longer than a priority is")) {
        h2_go_skip(session, hd->length, false);
        return H2_GO;
    }
    rc = h2_begin_frame(session);
    return rc != H2_GO ? rc : h2_gather_payload(session, &st_priority_update);
}

/* ---- other types ---- */

static int extension_done(struct h2_session *session)
{
    if (session->cancelled) {
        return h2_end_frame(session);
    }
    if (h2_is_user_type(session, session->cur->hd.type) && session->ev.unpack_extension != NULL) {
        int result = session->ev.unpack_extension(session, session->cur, session->user);
        if (result == H2_CB_CANCEL) {
            return h2_end_frame(session);
        }
        if (result != H2_CB_OK) {
            return H2_ERR_CALLBACK_FAILURE;
        }
    }
    session->cur->has_payload = true;
    int rc = h2_tell_frame(session);
    return rc != H2_GO ? rc : h2_end_frame(session);
}

static int step_extension(struct h2_session *session, struct cur *in)
{
    struct span octets = cur_take(in, num_min_size(session->left, cur_left(in)));
    h2_octets(session, octets.ptr, octets.len);
    session->left -= (uint32_t)octets.len;
    if (octets.len > 0 && !session->cancelled && session->ev.on_extension_chunk_recv != NULL) {
        int result =
            session->ev.on_extension_chunk_recv(session, session->cur, octets, session->user);
        session->cancelled = result == H2_CB_CANCEL;
        if (result != H2_CB_OK && result != H2_CB_CANCEL) {
            return H2_ERR_CALLBACK_FAILURE;
        }
    }
    return session->left == 0 ? extension_done(session) : H2_GO;
}

static const struct h2_state st_extension = { "extension", true, step_extension };

int h2_recv_unknown(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    bool user = h2_is_user_type(session, session->cur->hd.type);
    session->cancelled = false;
    int rc = H2_GO;
    if (!user) {
        h2_remark(session, CHECK_FRAME_UNKNOWN_TYPE, CONFIDENCE_CERTAIN, hd->stream_id,
                  "a frame of type 0x%02x", hd->type);
        rc = h2_flood_glitch(session);
    }
    if (rc == H2_GO && !session->observer && (!user || session->ev.unpack_extension == NULL)) {
        h2_go_skip(session, hd->length, false);
        return H2_GO;
    }
    if (rc == H2_GO) {
        rc = h2_begin_frame(session);
    }
    if (rc == H2_GO) {
        h2_go_stream(session, &st_extension, hd->length);
    }
    return rc;
}
