/* What single fields, and blocks as a whole, say that the rules of receive-engine 5 do not judge:
 * advice, and faults that the reference does not look for (checks.md 4.3, 4.9, 4.10). OBSERVER
 * only; nothing here changes what is told of a field. */
#include <string.h>

#include "h2/names.h"
#include "h2/octets.h"
#include "h2/session_int.h"

/* A value shorter than this can be guessed from the size of what it compresses to (RFC 7541
 * 7.1.3). */
#define SECRET_SHORT 20

static void advise(struct h2_session *session, const struct h2_header *h, enum check check,
                   const char *text)
{
    session->block.guilty = h;
    h2_remark(session, check, CONFIDENCE_CERTAIN, session->block.subject_id, "%s", text);
    session->block.guilty = NULL;
}

static bool is_request(const struct h2_session *session)
{
    return session->block.context.kind == MESSAGE_REQUEST;
}

/* ---- :authority and host ---- */

void h2_advise_authority(struct h2_block *b, struct span value)
{
    b->authority_len = 0;
    if (value.len <= sizeof b->authority) {
        memcpy(b->authority, value.ptr, value.len);
        b->authority_len = (uint8_t)value.len;
    }
}

/* Without a port that is the default one of http or https. */
static struct span without_port(struct span text)
{
    static const char *const defaults[] = { ":80", ":443", ":" };
    for (size_t i = 0; i < H2D_COUNT_OF(defaults); i++) {
        struct span end = span_str(defaults[i]);
        if (text.len > end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0) {
            return (struct span){ text.ptr, text.len - end.len };
        }
    }
    return text;
}

static uint8_t lower(uint8_t octet)
{
    return octet_classes[octet] & IN_UPPER ? (uint8_t)(octet | 0x20) : octet;
}

static bool same_any_case(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* RFC 9113 8.3.1. */
static void host(struct h2_session *session, const struct h2_header *h)
{
    struct h2_block *b = &session->block;
    struct span authority = span_of(b->authority, b->authority_len);
    if (b->websocket) {
        h2_note(session, CHECK_EXT_CONNECT_WS_FIELDS, b->subject_id,
                "host in an extended CONNECT for websocket");
    }
    bool valid = h->value.len > 0 && octets_all_in(h->value, IN_AUTHORITY); /* else told so */
    if (!valid || !is_request(session) || b->context.is_push ||
        (authority.len == 0 && !hpack_authority(session->hpack, &authority))) {
        return;
    }
    if (!same_any_case(without_port(authority), without_port(h->value))) {
        advise(session, h, CHECK_PSEUDO_AUTHORITY_HOST_MISMATCH, "host differs from :authority");
    }
}

/* ---- single fields ---- */

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

/* Whether it is a member of a list (RFC 9110 5.6.1). */
static bool has_member(struct span list, const char *word)
{
    const uint8_t *at = list.ptr, *end = list.ptr + list.len;
    while (at < end) {
        const uint8_t *comma = memchr(at, ',', (size_t)(end - at));
        const uint8_t *last = comma != NULL ? comma : end, *next = last + (comma != NULL);
        while (at < last && is_blank(*at)) {
            at++;
        }
        while (last > at && is_blank(last[-1])) {
            last--;
        }
        if (same_any_case(span_of(at, (size_t)(last - at)), span_str(word))) {
            return true;
        }
        at = next;
    }
    return false;
}

/* ---- content in HTTP/1.1's chunked coding ---- */

/* How far the content looks like a chunk's first line (RFC 9112 7.1): size [extension] CRLF. */
enum chunk_size {
    CHUNK_NOT,
    CHUNK_BEGINS,
    CHUNK_IN_SIZE,
    CHUNK_IN_EXTENSION,
    CHUNK_CR,
    CHUNK_LF,
};

static bool is_hex(uint8_t octet)
{
    return (octet >= '0' && octet <= '9') || (lower(octet) >= 'a' && lower(octet) <= 'f');
}

static enum chunk_size next_of(enum chunk_size at, uint8_t octet)
{
    switch (at) {
    case CHUNK_BEGINS:
        return is_hex(octet) ? CHUNK_IN_SIZE : CHUNK_NOT;
    case CHUNK_IN_SIZE:
        return is_hex(octet)   ? CHUNK_IN_SIZE
               : octet == ';'  ? CHUNK_IN_EXTENSION
               : octet == '\r' ? CHUNK_CR
                               : CHUNK_NOT;
    case CHUNK_IN_EXTENSION:
        return octet == '\r' ? CHUNK_CR : octet >= ' ' ? CHUNK_IN_EXTENSION : CHUNK_NOT;
    case CHUNK_CR:
        return octet == '\n' ? CHUNK_LF : CHUNK_NOT;
    default:
        return CHUNK_NOT;
    }
}

void h2_advise_chunk(struct h2_session *session, struct h2_stream *stream, struct span data)
{
    enum chunk_size at = session->gapped ? CHUNK_NOT : (enum chunk_size)stream->chunk_size;
    for (size_t i = 0; i < data.len && at != CHUNK_NOT && at != CHUNK_LF; i++) {
        at = next_of(at, data.ptr[i]);
    }
    if (at == CHUNK_LF) {
        h2_note(session, CHECK_FIELD_CHUNKED, stream->id,
                "the content begins with a chunk size, as HTTP/1.1's chunked coding does");
        at = CHUNK_NOT;
    }
    stream->chunk_size = (uint8_t)at;
}

/* RFC 9113 8.1, 8.2.2; RFC 8441 5. The field itself was told as one that may not stand. */
static void connection_specific(struct h2_session *session, const struct h2_header *h)
{
    bool of_upgrade =
        span_equal(h->name, span_str("connection")) || span_equal(h->name, span_str("upgrade"));
    if (span_equal(h->name, span_str("transfer-encoding")) && has_member(h->value, "chunked")) {
        advise(session, h, CHECK_FIELD_CHUNKED, "transfer-encoding: chunked");
        session->block.subject->chunk_size = CHUNK_BEGINS;
    }
    if (session->block.websocket && of_upgrade) {
        advise(session, h, CHECK_EXT_CONNECT_WS_FIELDS,
               "a field of HTTP/1.1's Upgrade in an extended CONNECT for websocket");
    }
}

static bool digits(const uint8_t *at, size_t n, unsigned max)
{
    unsigned value = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value <= max;
}

static bool is_one_of(const uint8_t *at, const char *words)
{
    for (; *words != '\0'; words += 3) {
        if (memcmp(at, words, 3) == 0) {
            return true;
        }
    }
    return false;
}

/* IMF-fixdate, RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". */
static bool is_fixdate(struct span value)
{
    static const char shape[] = "ddd, 00 mmm 0000 00:00:00 GMT";
    const uint8_t *at = value.ptr;
    if (value.len != sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (strchr("dm0", shape[i]) == NULL && at[i] != (uint8_t)shape[i]) {
            return false;
        }
    }
    return is_one_of(at, "MonTueWedThuFriSatSun") && digits(at + 5, 2, 31) &&
           is_one_of(at + 8, "JanFebMarAprMayJunJulAugSepOctNovDec") && digits(at + 12, 4, 9999) &&
           digits(at + 17, 2, 23) && digits(at + 20, 2, 59) && digits(at + 23, 2, 60);
}

static void regular(struct h2_session *session, const struct h2_header *h)
{
    struct h2_block *b = &session->block;
    uint32_t name = h->known & ~H2_NAME_NO_TRAILER;
    if (name == H2_NAME_BIT(H2_NAME_EXPECT) && is_request(session) && b->end_stream &&
        same_any_case(h->value, span_str("100-continue"))) {
        advise(session, h, CHECK_MSG_EXPECT_WITHOUT_CONTENT,
               "expect: 100-continue on a request that ends with its header section");
    }
    if (name == H2_NAME_BIT(H2_NAME_COOKIE) && (b->taken.stop & name) != 0 &&
        (b->taken.names & name) != 0 && (b->taken.twice & name) == 0) {
        advise(session, h, CHECK_FIELD_COOKIE_CRUMBS, "cookie stands on several lines");
    }
    if ((name & H2_NAMES_OF_DATE) != 0 && !is_fixdate(h->value)) {
        advise(session, h, CHECK_FIELD_DATE_FORMAT, "a date that is no IMF-fixdate");
    }
    bool cookie = (name & (H2_NAME_BIT(H2_NAME_COOKIE) | H2_NAME_BIT(H2_NAME_SET_COOKIE))) != 0;
    if ((name & H2_NAMES_SECRET) != 0 && h->inserted && (!cookie || h->value.len < SECRET_SHORT)) {
        advise(session, h, CHECK_HPACK_SENSITIVE_INDEXED,
               "a secret value was put into the dynamic table");
    }
    if (b->websocket && span_equal(h->name, span_str("sec-websocket-key"))) {
        h2_note(session, CHECK_EXT_CONNECT_WS_FIELDS, b->subject_id,
                "sec-websocket-key in an extended CONNECT for websocket");
    }
}

void h2_advise_field(struct h2_session *session, const struct h2_header *h)
{
    struct h2_block *b = &session->block;
    if ((h->known & b->taken.stop & H2_NAME_NO_TRAILER) != 0 && !b->headless) {
        advise(session, h, CHECK_FIELD_TRAILER_FORBIDDEN, "a field that trailers must not have");
    }
    switch (h->token) {
    case H2_TOKEN_NONE:
        regular(session, h);
        break;
    case H2_TOKEN_HOST:
        host(session, h);
        break;
    case H2_TOKEN_METHOD:
        b->tunnel = is_request(session) && span_equal(h->value, span_str("CONNECT"));
        break;
    case H2_TOKEN_TE:
        if (b->context.kind == MESSAGE_RESPONSE) {
            advise(session, h, CHECK_FIELD_TE_IN_RESPONSE, "te in a response");
        }
        break;
    case H2_TOKEN_CONNECTION_SPECIFIC:
        connection_specific(session, h);
        break;
    case H2_TOKEN_PROTOCOL:
        b->tunnel = false;
        b->websocket = is_request(session) && same_any_case(h->value, span_str("websocket"));
        b->quick = b->quick && !b->websocket;
        break;
    default:
        break;
    }
}

uint32_t h2_names_looked_at(struct h2_session *session)
{
    uint32_t names = H2_NAME_BIT(H2_NAME_EXPECT);
    names |= h2_report_wanted(session, CHECK_FIELD_DATE_FORMAT) ? H2_NAMES_OF_DATE : 0;
    names |= h2_report_wanted(session, CHECK_HPACK_SENSITIVE_INDEXED) ? H2_NAMES_SECRET : 0;
    /* Nearly all browsers send crumbs: who does not ask for them does not want to read of them. */
    bool crumbs = session->opt.checks != NULL && session->opt.checks[CHECK_FIELD_COOKIE_CRUMBS];
    names |= crumbs ? H2_NAME_BIT(H2_NAME_COOKIE) : 0;
    return session->observer ? names : 0;
}

void h2_advise_content(struct h2_session *session, const struct h2_stream *stream)
{
    if (session->role == H2_ROLE_SERVER && message_method_is_trace(&stream->message)) {
        h2_remark(session, CHECK_MSG_REQUEST_CONTENT_TRACE, CONFIDENCE_CERTAIN, stream->id,
                  "DATA on stream %u, whose request is a TRACE", stream->id);
    }
    if (stream->message.status == 205) {
        h2_note(session, CHECK_MSG_CONTENT_FORBIDDEN, stream->id,
                "DATA in a response of status 205");
    }
}

bool h2_session_authority(const struct h2_session *session, struct span *authority)
{
    const struct h2_block *b = &session->block;
    *authority = span_of(b->authority, b->authority_len);
    return !b->open && !b->lost && !b->unknown &&
           (authority->len > 0 ||
            (hpack_authority(session->hpack, authority) && authority->len > 0));
}

/* ---- whole blocks ---- */

/* RFC 9113 8.4: what a server promises must be a request that it may answer unasked. */
static void promise(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    const struct h2_message *message = &b->subject->message;
    enum message_promise fault = message_judge_promise(message);
    if ((fault & MESSAGE_PROMISE_UNSAFE) != 0) {
        (void)h2_break(session, H2_RULE_PUSH_UNSAFE, b->subject_id,
                       "stream %u is promised for a method that is not GET or HEAD", b->subject_id);
    }
    if ((fault & MESSAGE_PROMISE_CONTENT) != 0) {
        (void)h2_break(session, H2_RULE_PUSH_CONTENT, b->subject_id,
                       "stream %u is promised for a request with content", b->subject_id);
    }
    if ((fault & MESSAGE_PROMISE_NO_AUTHORITY) != 0) {
        (void)h2_break(session, H2_RULE_PUSH_NO_AUTHORITY, b->subject_id,
                       "stream %u is promised without :authority", b->subject_id);
    }
}

/* RFC 9110 9.3.6: the target of CONNECT is host and port. */
static void target(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    struct span authority = span_of(b->authority, b->authority_len);
    if (authority.len == 0 && !hpack_authority(session->hpack, &authority)) {
        return;
    }
    size_t n = authority.len;
    while (n > 0 && authority.ptr[n - 1] >= '0' && authority.ptr[n - 1] <= '9') {
        n--;
    }
    if (n == authority.len || n == 0 || authority.ptr[n - 1] != ':') {
        h2_note(session, CHECK_CONNECT_AUTHORITY, b->subject_id,
                "CONNECT to an :authority without a port");
    }
}

void h2_advise_whole(struct h2_session *session)
{
    struct h2_block *b = &session->block;
    uint32_t twice = b->taken.twice & H2_NAMES_SINGLE;
    for (unsigned id = 1; twice != 0 && id < H2_NAME_END; id++) {
        if ((twice & H2_NAME_BIT(id)) != 0) {
            h2_remark(session, CHECK_FIELD_DUPLICATE_SINGLETON, CONFIDENCE_CERTAIN, b->subject_id,
                      "%s stands more than once, and its value is no list",
                      h2_name_text((enum h2_name)id));
            twice &= ~H2_NAME_BIT(id);
        }
    }
    bool known = b->judge && b->subject != NULL && !b->lost && !b->unknown && !b->headless &&
                 b->frame.missing == 0 && (!b->sniff || b->sniffed);
    if (b->frame.hd.type == H2_PUSH_PROMISE && known && session->role == H2_ROLE_CLIENT) {
        promise(session);
    }
    if (b->tunnel && known) {
        target(session);
    }
    if (known && b->context.kind == MESSAGE_RESPONSE && b->subject->message.status >= 600) {
        h2_note(session, CHECK_PSEUDO_STATUS_INVALID, b->subject_id,
                "a status of 600 or above, of which no class is defined");
    }
}
