/* What the handshake of TLS says of a connection that carries HTTP/2 (checks.md 4.1, 4.12). Also of
 * one that cannot be read, when the server's choice of h2 stands in clear, as it does up to TLS
 * 1.2. What was not seen is not judged: nothing here rests on a hello that is not there. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/check_int.h"

#define TLS_1_2 0x0303

static void tell(struct check_conn *conn, enum dir dir, enum check id, enum confidence confidence,
                 const char *format, ...) H2D_PRINTF(5, 6);

/* A rule is broken by the hello of a side. */
static void tell(struct check_conn *conn, enum dir dir, enum check id, enum confidence confidence,
                 const char *format, ...)
{
    char text[MESSAGE_MAX];
    const struct tls_facts *tls = conn->info.tls;
    const struct pos *hello = dir == DIR_C2S ? &tls->client_hello : &tls->server_hello;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding finding = { .check = id,
                               .severity = finding_severity(id, confidence),
                               .confidence = confidence,
                               .dir = dir,
                               .first = pos_begin(hello),
                               .last = *hello,
                               .message = text,
                               .after_doomed = conn->doomed };
    check_finding(conn, &finding);
}

/* RFC 9113 9.2, 9.2.1, 9.2.2: what the server chose. */
static void look_at_choice(struct check_conn *conn, const struct tls_facts *tls)
{
    if (tls->server_hello.packet == 0) {
        return;
    }
    if (tls->version_id < TLS_1_2) {
        tell(conn, DIR_S2C, CHECK_TLS_VERSION_LOW, CONFIDENCE_CERTAIN,
             "HTTP/2 over %s; it must be TLS 1.2 or later", tls->version);
    }
    if (tls->version_id == TLS_1_2 && tls_suite_is_prohibited(tls->cipher_id)) {
        tell(conn, DIR_S2C, CHECK_TLS_PROHIBITED_CIPHER, CONFIDENCE_CERTAIN,
             "suite %s (%04x) stands in RFC 9113 appendix A", tls->cipher,
             (unsigned)tls->cipher_id);
    }
    if (tls->compression != 0) {
        tell(conn, DIR_S2C, CHECK_TLS_COMPRESSION, CONFIDENCE_CERTAIN,
             "the server chose TLS compression, method %u", (unsigned)tls->compression);
    }
}

/* RFC 9113 3.2. A connection joined in the middle, or one that --port says is HTTP/2, may have got
 * its protocol elsewhere. */
static void look_at_protocol(struct check_conn *conn, const struct tls_facts *tls)
{
    if (tls->client_hello.packet != 0 && tls->offers_h2c) {
        tell(conn, DIR_C2S, CHECK_ALPN_H2C_IN_TLS, CONFIDENCE_CERTAIN,
             "the client offers h2c inside TLS");
    }
    if (!tls->alpn_known || tls->server_hello.packet == 0) {
        return;
    }
    if (strcmp(tls->alpn, "h2c") == 0) {
        tell(conn, DIR_S2C, CHECK_ALPN_H2C_IN_TLS, CONFIDENCE_CERTAIN,
             "the server chose h2c inside TLS");
    } else if (tls->alpn[0] == '\0' && !conn->begun_late && tls->client_hello.packet != 0) {
        tell(conn, DIR_C2S, CHECK_ALPN_MISSING, CONFIDENCE_CERTAIN,
             "HTTP/2 inside TLS, and no protocol was agreed on with ALPN");
    } else if (tls->alpn[0] != '\0' && strcmp(tls->alpn, "h2") != 0 && tls->keys) {
        tell(conn, DIR_C2S, CHECK_ALPN_MISSING, CONFIDENCE_CERTAIN,
             "HTTP/2 inside TLS, though ALPN agreed on %.60s", tls->alpn);
    }
}

/* RFC 9113 9.2.1. */
static void look_at_keys(struct check_conn *conn, const struct tls_facts *tls)
{
    unsigned least = tls->dh_is_curve ? 224 : 2048;
    if (tls->dh_bits > 0 && tls->dh_bits < least) {
        const struct frame_place place = { 0, pos_begin(&tls->key_exchange), tls->key_exchange };
        check_tell_side(conn, DIR_S2C, CHECK_TLS_WEAK_DH, CONFIDENCE_CERTAIN, &place,
                        "the server's ephemeral key (%s) has %u bits; it should have %u or more",
                        tls->dh_is_curve ? "ECDHE" : "DHE", (unsigned)tls->dh_bits, least);
    }
}

void chk_tls(struct check_conn *conn)
{
    const struct tls_facts *tls = conn->info.tls;
    if (tls == NULL || (!tls->keys && (!tls->alpn_known || (strcmp(tls->alpn, "h2") != 0 &&
                                                            strcmp(tls->alpn, "h2c") != 0)))) {
        return;
    }
    look_at_choice(conn, tls);
    look_at_keys(conn, tls);
    look_at_protocol(conn, tls);
    bool named = tls->client_hello.packet == 0 || tls->sni[0] != '\0' || tls->ech;
    conn->unnamed = !named && tls->keys;
    if (!named && !tls->keys) {
        tell(conn, DIR_C2S, CHECK_TLS_SNI_MISSING, CONFIDENCE_POSSIBLE,
             "the ClientHello names no server; right only if the target is an address");
    }
}

/* ---- whom requests are for ---- */

static bool same_name(struct span a, struct span b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; same && i < a.len; i++) {
        same = tolower(a.ptr[i]) == tolower(b.ptr[i]);
    }
    return same;
}

/* RFC 9110 4.3.4, RFC 6125 6.4.3: a star stands for one label, the first. */
static bool covers(struct span name, struct span host)
{
    if (name.len < 3 || name.ptr[0] != '*' || name.ptr[1] != '.') {
        return same_name(name, host);
    }
    const uint8_t *dot = memchr(host.ptr, '.', host.len);
    return dot != NULL && dot > host.ptr &&
           same_name(span_of(name.ptr + 1, name.len - 1),
                     span_of(dot, host.len - (size_t)(dot - host.ptr)));
}

/* Without port, userinfo and the brackets of an address. */
static struct span host_of(struct span authority)
{
    struct span host = authority;
    const uint8_t *end = memchr(host.ptr, ']', host.len);
    if (host.ptr[0] == '[' && end != NULL) {
        return span_of(host.ptr + 1, (size_t)(end - host.ptr) - 1);
    }
    const uint8_t *colon = memchr(host.ptr, ':', host.len);
    return colon != NULL ? span_of(host.ptr, (size_t)(colon - host.ptr)) : host;
}

/* RFC 3986 3.2.2: digits and dots, or in brackets. */
static bool is_address(struct span authority)
{
    struct span host = host_of(authority);
    bool other = false;
    for (size_t i = 0; i < host.len; i++) {
        other |= host.ptr[i] != '.' && !isdigit(host.ptr[i]);
    }
    return authority.ptr[0] == '[' || !other;
}

/* RFC 9113 9.2: who means a name says it in the ClientHello; an address has none. Asked of the
 * first request. */
static void look_at_name(const struct at_frame *at, struct span authority)
{
    at->conn->unnamed = false;
    if (!is_address(authority)) {
        tell(at->conn, DIR_C2S, CHECK_TLS_SNI_MISSING, CONFIDENCE_LIKELY,
             "the ClientHello names no server, and the first request is for %.*s",
             (int)num_min_size(authority.len, 60), (const char *)authority.ptr);
    }
}

/* The server's by its certificate, or what it was asked for by name. */
static bool is_its_own(const struct tls_facts *tls, struct span authority)
{
    struct span host = host_of(authority);
    if (same_name(span_str(tls->sni), host)) {
        return true;
    }
    for (const char *line = tls->names; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (covers(span_of(line, len), host)) {
            return true;
        }
        line += len + (line[len] != '\0');
    }
    return false;
}

static void request_of(const struct at_frame *at, struct span authority)
{
    struct check_conn *conn = at->conn;
    uint32_t id = at->frame->hd.stream_id;
    conn->foreign[conn->foreign_count++ % FOREIGN_MAX] = id;
    check_tell(at, CHECK_AUTHORITY_SNI_MISMATCH, CONFIDENCE_CERTAIN,
               "a request for %.*s; the server was asked for as '%s', and its certificate has no "
               "such name",
               (int)num_min_size(authority.len, 60), (const char *)authority.ptr,
               conn->info.tls->sni);
}

/* RFC 9110 15.5.20: the server says itself that it is not for it. */
static void misdirected(const struct at_frame *at)
{
    const struct check_conn *conn = at->conn;
    uint32_t id = at->frame->hd.stream_id;
    for (uint32_t i = 0; i < FOREIGN_MAX && i < conn->foreign_count; i++) {
        if (conn->foreign[i] == id) {
            struct finding finding = {
                .check = CHECK_AUTHORITY_SNI_MISMATCH,
                .severity = SEVERITY_WARNING,
                .confidence = CONFIDENCE_CERTAIN,
                .dir = DIR_C2S,
                .has_stream = true,
                .stream_id = id,
                .first = at->frame->where.first,
                .last = at->frame->where.last,
                .message = "the server answered 421 (Misdirected Request) to a request that names "
                           "another authority",
            };
            check_finding(at->conn, &finding);
            return;
        }
    }
}

void chk_authority(const struct at_frame *at)
{
    const struct tls_facts *tls = at->conn->info.tls;
    uint8_t type = at->frame->hd.type;
    struct span authority;
    bool ends = (at->frame->hd.raw_flags & H2_FLAG_END_HEADERS) != 0;
    if (H2D_UNLIKELY(at->conn->unnamed) && ends && at->dir == DIR_C2S &&
        h2_session_authority(at->session, &authority)) {
        look_at_name(at, authority);
    }
    if (tls == NULL || tls->names == NULL || !ends) {
        return;
    }
    if (type == H2_HEADERS && at->dir == DIR_S2C &&
        h2_session_status(at->session, at->frame->hd.stream_id) == 421) {
        misdirected(at);
    } else if ((type == H2_PUSH_PROMISE || at->dir == DIR_C2S) &&
               h2_session_authority(at->session, &authority) && !is_its_own(tls, authority)) {
        if (type == H2_PUSH_PROMISE) {
            check_tell(at, CHECK_PUSH_AUTHORITY_FOREIGN, CONFIDENCE_CERTAIN,
                       "a promise for %.*s, which the server's certificate does not name",
                       (int)num_min_size(authority.len, 60), (const char *)authority.ptr);
        } else {
            request_of(at, authority);
        }
    }
}
