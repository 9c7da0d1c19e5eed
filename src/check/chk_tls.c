/* What the handshake of TLS says of a connection that carries HTTP/2 (checks.md 4.1, 4.12). Also of
 * one that cannot be read, when the server's choice of h2 stands in clear, as it does up to TLS
 * 1.2. What was not seen is not judged: nothing here rests on a hello that is not there. */
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
    /* For a target that is an address there is no name, and nobody here knows the target. */
    if (tls->client_hello.packet != 0 && tls->sni[0] == '\0' && !tls->ech) {
        tell(conn, DIR_C2S, CHECK_TLS_SNI_MISSING, CONFIDENCE_POSSIBLE,
             "the ClientHello names no server; right only if the target is an address");
    }
}
