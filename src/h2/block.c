/* A field block: fragments to HPACK, fields to the message rules and to the listener (RFC 9113 4.3,
 * 8; receive-engine 2.2, 5). Every block is decoded, also those that nobody hears of: the dynamic
 * table is the connection's. */
#include <stdio.h>

#include "h2/names.h"
#include "h2/session_int.h"

static int step_block(struct h2_session *session, struct cur *in);
static int step_block_padding(struct h2_session *session, struct cur *in);

static const struct h2_state st_block = { "field-block", true, step_block };
static const struct h2_state st_block_padding = { "field-block-padding", true, step_block_padding };

struct message_context h2_message_context(const struct h2_session *session,
                                          const struct h2_stream *stream, enum message_kind kind)
{
    const struct h2_ledger *l = &session->ledger;
    struct message_context context = {
        .kind = kind,
        .connect_protocol =
            session->role == H2_ROLE_SERVER &&
            (session->observer || l->pending[H2_SETTING_ENABLE_CONNECT_PROTOCOL] != 0),
        .check_edge_whitespace = session->opt.check_edge_whitespace,
        .request_known = (stream->flags & H2_STREAM_REQ_KNOWN) != 0,
        .request_was_head = (stream->flags & H2_STREAM_REQ_HEAD) != 0,
        .request_was_connect = (stream->flags & H2_STREAM_REQ_CONNECT) != 0,
    };
    return context;
}

/* The application, or a rule, wants to hear no more of this block. */
static void hush(struct h2_session *session)
{
    session->block.report = session->block.quick = false;
}

/* begin_headers, which may ask for silence. */
static int tell_begin(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    if (session->ev.on_begin_headers == NULL) {
        return H2_GO;
    }
    int result = session->ev.on_begin_headers(session, &b->frame, session->user);
    if (result == H2_CB_TEMPORAL_FAILURE) {
        hush(session);
        h2_outbox_rst(session, b->subject, b->subject_id, H2_INTERNAL_ERROR,
                      "the application refused the field block");
        return H2_GO;
    }
    return h2_called(result);
}

int h2_block_begin(struct h2_session *session, struct h2_stream *subject, uint32_t subject_id,
                   enum message_kind kind, bool report)
{
    struct h2_block *b = &session->block;
    b->report = report;
    b->ended = b->lost = b->judged = b->sniff = b->sniffed = b->unknown = false;
    b->headless = false;
    b->end_stream = b->frame.hd.type == H2_HEADERS && (b->frame.hd.flags & H2_FLAG_END_STREAM) != 0;
    b->stream_id = b->frame.hd.stream_id;
    b->subject = subject;
    b->subject_id = subject_id;
    b->continuations = 0;
    b->octets = 0;
    b->taken = (struct hpack_taken){ .stop = session->names_stop };
    if (session->observer && kind == MESSAGE_TRAILERS) {
        b->taken.stop |= H2_NAME_NO_TRAILER;
    }
    b->size_updates = 0;
    b->websocket = b->tunnel = false;
    b->authority_len = 0;
    b->field_count = 0;
    b->field_fault = CHECK_COUNT;
    b->judge = report && subject != NULL && session->opt.check_messaging;
    hpack_begin_block(session->hpack);
    if (session->observer && H2D_UNLIKELY(!hpack_decoder_is_sure(session->hpack))) {
        hpack_decoder_set_ceiling(session->hpack, h2_table_ceiling(session));
    }
    if (subject != NULL && b->judge) {
        b->context = h2_message_context(session, subject, kind);
        b->context.is_push = b->frame.hd.type == H2_PUSH_PROMISE;
        b->sniff = session->tainted || (subject->flags & H2_STREAM_ADOPTED) != 0;
        message_begin_block(&subject->message, &b->context);
    }
    b->watch = report && session->hpack_level != HPACK_LEVEL_FULL;
    /* Few blocks are promises, and what stands in them is looked at. */
    b->quick = b->judge && !b->sniff && !b->watch && (!session->observer || !b->context.is_push);
    return report ? tell_begin(session) : H2_GO;
}

void h2_block_fragment(struct h2_session *session, uint32_t len, uint32_t pad, bool last)
{
    session->block.last = last;
    session->block.open = !last;
    session->pad_left = pad;
    h2_go_stream(session, &st_block, len);
}

static int tell_error(struct h2_session *session, const struct h2_header *h, const char *what)
{
    if (session->ev.on_error == NULL) {
        return H2_GO;
    }
    char text[256];
    (void)snprintf(text, sizeof text, "stream %u: %s", session->block.subject_id, what);
    (void)h;
    return h2_called(session->ev.on_error(session, H2_LIB_HTTP_HEADER, text, session->user));
}

static H2D_ALWAYS_INLINE int field_good(struct h2_session *session, const struct h2_header *h)
{
    struct h2_block *b = &session->block;
    if (session->ev.on_header == NULL) {
        return H2_GO;
    }
    int result = session->ev.on_header(session, &b->frame, h, session->user);
    if (H2D_LIKELY(result == H2_CB_OK)) {
        return H2_GO;
    }
    if (result == H2_CB_PAUSE) {
        return H2_PAUSED;
    }
    if (result != H2_CB_TEMPORAL_FAILURE) {
        return H2_ERR_CALLBACK_FAILURE;
    }
    hush(session);
    h2_outbox_rst(session, b->subject, b->subject_id, H2_INTERNAL_ERROR,
                  "the application refused a field");
    return H2_GO;
}

/* A field that breaks its message: nghttp2 resets the stream, an observer shows it and goes on. */
static int field_error(struct h2_session *session, struct h2_header *h,
                       const struct message_fault *fault)
{
    struct h2_block *b = &session->block;
    int rc = tell_error(session, h, fault->text), paused = H2_GO;
    if (rc == H2_GO && session->observer && session->ev.on_invalid_header != NULL) {
        h->invalid = fault->text;
        int result = session->ev.on_invalid_header(session, &b->frame, h, session->user);
        paused = result == H2_CB_PAUSE ? H2_PAUSED : H2_GO;
        rc = paused == H2_PAUSED ? H2_GO : h2_called(result);
    }
    if (rc != H2_GO) {
        return rc;
    }
    if (!session->observer || b->field_fault != fault->check) {
        b->field_fault = fault->check;
        rc = h2_break_message(session, H2_RULE_FIELD, b->subject_id, fault);
    }
    if (rc == H2_SILENT) {
        hush(session);
        return h2_flood_glitch(session);
    }
    return rc != H2_GO ? rc : paused;
}

/* A field that is dropped: on_invalid_header may object. */
static int field_dropped(struct h2_session *session, struct h2_header *h,
                         const struct message_fault *fault)
{
    struct h2_block *b = &session->block;
    int result = H2_CB_OK;
    h->invalid = fault->text;
    if (session->ev.on_invalid_header != NULL) {
        result = session->ev.on_invalid_header(session, &b->frame, h, session->user);
    }
    if (result == H2_CB_TEMPORAL_FAILURE && !session->observer) {
        return field_error(session, h, fault);
    }
    if (result != H2_CB_OK && result != H2_CB_PAUSE && result != H2_CB_TEMPORAL_FAILURE) {
        return H2_ERR_CALLBACK_FAILURE;
    }
    if (session->observer) {
        int rc = h2_break_message(session, H2_RULE_FIELD, b->subject_id, fault);
        if (rc != H2_GO) {
            return rc;
        }
    }
    return result == H2_CB_PAUSE ? H2_PAUSED : tell_error(session, h, fault->text);
}

/* RFC 9218 5: the priority field of a request, not of a promise. */
static void note_priority(struct h2_session *session, const struct h2_header *h)
{
    struct h2_stream *stream = session->block.subject;
    if (session->role == H2_ROLE_SERVER && session->block.context.kind == MESSAGE_REQUEST &&
        (stream->flags & H2_STREAM_BAD_PRIORITY) == 0 &&
        !h2_priority_parse(h->value, &stream->urgency, &stream->incremental)) {
        stream->flags |= H2_STREAM_BAD_PRIORITY;
    }
}

/* RFC 9113 8.3: a request's pseudo-header fields come from the client, in its HEADERS, a response's
 * from the server. */
static void note_roles(struct h2_session *session, const struct h2_header *h)
{
    bool request = h->token == H2_TOKEN_METHOD || h->token == H2_TOKEN_SCHEME ||
                   h->token == H2_TOKEN_PATH || h->token == H2_TOKEN_AUTHORITY;
    if (session->report->roles != H2_ROLES_GUESSED || h->certainty != H2_EXACT ||
        session->block.frame.hd.type != H2_HEADERS || (!request && h->token != H2_TOKEN_STATUS)) {
        return;
    }
    session->report->roles =
        request == (session->role == H2_ROLE_SERVER) ? H2_ROLES_KNOWN : H2_ROLES_WRONG;
}

static bool is_pseudo_name(const struct h2_header *h)
{
    return h->name.len > 0 && h->name.ptr[0] == ':';
}

/* The first field that is known of a block on a stream that was joined in its middle. Without a
 * pseudo-header field in front these are trailers, or malformed: the rules for single fields hold
 * all the same.
 */
static void sniff(struct h2_session *session, const struct h2_header *h)
{
    struct h2_block *b = &session->block;
    b->sniffed = true;
    note_roles(session, h);
    b->judge = b->judge && h->name.len > 0 && session->report->roles == H2_ROLES_KNOWN;
    if (b->judge && !is_pseudo_name(h)) {
        b->headless = true;
        b->context.kind = MESSAGE_TRAILERS;
    }
}

/* OBSERVER: what a field says that the rules of section 5 do not judge. */
static int note_field(struct h2_session *session, const struct h2_header *h)
{
    struct h2_block *b = &session->block;
    b->unknown = b->unknown || h->certainty != H2_EXACT;
    if (h->certainty == H2_EXACT && !session->role_proved) {
        bool status = h->token == H2_TOKEN_STATUS;
        bool request = h->token >= H2_TOKEN_AUTHORITY && h->token <= H2_TOKEN_SCHEME;
        session->role_proved =
            session->role == H2_ROLE_CLIENT ? status && b->frame.hd.type == H2_HEADERS : request;
    }
    if (b->sniff && !b->sniffed) {
        if (h->certainty == H2_EXACT) {
            sniff(session, h);
        }
    } else if (b->headless && is_pseudo_name(h)) {
        b->judge = false; /* of which kind the block is, is open again */
    }
    if (h->token == H2_TOKEN_PROTOCOL && session->role == H2_ROLE_SERVER &&
        session->ledger.widest[H2_SETTING_ENABLE_CONNECT_PROTOCOL] == 0) {
        return h2_break_limit(session, H2_RULE_EXT_CONNECT, b->subject_id, 1,
                              ":protocol, but the server has not enabled extended CONNECT");
    }
    return H2_GO;
}

/* RFC 7541 6.3; the limit is the local side's SETTINGS_HEADER_TABLE_SIZE. */
static int size_update(struct h2_session *session, const struct h2_header *h)
{
    uint32_t max = session->ledger.widest[H2_SETTING_HEADER_TABLE_SIZE];
    int rc = H2_GO;
    if (++session->block.size_updates == 3) {
        h2_remark(session, CHECK_HPACK_TABLE_UPDATE_EXCESS, CONFIDENCE_CERTAIN,
                  session->block.subject_id,
                  "more than two table size updates in front of a block");
    }
    if (session->observer && h->index > max) {
        rc = h2_break_limit(session, H2_RULE_TABLE_UPDATE, session->block.subject_id,
                            (int64_t)h->index - max,
                            "a table size update to %u; the decoder allows %u", h->index, max);
    }
    if (session->ev.on_size_update != NULL && session->block.report) {
        session->ev.on_size_update(session, &session->block.frame, h, session->user);
    }
    return rc;
}

/* A field that its message takes. */
static H2D_ALWAYS_INLINE int field_ok(struct h2_session *session, const struct h2_header *h)
{
    if (H2D_UNLIKELY(h->token == H2_TOKEN_PRIORITY)) {
        note_priority(session, h);
    }
    return field_good(session, h);
}

static int field_not_ok(struct h2_session *session, struct h2_header *h,
                        enum message_verdict verdict, const struct message_fault *fault)
{
    int rc;
    session->block.guilty = h;
    if (verdict == MESSAGE_HIDE) {
        if (fault->lenient) {
            h2_note(session, fault->check, session->block.subject_id, fault->text);
        } else {
            h2_remark(session, fault->check, CONFIDENCE_CERTAIN, session->block.subject_id, "%s",
                      fault->text);
        }
        rc = session->observer ? field_good(session, h) : H2_GO;
    } else {
        rc = verdict == MESSAGE_DROP ? field_dropped(session, h, fault)
                                     : field_error(session, h, fault);
    }
    session->block.guilty = NULL;
    return rc;
}

/* The receiver has said so, or nobody knows what it has said. */
static bool may_be_binary(const struct h2_session *session)
{
    const struct h2_ledger *ledger = &session->ledger;
    return ledger->local_binary || !ledger->local_seen || !h2_both_sides_known(session);
}

static H2D_ALWAYS_INLINE int field_judged(struct h2_session *session, struct h2_header *h)
{
    struct h2_block *b = &session->block;
    if (H2D_UNLIKELY(!b->report || (b->subject == NULL && !session->observer))) {
        return H2_GO; /* nobody's, or its stream is gone meanwhile */
    }
    if (session->observer &&
        H2D_UNLIKELY(h->certainty != H2_EXACT || b->sniff || h->token == H2_TOKEN_PROTOCOL)) {
        if (session->opt.hint_count > 0 && h->certainty > H2_INFERRED &&
            h->entry != H2_ENTRY_NONE) {
            h2_hint_field(session, h);
        }
        int rc = note_field(session, h);
        if (rc != H2_GO) {
            return rc;
        }
    }
    if (H2D_UNLIKELY(!b->judge || b->subject == NULL)) {
        return field_good(session, h);
    }
    if (H2D_UNLIKELY(h->octet_facts != 0)) {
        b->context.binary_values = session->observer && may_be_binary(session);
    }
    struct message_fault fault;
    enum message_verdict verdict = message_on_header(&b->subject->message, &b->context, h, &fault);
    return H2D_LIKELY(verdict == MESSAGE_OK) ? field_ok(session, h)
                                             : field_not_ok(session, h, verdict, &fault);
}

static H2D_ALWAYS_INLINE void count_name(struct h2_block *b, const struct h2_header *h)
{
    uint32_t name = H2D_LIKELY(h->certainty == H2_EXACT) ? h->known : 0;
    b->taken.twice |= b->taken.names & name;
    b->taken.names |= name;
}

/* Tokens of fields of which more is to be said than the rules of a message say. */
#define ADVISED                                                                                    \
    (1U << H2_TOKEN_METHOD | 1U << H2_TOKEN_HOST | 1U << H2_TOKEN_TE |                             \
     1U << H2_TOKEN_CONNECTION_SPECIFIC | 1U << H2_TOKEN_PROTOCOL)

static H2D_ALWAYS_INLINE bool is_advised(const struct h2_session *session,
                                         const struct h2_header *h)
{
    const struct h2_block *b = &session->block;
    bool looked_at = (h->known & b->taken.stop) != 0 || ((ADVISED >> h->token) & 1) != 0 ||
                     (h->token == H2_TOKEN_NONE && b->websocket);
    return looked_at && session->observer && b->report && b->judge && b->subject != NULL &&
           h->certainty == H2_EXACT;
}

/* What is not ordinary, or not to be told at once. */
static H2D_ALWAYS_INLINE int field_rest(struct h2_session *session, struct h2_header *h)
{
    int rc = field_judged(session, h);
    if (H2D_UNLIKELY(is_advised(session, h)) && (rc == H2_GO || rc == H2_PAUSED)) {
        h2_advise_field(session, h);
    }
    count_name(&session->block, h);
    return rc;
}

static H2D_ALWAYS_INLINE int field(struct h2_session *session, struct h2_header *h)
{
    struct h2_block *b = &session->block;
    if (H2D_UNLIKELY(h->repr == HPACK_SIZE_UPDATE)) {
        return size_update(session, h);
    }
    b->field_count++;
    b->taken.octets += h->name.len + h->value.len;
    if (H2D_UNLIKELY(h->token == H2_TOKEN_AUTHORITY)) {
        h2_advise_authority(b, h->certainty == H2_EXACT ? h->value : span_empty());
    }
    if (H2D_LIKELY(b->quick) && (h->known & b->taken.stop) == 0 &&
        message_take_ordinary(&b->subject->message, b->context.kind, h->ordinary)) {
        count_name(b, h);
        return field_good(session, h);
    }
    return H2D_UNLIKELY(b->watch) ? h2_infer_field(session, h) : field_rest(session, h);
}

int h2_block_field(struct h2_session *session, struct h2_header *h)
{
    return field_rest(session, h);
}
/* ---- the block as a whole ---- */

/* What the block's octets could not be decoded for. */
static int hpack_failed(struct h2_session *session)
{
    int held = h2_infer_end(session, false);
    if (held != H2_GO && held != H2_PAUSED) {
        return held;
    }
    uint64_t at;
    enum check check = hpack_error(session->hpack, &at, &session->block.undecoded);
    char text[128];
    (void)snprintf(text, sizeof text, "%s, at octet %llu of the field block",
                   spec_check(check)->title, (unsigned long long)at);
    int rc = h2_break_hpack(session, check, text);
    session->block.undecoded = span_empty();
    if (rc != H2_GO) {
        return rc;
    }
    session->block.lost = true;
    h2_block_lose(session);
    return held;
}

/* RFC 9113 6.2: the request's method decides what its response may hold. */
static int block_effects(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    struct h2_stream *stream = b->subject;
    b->method_known = stream != NULL && !b->lost && !b->unknown;
    b->head = b->method_known && message_method_is_head(&stream->message);
    b->connect = b->method_known && message_method_is_connect(&stream->message);
    if (b->frame.hd.type == H2_PUSH_PROMISE) {
        if (stream != NULL) {
            stream->flags |= b->method_known ? H2_STREAM_REQ_KNOWN : 0;
            stream->flags |= b->head ? H2_STREAM_REQ_HEAD : 0;
            stream->flags |= b->connect ? H2_STREAM_REQ_CONNECT : 0;
            message_push_to_response(&stream->message);
        }
        return H2_GO;
    }
    return b->end_stream && stream != NULL ? h2_stream_ended(session, stream) : H2_GO;
}

static int judge_whole(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    struct message_fault fault;
    if (b->subject != NULL && session->observer &&
        (b->lost || b->frame.missing > 0 || !b->judge || b->headless ||
         (b->sniff && !b->sniffed))) {
        h2_stream_doubt(b->subject); /* a part of its message is not known */
    }
    if (!b->judge || b->subject == NULL || b->lost || b->field_fault != CHECK_COUNT ||
        b->frame.missing > 0 || b->headless || (b->sniff && !b->sniffed) ||
        message_on_headers_end(&b->subject->message, &b->context, b->end_stream, &fault)) {
        return H2_GO;
    }
    return h2_break_message(session, H2_RULE_MESSAGE, b->subject_id, &fault);
}

static void advise_block(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    uint32_t max = session->ledger.acked[H2_SETTING_MAX_HEADER_LIST_SIZE];
    uint64_t section = b->taken.octets + 32 * b->field_count; /* RFC 9113 6.5.2 */
    if (section > max) {
        h2_remark(session, CHECK_FIELD_SECTION_TOO_LARGE, CONFIDENCE_CERTAIN, b->subject_id,
                  "a field section of %llu octets; the receiver's advice is %u",
                  (unsigned long long)section, max);
    }
    if (!session->block_told && (b->field_count > session->opt.block_fields ||
                                 b->taken.octets > LIMIT_BLOCK_OCTETS_SHOWN)) {
        session->block_told = true;
        h2_remark(session, CHECK_LIMIT_BLOCK, CONFIDENCE_CERTAIN, b->subject_id,
                  "a field section of %llu fields and %llu octets is not shown whole",
                  (unsigned long long)b->field_count, (unsigned long long)b->taken.octets);
    }
    if (H2D_UNLIKELY(hpack_decoder_has_news(session->hpack)) ||
        H2D_UNLIKELY(session->hpack_level != HPACK_LEVEL_FULL)) {
        h2_advise_hpack(session);
    }
}

int h2_tell_block(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    /* A promise whose own stream is gone meanwhile is not told (receive-engine 3.7). */
    if (b->frame.hd.type == H2_PUSH_PROMISE && !session->observer &&
        h2_stream_live(session, b->stream_id) == NULL) {
        return H2_GO;
    }
    return h2_tell_frame(session);
}

/* Its header is there: the stream of HEADERS is open from here on, or ends. */
static int open_unread(struct h2_session *session, struct h2_stream **stream)
{
    struct h2_frame *f = session->cur;
    uint32_t id = f->hd.stream_id;
    const struct h2_stream *known = h2_stream_find(session, id);
    bool gone = known != NULL && known->state == H2_ST_CLOSED;
    if (!session->observer || f->hd.type != H2_HEADERS || id == 0 || gone) {
        return H2_GO;
    }
    bool fresh = h2_stream_is_idle(session, id) && !h2_stream_is_own(session, id);
    if (fresh && session->role == H2_ROLE_SERVER) {
        f->payload.headers.category = H2_CAT_REQUEST;
    }
    return h2_stream_adopt(session, id, stream);
}

int h2_block_unreadable(struct h2_session *session, uint32_t rest)
{
    struct h2_stream *stream = NULL;
    session->cur->payload.headers.category = H2_CAT_NONE;
    int rc = open_unread(session, &stream);
    if (rc == H2_GO) {
        rc = h2_block_begin(session, stream, session->cur->hd.stream_id, MESSAGE_TRAILERS, false);
    }
    if (rc == H2_GO) {
        session->block.lost = true;
        h2_block_lose(session);
        h2_block_fragment(session, rest, 0, (session->cur->hd.flags & H2_FLAG_END_HEADERS) != 0);
    }
    return rc;
}

static int block_done(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    b->open = false;
    b->frame.hd.raw_flags |= H2_FLAG_END_HEADERS;
    if (session->observer) {
        advise_block(session);
    } else if (!b->report || b->subject == NULL) {
        return h2_end_frame(session);
    }
    int rc = judge_whole(session);
    if (H2D_UNLIKELY((b->taken.twice & H2_NAMES_SINGLE) != 0 || b->tunnel ||
                     b->frame.hd.type == H2_PUSH_PROMISE ||
                     (b->subject != NULL && b->subject->message.status >= 600)) &&
        session->observer) {
        h2_advise_whole(session);
    }
    if (rc == H2_SILENT) {
        if (b->end_stream && b->subject != NULL) {
            /* No close here: the RST_STREAM will do that. */
            b->subject->flags |= H2_STREAM_RD;
        }
        rc = h2_flood_glitch(session);
        return rc != H2_GO ? rc : h2_end_frame(session);
    }
    if (rc == H2_GO && (b->report || session->observer)) {
        rc = h2_tell_block(session);
    }
    if (rc == H2_GO) {
        rc = block_effects(session);
    }
    return rc != H2_GO ? rc : h2_end_frame(session);
}

static int fragment_done(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    if (b->last) {
        return block_done(session);
    }
    /* What this frame holds is told before its end. */
    int held = b->watch ? h2_infer_end(session, false) : H2_GO;
    int rc = held == H2_GO || held == H2_PAUSED ? h2_end_frame(session) : held;
    return rc == H2_GO ? held : rc;
}

/* One representation; *more: the fragment is used up. */
static H2D_ALWAYS_INLINE int decode_one(struct h2_session *session, struct cur *fragment, bool last,
                                        bool *more)
{
    struct h2_header h;
    const uint8_t *from = fragment->pos;
    enum hpack_status status = hpack_decode(session->hpack, fragment, last, &h);
    h2_octets(session, from, (size_t)(fragment->pos - from));
    session->piece = from;
    session->piece_len = (uint32_t)(fragment->pos - from);
    if (H2D_LIKELY(status == HPACK_FIELD)) {
        return field(session, &h);
    }
    *more = true;
    if (status == HPACK_ERROR) {
        return hpack_failed(session);
    }
    session->block.ended = status == HPACK_END;
    if (H2D_UNLIKELY(session->block.watch && session->block.ended)) {
        return h2_infer_end(session, true);
    }
    return status == HPACK_NOMEM ? H2_ERR_NOMEM : H2_GO;
}

/* Fields that only the message rules look at need not be shown to anybody. */
static H2D_ALWAYS_INLINE void take_unseen(struct h2_session *session, struct cur *fragment)
{
    struct h2_block *b = &session->block;
    if (!b->quick || session->ev.on_header != NULL || session->ev.on_frame_octets != NULL) {
        return;
    }
    size_t n = hpack_take_ordinary(session->hpack, fragment, &b->subject->message, b->context.kind,
                                   &b->taken);
    if (n > 0) {
        b->field_count += n;
        session->frame_used += n;
    }
}

static int step_block(struct h2_session *session, struct cur *in)
{
    struct h2_block *b = &session->block;
    size_t n = num_min_size(session->left, cur_left(in));
    struct cur fragment = { in->pos, in->pos + n, false };
    bool last = b->last && n == session->left;
    bool more = b->lost || (n == 0 && !last) || b->ended;
    int rc = H2_GO;
    while (!more && rc == H2_GO) {
        take_unseen(session, &fragment);
        rc = decode_one(session, &fragment, last, &more);
    }
    if (more) {
        h2_octets(session, fragment.pos, cur_left(&fragment));
        fragment.pos = fragment.end;
    }
    uint32_t used = (uint32_t)(fragment.pos - in->pos);
    in->pos = fragment.pos;
    session->left -= used;
    b->octets += used;
    if (rc != H2_GO || session->left > 0) {
        return rc;
    }
    if (session->pad_left == 0) {
        return fragment_done(session);
    }
    h2_go_stream(session, &st_block_padding, session->pad_left);
    session->pad_left = 0;
    return H2_GO;
}

static int step_block_padding(struct h2_session *session, struct cur *in)
{
    uint32_t taken;
    return h2_take_padding(session, in, &taken) ? fragment_done(session) : H2_GO;
}

bool h2_block_missing(struct h2_session *session, uint32_t n)
{
    uint32_t of_block = n < session->left ? n : session->left;
    bool in_block = session->state == &st_block && of_block > 0;
    session->left -= of_block;
    if (session->state == &st_block) {
        session->pad_left -= n - of_block;
    }
    if (in_block) {
        session->block.octets += of_block;
        session->block.lost = true;
        session->block.frame.missing += session->cur != &session->block.frame ? of_block : 0;
    }
    return in_block;
}

bool h2_in_block(const struct h2_session *session)
{
    return session->state == &st_block || session->state == &st_block_padding;
}

int h2_stream_ended(struct h2_session *session, struct h2_stream *stream)
{
    stream->flags |= H2_STREAM_RD;
    return (stream->flags & H2_STREAM_WR) != 0 ? h2_stream_close(session, stream, H2_NO_ERROR)
                                               : H2_GO;
}
