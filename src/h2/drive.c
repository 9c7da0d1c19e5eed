/* The driver of the state machine: alone buffers, alone loops. Frame headers and control payloads
 * reach their step in one piece, in place when the chunk holds them whole; DATA, field blocks and
 * unknown payloads reach it as they come. What a frame means is in recv_*.c. */
#include <stdio.h>

#include "h2/session_int.h"

static int step_preface(struct h2_session *session, struct cur *in);
static int step_head(struct h2_session *session, struct cur *in);
static int step_skip(struct h2_session *session, struct cur *in);
static int step_swallow(struct h2_session *session, struct cur *in);

static const struct h2_state st_preface = { "preface", true, step_preface };
static const struct h2_state st_head = { "frame-header", false, step_head };
static const struct h2_state st_skip = { "skip", true, step_skip };
static const struct h2_state st_swallow = { "swallow", true, step_swallow };
static const struct h2_state st_foreign = { "foreign", true, step_swallow };

void h2_go_stream(struct h2_session *session, const struct h2_state *state, uint32_t left)
{
    session->state = state;
    session->left = left;
}

void h2_go_gather(struct h2_session *session, const struct h2_state *state, uint32_t need)
{
    session->state = state;
    session->need = need;
    session->gathered = 0;
}

void h2_go_head(struct h2_session *session)
{
    session->over = 0;
    h2_go_gather(session, &st_head, H2_FRAME_HEADER_LEN);
}

void h2_go_start(struct h2_session *session)
{
    const struct h2_options *opt = &session->opt;
    session->first = !opt->mid_stream;
    if (session->role == H2_ROLE_SERVER && opt->check_preface && !opt->mid_stream) {
        h2_go_stream(session, &st_preface, H2_PREFACE_LEN);
    } else {
        h2_go_head(session);
    }
}

void h2_go_skip(struct h2_session *session, uint32_t n, bool tells)
{
    session->skip_tells = tells;
    h2_go_stream(session, &st_skip, n);
}

void h2_go_swallow(struct h2_session *session)
{
    h2_go_stream(session, &st_swallow, UINT32_MAX);
}

void h2_tell_octets(struct h2_session *session, const uint8_t *octets, size_t n)
{
    if (n > 0 && session->begun) {
        session->ev.on_frame_octets(session, session->frame_used, span_of(octets, n),
                                    session->user);
    }
}

bool h2_take_padding(struct h2_session *session, struct cur *in, uint32_t *taken)
{
    struct span pad = cur_take(in, num_min_size(session->left, cur_left(in)));
    h2_octets(session, pad.ptr, pad.len);
    for (size_t i = 0; i < pad.len && session->observer && !session->pad_nonzero; i++) {
        session->pad_nonzero = pad.ptr[i] != 0;
    }
    session->left -= (uint32_t)pad.len;
    *taken = (uint32_t)pad.len;
    return session->left == 0;
}

int h2_begin_frame(struct h2_session *session)
{
    if (session->begun) {
        return H2_GO;
    }
    session->begun = true;
    if (session->ev.on_begin_frame != NULL &&
        session->ev.on_begin_frame(session, session->cur, session->user) != 0) {
        return H2_ERR_CALLBACK_FAILURE;
    }
    h2_octets(session, session->head, H2_FRAME_HEADER_LEN);
    return H2_GO;
}

int h2_tell_frame(struct h2_session *session)
{
    session->unit->where.last = session->pos;
    int fault = session->unit == &session->block.frame ? session->block.fault : session->fault;
    if (H2D_UNLIKELY(fault != 0)) {
        if (session->unit == &session->block.frame && session->block.judged) {
            return H2_GO; /* invalid_frame_recv was told for a message rule already */
        }
        return h2_tell_invalid(session, fault);
    }
    if (session->ev.on_frame_recv == NULL) {
        return H2_GO;
    }
    return h2_called(session->ev.on_frame_recv(session, session->unit, session->user));
}

static void tell_end(struct h2_session *session, const struct h2_frame_cut *cut)
{
    session->cur->where.last = session->pos;
    if (session->begun && session->ev.on_end_frame != NULL) {
        session->ev.on_end_frame(session, session->cur, cut, session->user);
    }
    session->in_frame = false;
}

int h2_end_frame(struct h2_session *session)
{
    if (H2D_UNLIKELY(session->pad_nonzero)) {
        h2_remark(session, CHECK_FRAME_PADDING_NONZERO, CONFIDENCE_CERTAIN,
                  session->cur->hd.stream_id, "padding of the frame is not all zero");
    }
    tell_end(session, NULL);
    session->resumed = false;
    if (session->peer != NULL) {
        int rc = h2_feed_peer(session);
        if (rc != H2_GO) {
            return rc;
        }
    }
    h2_go_head(session);
    return session->block.open || session->observer ? H2_GO : h2_outbox_unit(session);
}

int h2_finish_frame(struct h2_session *session)
{
    uint32_t over = session->over;
    int rc = h2_tell_frame(session);
    if (rc != H2_GO) {
        return rc;
    }
    if (over > 0) {
        h2_go_skip(session, over, false);
        return H2_GO;
    }
    return h2_end_frame(session);
}

int h2_skip_payload(struct h2_session *session)
{
    h2_go_skip(session, session->cur->hd.length, true);
    return H2_GO;
}

int h2_gather_payload(struct h2_session *session, const struct h2_state *state)
{
    uint32_t length = session->cur->hd.length;
    uint32_t need = length <= LIMIT_CONTROL_OCTETS ? length : (uint32_t)LIMIT_CONTROL_OCTETS;
    session->over = length - need;
    if (session->over > 0) {
        h2_remark(session, CHECK_LIMIT_CONTROL_FRAME, CONFIDENCE_CERTAIN,
                  session->cur->hd.stream_id, "%u of %u payload octets were read", need, length);
    }
    h2_go_gather(session, state, need);
    return H2_GO;
}

/* ---- steps ---- */

void h2_flush_passed(struct h2_session *session)
{
    uint64_t passed = session->state == &st_preface   ? H2_PREFACE_LEN - session->left
                      : session->state == &st_foreign ? session->offset - session->start_offset
                                                      : 0;
    if (passed > 0 && session->ev.on_unsynchronised != NULL) {
        session->ev.on_unsynchronised(session, session->start_offset, passed, session->user);
    }
}

static void bad_preface(struct h2_session *session)
{
    struct h2_frame *f = &session->frame;
    session->preface_bad = true;
    session->tainted = true;
    f->where = (struct h2_where){ session->start_offset, session->start_pos, session->pos };
    h2_remark(session, CHECK_PREFACE_MAGIC_INVALID, CONFIDENCE_CERTAIN, 0,
              "the octets do not begin with the client preface");
}

/* RFC 9113 3.4. An octet that differs is told at once, however the preface is cut. */
static int step_preface(struct h2_session *session, struct cur *in)
{
    uint32_t at = H2_PREFACE_LEN - session->left;
    if (at == 0) {
        session->start_offset = session->offset;
        session->start_pos = pos_begin(&session->pos);
    }
    size_t n = num_min_size(session->left, cur_left(in));
    if (!session->preface_bad && memcmp(in->pos, h2_preface + at, n) != 0) {
        if (!session->observer) {
            return H2_ERR_BAD_CLIENT_MAGIC;
        }
        bad_preface(session);
        if (in->pos[0] != h2_preface[0] && at == 0) {
            h2_go_head(session); /* Lenient: no preface at all; these may be frames */
            return H2_GO;
        }
    }
    cur_skip(in, n);
    session->left -= (uint32_t)n;
    if (session->left > 0) {
        return H2_GO;
    }
    if (session->preface_bad) {
        session->left = H2_PREFACE_LEN - (at + (uint32_t)n);
        h2_flush_passed(session);
        h2_go_head(session);
        return H2_GO;
    }
    h2_go_head(session);
    if (session->ev.on_preface != NULL) {
        struct h2_where where = { session->start_offset, session->start_pos, session->pos };
        return h2_called(session->ev.on_preface(session, &where, session->user));
    }
    return H2_GO;
}

static int dispatch(struct h2_session *session)
{
    static int (*const recv_types[])(struct h2_session *) = {
        [H2_DATA] = h2_recv_data,
        [H2_HEADERS] = h2_recv_headers,
        [H2_PRIORITY] = h2_recv_priority,
        [H2_RST_STREAM] = h2_recv_rst_stream,
        [H2_SETTINGS] = h2_recv_settings,
        [H2_PUSH_PROMISE] = h2_recv_push_promise,
        [H2_PING] = h2_recv_ping,
        [H2_GOAWAY] = h2_recv_goaway,
        [H2_WINDOW_UPDATE] = h2_recv_window_update,
        [H2_CONTINUATION] = h2_recv_continuation,
        [H2_ALTSVC] = h2_recv_altsvc,
        [H2_ORIGIN] = h2_recv_origin,
        [H2_PRIORITY_UPDATE] = h2_recv_priority_update,
    };
    uint8_t type = session->cur->hd.type;
    if (type >= H2D_COUNT_OF(recv_types) || recv_types[type] == NULL ||
        h2_is_user_type(session, type)) {
        return h2_recv_unknown(session);
    }
    return recv_types[type](session);
}

/* What RFC 9113 4.1 asks of senders and has receivers ignore. */
static void advise(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    const struct h2_frame_row *row = h2_frame_row(hd->type);
    if (H2D_UNLIKELY(hd->reserved)) {
        h2_remark(session, CHECK_FRAME_RESERVED_BIT, CONFIDENCE_CERTAIN, hd->stream_id,
                  "the reserved bit of the stream identifier is set");
    }
    uint8_t undefined = row != NULL ? (uint8_t)(hd->raw_flags & ~row->flags) : 0;
    if (H2D_UNLIKELY(undefined != 0)) {
        uint8_t *told = &session->report->flags_told[h2_session_dir(session)][hd->type];
        if ((undefined & ~*told) != 0) {
            *told |= undefined;
            h2_remark(session, CHECK_FRAME_UNDEFINED_FLAG, CONFIDENCE_CERTAIN, hd->stream_id,
                      "flags 0x%02x of %s are not defined", undefined, row->name);
        }
    }
}

/* The first frame of either side is SETTINGS without ACK (RFC 9113 3.4). */
static int check_first(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    session->first = false;
    if (hd->type == H2_SETTINGS && (hd->flags & H2_FLAG_ACK) == 0) {
        return H2_GO;
    }
    const char *name = h2_frame_name(hd->type);
    if (session->ev.on_error != NULL) {
        int rc = h2_called(session->ev.on_error(session, H2_LIB_PROTO,
                                                "the first frame is not SETTINGS", session->user));
        if (rc != H2_GO) {
            return rc;
        }
    }
    return h2_break(session,
                    session->role == H2_ROLE_SERVER ? H2_RULE_FIRST_NOT_SETTINGS_C2S
                                                    : H2_RULE_FIRST_NOT_SETTINGS_S2C,
                    0, "the first frame is %s%s, not SETTINGS", name != NULL ? name : "unknown",
                    hd->type == H2_SETTINGS ? " with ACK" : "");
}

/* Between a block's first frame and its END_HEADERS only its CONTINUATIONs may stand (RFC 9113 4.3,
 * 5.5). */
static int check_intruder(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    const char *name = h2_frame_name(hd->type);
    if (hd->type == H2_CONTINUATION && hd->stream_id == 0) {
        return h2_break(session, H2_RULE_CONTINUATION_ZERO, 0, "CONTINUATION on stream 0");
    }
    return h2_break(
        session, hd->type > H2_CONTINUATION ? H2_RULE_BLOCK_EXTENSION : H2_RULE_BLOCK_INTERLEAVED,
        hd->stream_id, "%s on stream %u inside the field block of stream %u",
        name != NULL ? name : "a frame of an unknown type", hd->stream_id,
        session->block.stream_id);
}

static int check_length(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    const struct h2_ledger *l = &session->ledger;
    uint32_t max = session->observer ? l->widest[H2_SETTING_MAX_FRAME_SIZE]
                                     : l->acked[H2_SETTING_MAX_FRAME_SIZE];
    if (H2D_LIKELY(hd->length <= max)) {
        return H2_GO;
    }
    return h2_break_limit(session, H2_RULE_FRAME_SIZE, hd->stream_id, (int64_t)hd->length - max,
                          "a payload of %u octets; the receiver allows %u", hd->length, max);
}

static void start_frame(struct h2_session *session, const uint8_t *octets, bool intruder)
{
    struct h2_frame_hd hd = h2_frame_hd_decode(octets);
    if (H2D_UNLIKELY(h2_is_user_type(session, hd.type))) {
        hd.flags = hd.raw_flags;
    }
    bool block = hd.type == H2_HEADERS || hd.type == H2_PUSH_PROMISE;
    struct h2_frame *f = block ? &session->block.frame : &session->frame;
    f->hd = hd;
    f->has_payload = false;
    f->where.offset = session->start_offset;
    f->where.first = session->start_pos;
    f->where.last = session->pos;
    f->missing = 0;
    f->block_off = 0;
    f->discard = NULL;
    f->windows.known = false;
    session->cur = f;
    session->unit =
        hd.type == H2_CONTINUATION && session->block.open && !intruder ? &session->block.frame : f;
    if (block) {
        session->block.fault = 0;
    }
    session->in_frame = true;
    session->begun = false;
    session->pad_nonzero = false;
    session->fault = 0;
    session->frame_used = 0;
    session->over = 0;
    if (session->ev.on_frame_octets != NULL) {
        memcpy(session->head, octets, sizeof session->head);
    }
}

/* A server that answers in HTTP/1 never agreed to speak HTTP/2: none of it is frames. */
static int go_foreign(struct h2_session *session, char minor)
{
    char text[64];
    (void)snprintf(text, sizeof text, "the server answers in HTTP/1.%c, and not in HTTP/2", minor);
    session->first = false;
    session->tainted = true;
    session->frame.where =
        (struct h2_where){ session->start_offset, session->start_pos, session->pos };
    h2_note(session, CHECK_PREFACE_SERVER_SETTINGS_MISSING, 0, text);
    h2_go_stream(session, &st_foreign, UINT32_MAX);
    return H2_GO;
}

static bool is_http1(const struct h2_session *session, struct span octets)
{
    return session->first && session->observer && session->role == H2_ROLE_CLIENT &&
           memcmp(octets.ptr, "HTTP/1.", 7) == 0 && (octets.ptr[7] == '0' || octets.ptr[7] == '1');
}

/* RFC 9113 4.1. */
static int step_head(struct h2_session *session, struct cur *in)
{
    struct span octets = cur_take(in, H2_FRAME_HEADER_LEN);
    if (H2D_UNLIKELY(is_http1(session, octets))) {
        return go_foreign(session, (char)octets.ptr[7]);
    }
    bool intruder = session->block.open &&
                    (octets.ptr[3] != H2_CONTINUATION ||
                     (num_be32(octets.ptr + 5) & 0x7fffffffU) != session->block.stream_id);
    if (H2D_UNLIKELY(intruder) && session->observer) {
        h2_block_abandon(session);
    }
    start_frame(session, octets.ptr, intruder);
    session->intruder = intruder;
    int rc = H2_GO;
    if (session->observer) {
        rc = h2_begin_frame(session);
        if (rc != H2_GO) {
            return rc;
        }
        advise(session);
    }
    if (H2D_UNLIKELY(session->first)) {
        rc = check_first(session);
    }
    if (rc == H2_GO && H2D_UNLIKELY(intruder)) {
        rc = check_intruder(session);
        if (session->observer) {
            h2_block_abandoned(session);
        }
    }
    if (rc == H2_GO && session->unit == session->cur) {
        rc = check_length(session);
    }
    return rc != H2_GO ? rc : dispatch(session);
}

static int step_skip(struct h2_session *session, struct cur *in)
{
    struct span octets = cur_take(in, num_min_size(session->left, cur_left(in)));
    h2_octets(session, octets.ptr, octets.len);
    session->left -= (uint32_t)octets.len;
    if (session->left > 0) {
        return H2_GO;
    }
    if (session->skip_tells) {
        int rc = h2_tell_frame(session);
        if (rc != H2_GO) {
            return rc;
        }
    }
    return h2_end_frame(session);
}

static int step_swallow(struct h2_session *session, struct cur *in)
{
    (void)session;
    (void)cur_rest(in);
    return H2_GO;
}

/* ---- the loop ---- */

/* Copies towards `need`; true when all of it is there. */
static bool gather(struct h2_session *session, struct cur *in, struct cur *whole, int *rc)
{
    size_t n = num_min_size(session->need - session->gathered, cur_left(in));
    struct span piece = cur_take(in, n);
    bool small = session->need <= H2_SMALL_OCTETS;
    if (small) {
        memcpy(session->small + session->gathered, piece.ptr, piece.len);
    } else {
        if (session->gathered == 0) {
            buf_clear(&session->gather);
        }
        if (!buf_append(&session->gather, piece)) {
            *rc = H2_ERR_NOMEM;
            return false;
        }
    }
    session->gathered += (uint32_t)n;
    session->offset += n;
    *rc = H2_GO;
    if (session->gathered < session->need) {
        return false;
    }
    *whole = cur_of(small ? span_of(session->small, session->need) : buf_span(&session->gather));
    return true;
}

/* A state that wants octets in one piece. *more: they are not all there yet. */
static int run_gathering(struct h2_session *session, struct cur *in, bool *more)
{
    const struct h2_state *state = session->state;
    uint32_t need = session->need;
    size_t have = cur_left(in);
    bool head = state == &st_head;
    if (session->gathered == 0 && head && have > 0) {
        session->start_offset = session->offset;
        session->start_pos = pos_begin(&session->pos);
    }
    if (H2D_LIKELY(session->gathered == 0 && have >= need && session->over == 0)) {
        const uint8_t *end = in->pos + need;
        session->payload = head ? NULL : in->pos;
        if (!head) {
            h2_octets(session, in->pos, need);
        }
        int rc = state->step(session, in);
        session->payload = NULL; /* it may be gone when the frame goes on */
        in->pos = end;
        session->offset += need;
        return rc;
    }
    struct cur whole;
    int rc;
    if (!gather(session, in, &whole, &rc)) {
        *more = rc == H2_GO;
        return rc;
    }
    session->gathered = 0;
    session->payload = head ? NULL : whole.pos;
    if (!head) {
        h2_octets(session, whole.pos, need);
    }
    rc = state->step(session, &whole);
    session->payload = NULL;
    return rc;
}

/* A connection error: the frame at fault is over for the listener, all input is swallowed. */
static void stop(struct h2_session *session)
{
    if (session->in_frame) {
        tell_end(session, NULL);
    }
    h2_go_swallow(session);
}

int h2_drive(struct h2_session *session, struct cur *in)
{
    for (;;) {
        int rc;
        if (session->state->streams) {
            if (session->left > 0 && in->pos == in->end) {
                return H2_GO;
            }
            const uint8_t *from = in->pos;
            rc = session->state->step(session, in);
            session->offset += (uint64_t)(in->pos - from);
        } else {
            bool more = false;
            rc = run_gathering(session, in, &more);
            if (more) {
                return H2_GO;
            }
        }
        if (H2D_UNLIKELY(rc == H2_STOP)) {
            stop(session);
            rc = session->opt.auto_drain ? h2_outbox_drain(session) : H2_GO;
        }
        if (H2D_UNLIKELY(rc != H2_GO)) {
            return rc;
        }
    }
}

bool h2_in_head(const struct h2_session *session, uint32_t *header_octets)
{
    *header_octets = session->state == &st_head ? session->gathered : 0;
    return session->state == &st_head;
}

void h2_flush_gathered(struct h2_session *session)
{
    if (!session->state->streams && session->state != &st_head && session->gathered > 0) {
        bool small = session->need <= H2_SMALL_OCTETS;
        h2_octets(session, small ? session->small : session->gather.ptr, session->gathered);
        session->gathered = 0;
    }
}

void h2_tell_cut(struct h2_session *session, const struct h2_frame_cut *cut)
{
    uint32_t header_octets;
    if (h2_in_head(session, &header_octets)) {
        struct h2_frame *f = &session->frame;
        *f = (struct h2_frame){ .where = { session->start_offset, session->start_pos,
                                           session->pos } };
        session->cur = session->unit = f;
        session->begun = true;
    }
    tell_end(session, cut);
}

uint32_t h2_payload_left(const struct h2_session *session)
{
    if (!session->in_frame) {
        return 0;
    }
    uint64_t whole = (uint64_t)H2_FRAME_HEADER_LEN + session->cur->hd.length;
    uint64_t used = session->frame_used;
    if (!session->begun) {
        used += H2_FRAME_HEADER_LEN;
    }
    if (!session->state->streams) {
        used += session->gathered;
    }
    return (uint32_t)(whole - used);
}
